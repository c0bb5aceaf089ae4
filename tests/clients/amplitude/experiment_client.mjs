// Amplitude's client of experiments for Node, and that of analytics, which tells what the users saw and did.
import { createInstance, Types } from '@amplitude/analytics-node';
import experiment from '@amplitude/experiment-node-server';

const { LogLevel, RemoteEvaluationClient } = experiment;
const { ROW, URL: OPEN, LIMITED_URL } = process.env;
const KEY = `${ROW}-key`;
const users = Array.from({ length: 50 }, (_, number) => `u${number}`);

// Keeps what the client says.
const heard = [];
const hear = (...texts) => heard.push(texts.map(String).join(' '));
const loggerProvider = { error: hear, warn: hear, info: () => {}, debug: () => {}, verbose: () => {} };

const client = (serverUrl, key = KEY, options = {}) =>
  new RemoteEvaluationClient(key, { serverUrl, loggerProvider, logLevel: LogLevel.Error, ...options });

async function variants() {
  const remote = client(OPEN);
  const found = {};
  for (const user of users) {
    const flags = Object.entries(await remote.fetchV2({ user_id: user }));
    found[user] = Object.fromEntries(flags.map(([flag, { key, value }]) => [flag, { key, value }]));
  }
  return found;
}

// What each user saw, and a purchase of each, told twice.
async function reported(seen) {
  const analytics = createInstance();
  const options = { serverUrl: `${OPEN}/2/httpapi`, flushIntervalMillis: 200, logLevel: Types.LogLevel.None };
  await analytics.init(KEY, options).promise;
  const once = () =>
    Object.entries(seen).flatMap(([user_id, flags]) => [
      ...Object.entries(flags).map(([flag_key, { key }]) =>
        analytics.track('$exposure', { flag_key, variant: key }, { user_id, insert_id: `x-${user_id}` }),
      ),
      analytics.track('Order Completed', { product_id: 'i1' }, { user_id, insert_id: `o-${user_id}` }),
    ]);
  const results = [];
  // one after the other: an answer also takes those of the same insert_id out of the queue, which then never call back
  for (const _ of [1, 2]) results.push(...(await Promise.all(once().map(({ promise }) => promise))));
  return results.map(({ event, code, message }) => [event.insert_id, code, message]);
}

const unknown = () =>
  client(OPEN, 'nobody', { fetchRetries: 0 })
    .fetchV2({ user_id: 'u1' })
    .then(() => '', (error) => `${error.statusCode} ${error}`);

async function limited() {
  const remote = client(LIMITED_URL, KEY, { fetchRetries: 20, fetchRetryBackoffMinMillis: 300, fetchRetryBackoffScalar: 1 });
  const fetched = [];
  for (let time = 0; time < 3; time += 1) fetched.push(Object.keys(await remote.fetchV2({ user_id: 'u1' })).length > 0);
  return fetched;
}

const seen = await variants();
const result = { variants: seen, calls: await reported(seen), unknown: await unknown(), limited: await limited() };
console.log(JSON.stringify({ ...result, heard: heard.join(' ') }));
process.exit(0);
