// mParticle's client for Node.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const { ROW, URL: OPEN, LIMITED_URL, MESSAGES } = process.env;
const messages = JSON.parse(readFileSync(MESSAGES, 'utf8'));
const mParticle = createRequire(import.meta.url)('mparticle');

function client(url, key = `${ROW}-key`, secret = 'secret') {
  const api = new mParticle.EventsApi(new mParticle.Configuration(key, secret));
  api.apiClient.basePath = `${url}/v2`;
  return api;
}

function commerce(name, products, attributes) {
  const event = new mParticle.CommerceEvent();
  event.product_action = new mParticle.ProductAction(name);
  event.product_action.products = products.map((each) => mParticle.Product.constructFromObject(each));
  return Object.assign(event, { session_uuid: 's1', source_message_id: name, custom_attributes: attributes });
}

function custom(name, attributes, messageId = name) {
  const event = new mParticle.AppEvent(mParticle.AppEvent.CustomEventType.other, name);
  return Object.assign(event, { session_uuid: 's1', source_message_id: messageId, custom_attributes: attributes });
}

function batch(events, attributes) {
  const created = new mParticle.Batch(mParticle.Batch.Environment.development);
  created.user_identities = new mParticle.UserIdentities();
  created.user_identities.customerid = 'u1';
  created.user_attributes = attributes;
  events.forEach((event) => created.addEvent(event));
  return created;
}

function journey() {
  const { viewed, attributes, bought, watched, played, user } = messages;
  const events = [
    commerce('view_detail', [viewed], attributes),
    commerce('purchase', bought),
    custom('Watch', watched),
    custom('Song Played', played),
  ];
  return Object.assign(batch(events, user), { source_request_id: 'r1' });
}

// What the callback is handed: a status, and of an error its body.
const answerOf = (api, call, body) =>
  new Promise((resolve) => {
    api[call](body, (error, _, response) => {
      resolve(error ? { status: error.status, body: error.response?.text } : { status: response.status });
    });
  });

// Batches at once; those that are refused are sent again until none is.
async function limited() {
  const rounds = [];
  let names = ['i0', 'i1', 'i2'];
  while (names.length) {
    const sending = names.map((name) =>
      answerOf(client(LIMITED_URL), 'uploadEvents', batch([custom('Watch', { itemId: name }, name)])),
    );
    rounds.push((await Promise.all(sending)).map(({ status }) => status));
    names = names.filter((_, place) => rounds.at(-1)[place] === 429);
    await sleep(300);
  }
  return rounds.flat();
}

const stored = [
  await answerOf(client(OPEN), 'uploadEvents', journey()),
  await answerOf(client(OPEN), 'bulkUploadEvents', [journey()]),
];
const unknown = await answerOf(client(OPEN, 'nobody'), 'uploadEvents', journey());
const wrong = await answerOf(client(OPEN, undefined, 'other'), 'uploadEvents', journey());
const nameless = { environment: 'development', events: [{ data: {} }] };
const broken = await answerOf(client(OPEN), 'bulkUploadEvents', [journey(), nameless]);
console.log(JSON.stringify({ stored, unknown, wrong, broken, limited: await limited() }));
process.exit(0);
