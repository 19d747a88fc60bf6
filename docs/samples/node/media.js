// Queues a picture with a caption: POST /media.
// Run, after npm ci: WACHAT_API_KEY=... WACHAT_DEVICE_ID=... WACHAT_DESTINATION=628... node media.js
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import axios from 'axios';

const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAAA1BMVEUl02aXOOtgAAAADElEQVR42mNgIA0AAAAwAAEodEl9AAAAAElFTkSuQmCC';

function stop(status, message) {
  console.error(message);
  process.exit(status);
}

function setting(name) {
  return process.env[name] || stop(2, `${name} is not set`);
}

const api = (process.env.WACHAT_URL || 'http://127.0.0.1:8080').replace(/\/+$/, '') + '/wachat_api/1.0';
// One key for all tries: a repeat of a request that did arrive sends nothing twice.
const headers = { APIKey: setting('WACHAT_API_KEY'), 'Idempotency-Key': randomUUID() };
const fields = {
  queue: setting('WACHAT_DEVICE_ID'),
  destination: setting('WACHAT_DESTINATION'),
  caption: 'A green square 🟩\nThis is the second line.',
  // A file of yours: (await readFile('photo.jpg')).toString('base64'), with readFile from node:fs/promises
  media_base64: PNG,
  file_name: 'square.png',
};

let answer;
for (let attempt = 1; !answer; attempt++) {
  try {
    // Every status is an answer; what it says is looked at below.
    answer = await axios.post(`${api}/media`, fields, { headers, timeout: 60_000, validateStatus: null });
  } catch (error) {
    if (attempt === 3) stop(1, `no answer: ${error.message || error.code}`);
    await pause(2_000);
  }
}

const { status, data } = answer;
if (status >= 300 || data?.error !== false) {
  stop(1, `${status}: ${data?.message ?? 'the answer is not one of this API'}`);
}
console.log(JSON.stringify(data));
