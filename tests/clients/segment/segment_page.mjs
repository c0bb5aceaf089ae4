// Segment's client in a page. The page waits until `journey` is called.
import { AnalyticsBrowser } from '@segment/analytics-next';

window.journey = async ({ url, key, tracks, traits }) => {
  const [protocol, host] = url.split('://');
  const analytics = AnalyticsBrowser.load(
    {
      writeKey: key,
      cdnSettings: { integrations: { 'Segment.io': { apiHost: `${host}/v1`, apiKey: key, protocol } } },
    },
    { integrations: { 'Segment.io': { apiHost: `${host}/v1`, protocol } } },
  );
  const delivered = [await analytics.identify('u1', traits)];
  for (const each of tracks) delivered.push(await analytics.track(each.event, each.properties));
  return delivered.map((context) => ({ id: context.event.messageId, failed: context.failedDelivery()?.reason?.message ?? null }));
};
