// Asks how many messages a gateway sent today, and its daily limit: GET /sender/{sender}.
// Run, after npm ci: WACHAT_API_KEY=... WACHAT_SENDER=628... node sender.js
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
const sender = encodeURIComponent(setting('WACHAT_SENDER'));

let answer;
try {
  // Every status is an answer; what it says is looked at below.
  answer = await axios.get(`${api}/sender/${sender}`, { headers, timeout: 10_000, validateStatus: null });
} catch (error) {
  stop(1, `no answer: ${error.message || error.code}`);
}

const { status, data } = answer;
if (status >= 300 || data?.error !== false) {
  stop(1, `${status}: ${data?.message ?? 'the answer is not one of this API'}`);
}
console.log(JSON.stringify(data));
