// Optimizely's SDK for Node, told where the datafile is, with a dispatcher that posts its events to us.
import {
  createBatchEventProcessor,
  createInstance,
  createLogger,
  createPollingProjectConfigManager,
  DEBUG,
  NOTIFICATION_TYPES,
  OptimizelyDecideOption,
} from '@optimizely/optimizely-sdk';

const { ROW, URL: OPEN, LIMITED_URL } = process.env;
const units = Array.from({ length: 1000 }, (_, number) => `unit-${number}`);
const QUIET = [OptimizelyDecideOption.DISABLE_DECISION_EVENT];
const rest = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

class Dispatcher {
  constructor(url) {
    this.url = url;
    this.statuses = [];
  }
  // Posts to us, twice, and comes again when it is told to.
  async dispatchEvent(event) {
    await this.post(event);
    return this.post(event);
  }
  async post(event) {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(`${this.url}/v1/events`, { method: 'POST', body: JSON.stringify(event.params), headers });
    this.statuses.push(answer.status);
    if (answer.status !== 429) return { statusCode: answer.status };
    await rest(1000 * Number(answer.headers.get('Retry-After')));
    return this.post(event);
  }
}

async function clientOf(url, sdkKey, updateInterval = 1000, flushInterval = 60_000) {
  const said = [];
  const logger = createLogger({ level: DEBUG, logHandler: { log: (_, message) => said.push(message) } });
  const dispatcher = new Dispatcher(url);
  const sent = [];
  const sdk = createInstance({
    projectConfigManager: createPollingProjectConfigManager({
      sdkKey,
      urlTemplate: `${url}/datafiles/%s.json`,
      autoUpdate: true,
      updateInterval,
    }),
    eventProcessor: createBatchEventProcessor({ eventDispatcher: dispatcher, batchSize: 200, flushInterval }),
    logger,
  });
  sdk.notificationCenter.addNotificationListener(NOTIFICATION_TYPES.LOG_EVENT, (event) => sent.push(event));
  const ready = await sdk.onReady({ timeout: 5000 }).then(
    () => null,
    (error) => String(error.message ?? error),
  );
  return { sdk, said, sent, dispatcher, ready };
}

const client = await clientOf(OPEN, `${ROW}-key`);
const arms = {};
for (const unit of units) {
  const decision = client.sdk.createUserContext(unit).decide(`${ROW}-look`, QUIET);
  arms[unit] = [decision.variationKey, decision.variables, decision.ruleKey];
}
for (const unit of units.slice(0, 60)) {
  const user = client.sdk.createUserContext(unit, { sessionId: `s-${unit}` });
  user.decide(`${ROW}-look`);
  if (unit === units[0]) {
    user.trackEvent('clicks', { value: 2 });
    user.trackEvent('buy', { itemId: 'i1', revenue: 1250, SHELF: 'top' });
  }
}
const tester = client.sdk.createUserContext('tester');
const types = Object.fromEntries(
  ['dark', 'boost', 'places', 'title', 'list'].map((name) => [name, tester.decide(`${ROW}-${name}`, QUIET).variables]),
);
await rest(3500); // some polls
await client.sdk.close();
const unknown = await clientOf(LIMITED_URL, 'nobody');
const slow = await clientOf(LIMITED_URL, `${ROW}-key`, 60_000, 300);
await rest(2200);
slow.sdk.createUserContext('u1').trackEvent('buy', { itemId: 'i1' });
for (let turn = 0; turn < 200 && slow.dispatcher.statuses.filter((each) => each === 204).length < 2; turn += 1) await rest(100);
await slow.sdk.close();
process.stdout.write(`${JSON.stringify({
    arms,
    types,
    polls: client.said.filter((each) => each.includes('status code: 304')).length,
    sent: client.sent.length,
    statuses: client.dispatcher.statuses,
    unknown: [unknown.ready, ...unknown.said.filter((each) => each.includes('401'))],
    limited: slow.dispatcher.statuses,
  })}\n`, () => process.exit(0));
