// Amplitude's client in a page. The page waits until `journey` is called.
import { createInstance, Identify } from '@amplitude/analytics-browser';

window.journey = async ({ url, key, events, user, age }) => {
  const client = createInstance();
  const options = { serverUrl: `${url}/2/httpapi`, defaultTracking: false, deviceId: 'd1' };
  await client.init(key, 'u1', options).promise;
  const identify = new Identify();
  Object.entries(user).forEach(([name, value]) => identify.set(name, value));
  identify.add('age', age);
  const calls = [...events.map(([name, properties]) => client.track(name, properties)), client.identify(identify)];
  const results = await Promise.all(calls.map(({ promise }) => promise));
  return results.map(({ event, code, message }) => [event.insert_id, code, message]);
};
