// Questions as Shopify's app proxy hands them on: its library says whether each is signed, and the server, too.
import '@shopify/shopify-api/adapters/node';
import { createHmac } from 'node:crypto';
import { ApiVersion, shopifyApi } from '@shopify/shopify-api';

const base = `${process.env.URL}/shopify/proxy/shopify-proxy/home`;
const shopify = shopifyApi({
  apiKey: 'key',
  apiSecretKey: 'hush',
  apiVersion: ApiVersion.April26 ?? ApiVersion.January26,
  hostName: 'app.example',
  isEmbeddedApp: false,
  logger: { level: -1 },
});

function signed(query, secret = 'hush') {
  const text = Object.keys(query).sort().map((name) => `${name}=${[query[name]].flat().join(',')}`).join('');
  return { ...query, signature: createHmac('sha256', secret).update(text).digest('hex') };
}

async function both(query) {
  const valid = await shopify.utils.validateHmac(query, { signator: 'appProxy' }).catch((error) => error.message);
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map((each) => [name, each]));
  const answer = await fetch(`${base}?${new URLSearchParams(pairs)}`);
  return { valid, status: answer.status, body: await answer.json() };
}

const now = String(Math.floor(Date.now() / 1000));
const plain = { shop: 'a.myshopify.com', logged_in_customer_id: '115310627314723954', path_prefix: '/apps/recs', timestamp: now };
console.log(
  JSON.stringify([
    await both(signed(plain)),
    await both(signed({ ...plain, exclude: ['i1', 'i2'], filterValues: '{}', filter: 'new', numResults: '3' })),
    await both({ ...signed(plain), logged_in_customer_id: '1' }),
    await both(signed(plain, 'guessed')),
    await both(signed({ ...plain, timestamp: String(Number(now) - 100) })),
  ]),
);
