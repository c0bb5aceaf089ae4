"""Shopify's own libraries: the one that checks what a shop has signed, and the pixel's."""

from tests.clients.rows import ClientRow

SECRET = "hush"
SIGNED = {
    "signingSecrets": ["test_secret_key", SECRET],
    "mapping": {"events": {"customers/create": {"properties": "@"}}},
}
ROWS = [
    ClientRow(
        "shopify-node",
        "Shopify",
        "Node",
        "@shopify/shopify-api",
        "`webhooks.validate`, `utils.validateHmac` of the same requests",
        "`POST /shopify/webhook/NAMESPACE`, `GET /shopify/proxy/NAMESPACE/RECOMMENDER`",
        "node_client.mjs",
        {"shopify": SIGNED},
    ),
    ClientRow(
        "shopify-pixel",
        "Shopify",
        "browser",
        "@shopify/web-pixels-extension",
        "the URL in the pixel's own code",
        "`POST /shopify/pixel`",
        "pixel_page.mjs",
        {"shopify": {"keys": ["shopify-pixel-key"]}},
    ),
]
