// The AWS SDK for JavaScript's client of Evidently.
import {
  BatchEvaluateFeatureCommand,
  EvaluateFeatureCommand,
  EvidentlyClient,
  PutProjectEventsCommand,
} from '@aws-sdk/client-evidently';

const { ROW, URL: OPEN, LIMITED_URL } = process.env;
const units = Array.from({ length: 60 }, (_, number) => `u${number}`);
const anyone = { accessKeyId: 'any', secretAccessKey: 'any' };
const own = { accessKeyId: ROW.replaceAll('-', '_'), secretAccessKey: `${ROW}-key` };
const clientOf = (endpoint, credentials = anyone, maxAttempts = 1) =>
  new EvidentlyClient({ endpoint, region: 'us-east-1', disableHostPrefix: true, credentials, maxAttempts });

async function errorOf(client, command) {
  try {
    await client.send(command);
  } catch (error) {
    return [error.$metadata?.httpStatusCode, error.name];
  }
  return null;
}

const client = clientOf(OPEN);
const feature = `${ROW}-look`;
const arms = {};
for (const _ of [0, 1]) {
  for (const entityId of units) {
    const told = await client.send(new EvaluateFeatureCommand({ project: ROW, feature, entityId }));
    arms[entityId] = [told.variation, JSON.parse(told.value.stringValue), told.reason];
  }
}
const names = ['dark', 'boost', 'places', 'title', 'list'];
const requests = names.map((name) => ({ entityId: 'tester', feature: `${ROW}-${name}` }));
const { results } = await client.send(new BatchEvaluateFeatureCommand({ project: ROW, requests }));
const types = Object.fromEntries(names.map((name, place) => [name, results[place].value]));
const clicked = { userDetails: { userId: 'u1' }, details: { clicks: 2 } };
const event = { type: 'aws.evidently.custom', timestamp: new Date(), data: JSON.stringify(clicked) };
const wrong = { ...event, data: JSON.stringify({ ...clicked, details: { clicks: 'many' } }) };
const put = await client.send(new PutProjectEventsCommand({ project: ROW, events: [event, wrong] }));
const failed = put.eventResults.map((each) => each.errorCode ?? null);
const missing = await errorOf(client, new EvaluateFeatureCommand({ project: ROW, feature: 'nobody-knows', entityId: 'u1' }));
const wrongContext = { project: ROW, feature, entityId: 'u1', evaluationContext: '[]' };
const invalid = await errorOf(client, new EvaluateFeatureCommand(wrongContext));
const padded = { ...event, data: JSON.stringify({ ...clicked, padding: 'x'.repeat(30_000) }) };
const large = await errorOf(client, new PutProjectEventsCommand({ project: ROW, events: Array(40).fill(padded) }));
const asked = { project: ROW, feature, entityId: 'u1' };
const unknown = await errorOf(clientOf(LIMITED_URL), new EvaluateFeatureCommand(asked));
const hasty = clientOf(LIMITED_URL, own);
let often = null;
for (let tries = 0; often === null && tries < 100; tries += 1) {
  often = await errorOf(hasty, new EvaluateFeatureCommand(asked));
}
const waited = await clientOf(LIMITED_URL, own, 10).send(new EvaluateFeatureCommand(asked));
const limited = [...often, waited.variation === arms.u1[0]];
const errors = { failed, missing, unknown, invalid, large, limited };
process.stdout.write(`${JSON.stringify({ arms, types, ...errors })}\n`, () => process.exit(0));
