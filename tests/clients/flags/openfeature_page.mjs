// OpenFeature in a page, with its OFREP provider. The page waits until `open` is called.
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';

const changes = [];
const errors = [];

window.open_flags = async ({ url, key, unit, interval }) => {
  const headers = [['X-API-Key', key]];
  const provider = new OFREPWebProvider({ baseUrl: url, pollInterval: interval, headers, cacheMode: 'disabled' });
  OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, (event) => changes.push(...(event.flagsChanged ?? [])));
  OpenFeature.addHandler(ProviderEvents.Error, (event) => errors.push(event.message));
  OpenFeature.addHandler(ProviderEvents.Stale, (event) => errors.push(event.message));
  try {
    await OpenFeature.setProviderAndWait(provider, { targetingKey: unit });
    return null;
  } catch (error) {
    return String(error.message ?? error);
  }
};
window.value_of = (flag) => {
  const { variant, value, reason, errorCode } = OpenFeature.getClient().getObjectDetails(flag, {});
  return [variant, value, reason, errorCode ?? null];
};
window.changes = changes;
window.flag_errors = errors;
