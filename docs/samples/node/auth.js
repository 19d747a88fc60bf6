// Asks whose the API key is: GET /auth/api_key.
// Run, after npm ci: WACHAT_API_KEY=... node auth.js
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

let answer;
try {
  // Every status is an answer; what it says is looked at below.
  answer = await axios.get(`${api}/auth/api_key`, { headers, timeout: 10_000, validateStatus: null });
} catch (error) {
  stop(1, `no answer: ${error.message || error.code}`);
}

const { status, data } = answer;
if (status >= 300 || data?.error !== false) {
  stop(1, `${status}: ${data?.message ?? 'the answer is not one of this API'}`);
}
console.log(JSON.stringify(data));
