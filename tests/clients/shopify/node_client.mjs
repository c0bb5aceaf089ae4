// Webhooks as Shopify sends them: its library says whether each is signed, and the server, too.
import '@shopify/shopify-api/adapters/node';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ApiVersion, shopifyApi } from '@shopify/shopify-api';

const { ROW, URL: OPEN, LIMITED_URL, MESSAGES } = process.env;
const bodies = JSON.parse(readFileSync(MESSAGES, 'utf8'));
const shopify = shopifyApi({
  apiKey: 'key',
  apiSecretKey: 'hush',
  apiVersion: ApiVersion.April26 ?? ApiVersion.January26,
  hostName: 'app.example',
  isEmbeddedApp: false,
  logger: { level: -1 },
});

function headersOf(topic, body, { style = 'X-Shopify-', secret = 'hush', id = topic, omit } = {}) {
  const named = {
    Topic: topic,
    'Hmac-Sha256': createHmac('sha256', secret).update(body, 'utf8').digest('base64'),
    'Shop-Domain': 'a.myshopify.com',
    'API-Version': '2026-04',
    'Webhook-Id': `w-${id}`,
    'Event-Id': `e-${id}`,
  };
  if (omit) delete named[omit];
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [style + name, value]));
}

const post = (url, headers, body) => fetch(`${url}/shopify/webhook/${ROW}`, { method: 'POST', headers, body });

// Whether the library takes the request, and what the server answers to it.
async function both(topic, body, options, sent = body) {
  const headers = headersOf(topic, body, options);
  const checked = await shopify.webhooks.validate({ rawBody: sent, rawRequest: { headers, method: 'POST', url: '/' } });
  const answer = await post(OPEN, headers, sent);
  return { topic, valid: checked.valid, reason: checked.reason, status: answer.status };
}

const order = bodies['orders/create'];
const accepted = [];
for (const style of ['X-Shopify-', 'shopify-']) {
  for (const [topic, body] of Object.entries(bodies)) accepted.push(await both(topic, body, { style }));
}
const refused = [
  await both('orders/create', order, {}, `${order} `),
  await both('orders/create', order, { secret: 'guessed' }),
  await both('orders/create', order, { omit: 'Hmac-Sha256' }),
  await both('orders/create', order, { omit: 'Topic' }),
];

const vector = { body: '{"foo": "bar"}', signature: 'B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g=' };
const official = headersOf('orders/create', vector.body, { secret: 'test_secret_key' });
const vectorAnswer = await post(OPEN, official, vector.body);

const limited = [];
for (const id of ['1', '2']) {
  const headers = headersOf('orders/create', order.replace('820982911946154508', id), { id });
  const body = order.replace('820982911946154508', id);
  let answer = await post(LIMITED_URL, headers, body);
  limited.push(answer.status);
  if (answer.status === 429) {
    await new Promise((resolve) => setTimeout(resolve, 1000 * Number(answer.headers.get('retry-after'))));
    answer = await post(LIMITED_URL, headers, body);
    limited.push(answer.status);
  }
}

console.log(
  JSON.stringify({
    accepted,
    refused,
    vector: [official['X-Shopify-Hmac-Sha256'] === vector.signature, vectorAnswer.status],
    limited,
  }),
);
