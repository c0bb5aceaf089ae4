// Braze's templates, rendered by brazejs: its connected_content tag asks as Braze's own does.
import { createRequire } from 'node:module';

const { default: Liquid } = createRequire(import.meta.url)('brazejs');
const { URL: OPEN, LIMITED_URL: GUARDED, TEMPLATE } = process.env;

// The template with its host changed, and nothing else.
async function rendered(url, options = '') {
  const text = TEMPLATE.replace('HOST', new URL(url).host).replace(':save result', `${options} :save result`);
  const body = await new Liquid().parseAndRender(text, { user_id: 'u7', '${user_id}': 'u7' });
  return body.trim();
}

const settled = (promise) => promise.catch((error) => `error: ${error.message}`);
console.log(
  JSON.stringify({
    stored: await settled(rendered(OPEN)),
    again: await settled(rendered(OPEN)),
    unknown: await settled(rendered(GUARDED)),
    keyed: await settled(rendered(GUARDED, ':headers {"X-Api-Key": "mail-key"}')),
  }),
);
process.exit(0);
