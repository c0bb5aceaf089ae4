// GrowthBook in a page. The page waits until `open_flags` is called.
import { configureCache, GrowthBook } from '@growthbook/growthbook';
import { growthbookTrackingPlugin } from '@growthbook/growthbook/plugins';

const viewed = [];
configureCache({ disableCache: true });

window.open_flags = async ({ url, key, unit, remoteEval = false, streaming = false, forcedVariations = {} }) => {
  window.sdk = new GrowthBook({
    apiHost: url,
    clientKey: key,
    attributes: { id: unit },
    remoteEval,
    forcedVariations,
    trackingCallback: (experiment, result) => viewed.push([experiment.key, result.key]),
    plugins: [growthbookTrackingPlugin({ ingestorHost: url })],
  });
  const { success, error } = await window.sdk.init({ timeout: 5000, streaming });
  return success ? null : String(error?.message ?? error);
};
window.value_of = (flag) => {
  const { value, source } = window.sdk.evalFeature(flag);
  return [value, source];
};
window.viewed = viewed;
