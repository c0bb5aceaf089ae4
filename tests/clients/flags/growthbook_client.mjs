// GrowthBook's SDK for Node: features that it evaluates, features that the server evaluates, and what it tracks.
import { GrowthBook, configureCache, clearCache } from '@growthbook/growthbook';
import { growthbookTrackingPlugin } from '@growthbook/growthbook/plugins';

const { ROW, URL: OPEN, LIMITED_URL } = process.env;
const units = Array.from({ length: 60 }, (_, number) => `u${number}`);
configureCache({ disableCache: true });

async function clientOf(apiHost, clientKey, options = {}) {
  await clearCache();
  const sdk = new GrowthBook({ apiHost, clientKey, ...options });
  const { success, error } = await sdk.init({ timeout: 5000 });
  return { sdk, said: success ? null : String(error?.message ?? error) };
}

const said = async (url, key) => (await clientOf(url, key)).said;
const arms = {};
let viewed = 0;
for (const round of [0, 1]) {
  for (const id of units) {
    const { sdk } = await clientOf(OPEN, 'any', {
      attributes: { id, user_id: id },
      trackingCallback: () => (viewed += 1),
      plugins: [growthbookTrackingPlugin({ ingestorHost: OPEN, transport: 'fetch', enabled: true })],
    });
    const shown = sdk.evalFeature(`${ROW}-look`);
    arms[id] = [shown.experimentResult?.key, shown.value, shown.source];
    if (id === 'u1' && round === 0) await sdk.logEvent(`${ROW}-clicks`, { value: 2 });
    await new Promise((resolve) => setTimeout(resolve, 15));
    sdk.destroy();
  }
}
const remote = {};
for (const id of units.slice(0, 10)) {
  const { sdk } = await clientOf(OPEN, 'any', { attributes: { id }, remoteEval: true });
  remote[id] = ['look', 'dark', 'boost', 'places', 'title'].map((name) => sdk.evalFeature(`${ROW}-${name}`).value);
  sdk.destroy();
}
const { sdk: tester } = await clientOf(OPEN, 'any', { attributes: { id: 'tester' } });
const types = Object.fromEntries(
  ['dark', 'boost', 'places', 'title', 'list'].map((name) => [name, [tester.evalFeature(`${ROW}-${name}`).value]]),
);
const forcedVariations = { [`${ROW}-look`]: 'b' }; // an arm is a number
const wrong = { attributes: { id: 'u1' }, remoteEval: true, forcedVariations };
const invalid = [(await clientOf(OPEN, 'any', wrong)).said];
const unknown = [await said(LIMITED_URL, 'nobody')];
const limited = [await said(LIMITED_URL, `${ROW}-key`), await said(LIMITED_URL, `${ROW}-key`)];
await new Promise((resolve) => setTimeout(resolve, 2200));
limited.push(await said(LIMITED_URL, `${ROW}-key`));
process.stdout.write(`${JSON.stringify({ arms, viewed, remote, types, invalid, unknown, limited })}\n`, () => process.exit(0));
