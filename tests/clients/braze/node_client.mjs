// Braze's templates, rendered by brazejs: its connected_content tag asks as Braze's own does.
import { createRequire } from 'node:module';

const { default: Liquid } = createRequire(import.meta.url)('brazejs');
const { URL: OPEN, LIMITED_URL: GUARDED, TEMPLATE } = process.env;

// The template with its host changed, and nothing else.
async function rendered(url, options = '', template = TEMPLATE) {
  const text = template.replace('HOST', new URL(url).host).replace(':save result', `${options} :save result`);
  const body = await new Liquid().parseAndRender(text, { user_id: 'u7', '${user_id}': 'u7' });
  return body.trim();
}

const KEYED = ':headers {"X-Api-Key": "mail-key"}';
const settled = (promise) => promise.catch((error) => `error: ${error.message}`);

// What is rendered in the end, where nothing that was rendered before is shown again.
async function repeated(isEnd) {
  for (let turn = 0; turn < 40; turn += 1) {
    const text = await settled(rendered(GUARDED, `${KEYED} :cache 0`));
    if (isEnd(text)) return text;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return 'not in ten seconds';
}

const told = {
  stored: await settled(rendered(OPEN)),
  again: await settled(rendered(OPEN)),
  invalid: await settled(rendered(OPEN, '', TEMPLATE.replace('numResults=4', 'numResults=0'))),
  unknown: await settled(rendered(GUARDED)),
  keyed: await settled(rendered(GUARDED, `${KEYED} :cache 0`)),
};
told.limited = await repeated((text) => text !== told.keyed);
told.later = await repeated((text) => text === told.keyed);
console.log(JSON.stringify(told));
process.exit(0);
