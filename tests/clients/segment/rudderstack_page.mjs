// RudderStack's client in a page. The page waits until `journey` is called.
import { RudderAnalytics } from '@rudderstack/analytics-js/bundled';

window.journey = ({ url, key, tracks, traits }) =>
  new Promise((resolve) => {
    const analytics = new RudderAnalytics();
    const delivered = [];
    const note = (place) => (message) => {
      delivered.push({ id: message?.messageId ?? place, failed: null });
      if (delivered.length === tracks.length + 1) resolve(delivered);
    };
    analytics.load(key, url, { configUrl: url, logLevel: 'ERROR' });
    analytics.ready(() => {
      analytics.identify('u1', traits, {}, note('identify'));
      tracks.forEach((each, place) => analytics.track(each.event, each.properties, {}, note(place)));
    });
  });
