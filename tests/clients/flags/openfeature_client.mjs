// OpenFeature for Node, with its OFREP provider.
import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

const { ROW, URL: OPEN, LIMITED_URL } = process.env;
const units = Array.from({ length: 60 }, (_, number) => `u${number}`);

async function clientOf(baseUrl, key) {
  const domain = `${baseUrl} ${key}`;
  await OpenFeature.setProviderAndWait(domain, new OFREPProvider({ baseUrl, headers: [['X-API-Key', key]] }));
  return OpenFeature.getClient(domain);
}

async function errorOf(client) {
  const { errorCode, errorMessage } = await client.getObjectDetails(`${ROW}-look`, {}, { targetingKey: 'u1' });
  return errorCode ? `${errorCode}: ${errorMessage}` : null;
}

const client = await clientOf(OPEN, 'any');
const arms = {};
for (const _ of [0, 1]) {
  for (const targetingKey of units) {
    const details = await client.getObjectDetails(`${ROW}-look`, {}, { targetingKey });
    arms[targetingKey] = [details.variant, details.value, details.reason, details.errorCode ?? null];
  }
}
const each = (call, flag, none) =>
  Promise.all(units.slice(0, 20).map((targetingKey) => client[call](`${ROW}-${flag}`, none, { targetingKey })));
const types = {
  dark: await each('getBooleanValue', 'dark', false),
  boost: await each('getNumberValue', 'boost', 0),
  places: await each('getNumberValue', 'places', 0),
  title: await each('getStringValue', 'title', ''),
  list: await client.getObjectValue(`${ROW}-list`, {}, { targetingKey: 'tester' }),
};
const missing = (await client.getObjectDetails('nobody-knows', {}, { targetingKey: 'tester' })).errorCode;
const invalid = (await client.getObjectDetails(`${ROW}-look`, {}, { targetingKey: 'u'.repeat(257) })).errorCode;
const unknown = await errorOf(await clientOf(LIMITED_URL, 'nobody'));
const slow = await clientOf(LIMITED_URL, `${ROW}-key`);
const limited = [await errorOf(slow), await errorOf(slow), await errorOf(slow)];
process.stdout.write(`${JSON.stringify({ arms, types, missing, invalid, unknown, limited })}\n`, () => process.exit(0));
