// Amplitude's client for Node: each call's promise has a status and a message.
import { readFileSync } from 'node:fs';
import { createInstance, Identify, Types } from '@amplitude/analytics-node';

const { ROW, URL: OPEN, LIMITED_URL, MESSAGES } = process.env;
const { events, user, age } = JSON.parse(readFileSync(MESSAGES, 'utf8'));

// What the client calls back for each event: insert_id, status and message.
async function delivered(url, send, { key = `${ROW}-key`, ...options } = {}) {
  const client = createInstance();
  const logLevel = Types.LogLevel.None;
  await client.init(key, { serverUrl: url, flushIntervalMillis: 200, logLevel, ...options }).promise;
  const results = [];
  for (const round of [send].flat()) results.push(...(await Promise.all(round(client).map(({ promise }) => promise))));
  return { calls: results.map(({ event, code, message }) => [event.insert_id, code, message]) };
}

const options = (insert_id, user_id = 'u1') => ({ user_id, device_id: 'd1', insert_id });

function journey(client) {
  const identify = new Identify();
  Object.entries(user).forEach(([name, value]) => identify.set(name, value));
  identify.add('age', age);
  return [
    ...events.map(([name, properties], place) => client.track(name, properties, options(`m${place}`))),
    client.identify(identify, options('m9')),
  ];
}

// Three events, of which the second says neither whose it is nor of which device.
const partial = (client) =>
  [0, 1, 2].map((place) => {
    const { insert_id, ...who } = options(`p${place}`, 'u2');
    return client.track('Product Viewed', { product_id: `i${place}` }, place === 1 ? { insert_id } : { insert_id, ...who });
  });

const large = (client) =>
  [0, 1, 2, 3].map((place) =>
    client.track('Product Viewed', { product_id: `i${place}`, text: 'x'.repeat(400_000) }, options(`l${place}`, 'u3')),
  );

const two = (client) =>
  [0, 1].map((place) => client.track('Product Viewed', { product_id: `i${place}` }, options(`m${place}`)));

const result = {
  stored: await delivered(`${OPEN}/2/httpapi`, [journey, journey]), // the second is of the same insert_ids
  partial: await delivered(`${OPEN}/2/httpapi`, partial),
  large: await delivered(`${OPEN}/2/httpapi`, large),
  unknown: await delivered(`${OPEN}/2/httpapi`, two, { key: 'nobody' }),
  limited: await delivered(`${LIMITED_URL}/batch`, two, { flushQueueSize: 1 }),
};
console.log(JSON.stringify(result));
process.exit(0);
