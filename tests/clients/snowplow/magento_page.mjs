// A storefront: Adobe's SDK is told what is on the page, and its collector sends it, to where its own code says.
import mse from '@adobe/magento-storefront-events-sdk';

window.magentoStorefrontEvents = mse;
const product = { productId: 7, name: 'Shirt', sku: 'i1', pricing: { regularPrice: 10, specialPrice: 8.5, currencyCode: 'EUR' } };
const line = (sku, quantity, value) => ({
  id: sku,
  quantity,
  prices: { price: { value, currency: 'EUR' } },
  product: { productId: '7', name: sku, sku },
});

window.journey = async ({ environment, shopper, unit }) => {
  mse.context.setEventForwarding({ commerce: true, aep: false });
  mse.context.setStorefrontInstance({ environmentId: environment, environment: 'Testing', storeViewCurrencyCode: 'EUR' });
  mse.context.setShopper({ shopperId: shopper });
  mse.context.setPage({ pageType: 'PDP', eventType: 'pageUnload', maxXOffset: 0, maxYOffset: 0, minXOffset: 0, minYOffset: 0 });
  mse.context.setProduct(product);
  mse.context.setShoppingCart({ id: 'c1', items: [line('i1', 2, 8.5), line('i2', 1, 3)], totalQuantity: 3 });
  mse.context.setOrder({ orderId: 111, orderType: 'checkout', grandTotal: 20 });
  mse.context.setRecommendations({
    units: [
      {
        unitId: unit,
        unitName: 'home',
        unitType: 'primary',
        typeId: 'trending',
        searchTime: 0,
        totalProducts: 2,
        primaryProducts: 2,
        backupProducts: 0,
        pagePlacement: '',
        yOffsetTop: 0,
        yOffsetBottom: 0,
        products: ['i1', 'i2'].map((sku, rank) => ({ rank, score: 1, sku, name: sku, productId: rank + 1, type: '', visibility: '', categories: [], weight: 0, weightType: '', currency: '', prices: {}, url: '', queryType: 'primary' })),
      },
    ],
  });
  await import('@adobe/magento-storefront-event-collector');
  await new Promise((resolve) => setTimeout(resolve, 300));
  mse.publish.pageView();
  mse.publish.productPageView();
  mse.publish.addToCart();
  mse.publish.recsUnitRender(unit);
  mse.publish.recsItemClick(unit, 2);
  mse.publish.placeOrder();
};
