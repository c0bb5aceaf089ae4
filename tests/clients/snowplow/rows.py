"""Snowplow's tracker, and the collector of Adobe Commerce's storefronts."""

from tests.clients.rows import ClientRow

ROWS = [
    ClientRow(
        "snowplow-python",
        "Snowplow",
        "Python",
        "snowplow-tracker",
        "`Emitter(host, protocol=, port=)`",
        "`POST /com.snowplowanalytics.snowplow/tp2`, `GET /i`",
        "python_client.py",
        {"snowplow": {"keys": ["snowplow-python-app"]}},
    ),
    ClientRow(
        "snowplow-magento",
        "Adobe Commerce",
        "browser",
        "@adobe/magento-storefront-event-collector",
        "its address is in its code: the page's requests to it are led here",
        "`POST /collector/tp2`",
        "magento_page.mjs",
        {"snowplow": {"keys": ["snowplow-magento-environment"]}},
    ),
]
