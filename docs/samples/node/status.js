// Asks how far a message has come: GET /status/{message_ref_no}.
// Run, after npm ci: WACHAT_API_KEY=... WACHAT_REF_NO=... node status.js
import axios from 'axios';

function stop(status, message) {
  console.error(message);
  process.exit(status);
}

function setting(name) {
  return process.env[name] || stop(2, `${name} is not set`);
}

const api = (process.env.WACHAT_URL || 'http://127.0.0.1:8080').replace(/\/+$/, '') + '/wachat_api/1.0';
const headers = { APIKey: setting('WACHAT_API_KEY') };
const refNo = encodeURIComponent(setting('WACHAT_REF_NO'));

let answer;
try {
  // Every status is an answer; what it says is looked at below.
  answer = await axios.get(`${api}/status/${refNo}`, { headers, timeout: 10_000, validateStatus: null });
} catch (error) {
  stop(1, `no answer: ${error.message || error.code}`);
}

const { status, data } = answer;
if (status >= 300 || data?.error !== false) {
  stop(1, `${status}: ${data?.message ?? 'the answer is not one of this API'}`);
}
console.log(JSON.stringify(data));
