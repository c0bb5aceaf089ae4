// Segment's and RudderStack's clients for Node.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { CLIENT, ROW, URL: OPEN, LIMITED_URL, MESSAGES } = process.env;
const { tracks, traits } = JSON.parse(readFileSync(MESSAGES, 'utf8'));
const isRudder = CLIENT.startsWith('@rudderstack');
const required = createRequire(import.meta.url)(CLIENT);
const who = { userId: 'u1', anonymousId: 'a1' };

function client(url, key, options = {}) {
  if (isRudder) {
    const Rudder = required.default ?? required;
    return new Rudder(key, { dataPlaneUrl: url, flushInterval: 100, logLevel: 'error', ...options });
  }
  return new required.Analytics({ writeKey: key, host: url, path: '/v1/batch', flushInterval: 100, ...options });
}

// What the client says by its own callback: the errors, in words.
async function errorsOf(url, key, messages, options) {
  const errors = [];
  const sender = client(url, key, { ...options, ...(isRudder && { errorHandler: (error) => errors.push(said(error)) }) });
  sender.on?.('error', (error) => errors.push(said(error.reason ?? error)));
  const calls = messages.map(
    ([call, message]) =>
      new Promise((resolve) => {
        sender[call](message, (error) => {
          if (error) errors.push(said(error));
          resolve();
        });
      }),
  );
  await Promise.all(calls);
  await (isRudder ? undefined : sender.closeAndFlush());
  return errors;
}

const said = (error) => String(error?.response?.status ?? error?.status ?? error?.message ?? error);
const named = tracks.map((each, place) => ['track', { ...who, ...each, messageId: `m${place}` }]);
const journey = [...named, ['identify', { ...who, traits, messageId: 'm9' }]];
const two = [0, 1].map((place) => [
  'track',
  { ...who, event: 'Product Viewed', properties: { product_id: `i${place}` }, messageId: `m${place}` },
]);

// More than a batch may have, where the client lets it out; else a batch that lost its end on the way.
const invalidOf = (key) => {
  if (!isRudder) {
    const httpClient = (url, options) => fetch(url, { ...options, body: options.body.slice(0, -1) });
    return errorsOf(OPEN, key, two, { httpClient });
  }
  const large = { ...who, event: 'Note Written', properties: { note: 'x'.repeat(30_000) } }; // is about no item
  return errorsOf(OPEN, key, Array(21).fill(['track', large]), { flushAt: 20 }); // the first goes alone
};

const key = `${ROW}-key`;
const [stored, invalid, unknown, limited] = await Promise.all([
  errorsOf(OPEN, key, [...journey, ...journey]),
  invalidOf(key),
  errorsOf(OPEN, 'nobody', two),
  errorsOf(LIMITED_URL, key, two, { flushAt: 1 }),
]);
console.log(JSON.stringify({ stored, invalid, unknown, limited }));
process.exit(0);
