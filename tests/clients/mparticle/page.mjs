// mParticle's client in a page. The page waits until `journey` is called.
import mParticle from '@mparticle/web-sdk';

const { eCommerce, EventType, ProductActionType } = mParticle;
const product = ({ id, name, price, quantity }) => eCommerce.createProduct(name, id, price, quantity);

function send({ viewed, attributes, bought, watched, played, user }, customer) {
  Object.entries(user).forEach(([name, value]) => customer.setUserAttribute(name, value));
  eCommerce.logProductAction(ProductActionType.ViewDetail, [product(viewed)], attributes);
  eCommerce.logProductAction(ProductActionType.Purchase, bought.map(product), {}, {}, { Id: 'o1' });
  mParticle.logEvent('Watch', EventType.Other, watched);
  mParticle.logEvent('Song Played', EventType.Other, played);
}

window.journey = ({ url, key, ...messages }) =>
  new Promise((resolve) => {
    const host = url.split('://')[1];
    mParticle.init(key, {
      requestConfig: false,
      forceHttps: false,
      logLevel: 'verbose',
      flags: { eventsV3: '100', eventBatchingIntervalMillis: 0 },
      v3SecureServiceUrl: `${host}/v3/JS/`,
      identityUrl: `${host}/identity/v1/`,
      identifyRequest: { userIdentities: { customerid: 'u1' } },
      identityCallback: (result) => {
        if (result.httpCode === 200) send(messages, result.getUser());
        resolve({ status: result.httpCode, body: result.body });
      },
    });
  });
