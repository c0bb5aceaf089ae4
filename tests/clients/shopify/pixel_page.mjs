// A web pixel, as docs/intake.md has it, in place of a shop's sandbox: `shopify.extend` is what the sandbox has.
import { register } from '@shopify/web-pixels-extension';

globalThis.shopify = {
  extend: (_, render) => {
    window.render = render;
  },
};

register(({ analytics, init, settings }) => {
  analytics.subscribe('all_standard_events', (event) => {
    const body = JSON.stringify({ ...event, customer: init.data.customer });
    window.sent.push(fetch(`${settings.url}/shopify/pixel?key=${settings.key}`, { method: 'POST', body, keepalive: true }));
  });
});

// The shop's side: hands the events to who has subscribed, and says what became of what they sent.
window.journey = async ({ url, key, events, customer }) => {
  const subscribers = [];
  window.sent = [];
  window.render({
    analytics: { subscribe: (_, subscriber) => subscribers.push(subscriber) },
    init: { data: { customer } },
    settings: { url, key },
  });
  for (const event of events) for (const subscriber of subscribers) subscriber(event);
  return (await Promise.all(window.sent)).map((answer) => answer.status);
};
