"""Compressed bodies on every path of every partner: read as plain ones are, and refused in the partner's words."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest

from gateway.intake import PARTNERS, PartnerType
from gateway.intake.base import Endpoint
from tests.gateway.intake.test_commerce import pem
from tests.gateway.intake.world import IntakeShop, intake_shop

PUBLIC_KEYS = f"publicKeys: [{json.dumps(pem())}]"
SECRETS = {
    "adobeio": PUBLIC_KEYS,
    "commerce": PUBLIC_KEYS,
    "shopify": "signingSecrets: [s], shops: [a.myshopify.com]",
}
REFUSED = (400, 415, 413)  # what is no gzip, what is in another coding, what is too large once it is inflated
REFUSED_BY = {"segment": (400, 400, 400), "amplitude": (400, 400, 413), "ga4": (204, 204, 204)}  # as their clients know
ENDPOINTS = [
    pytest.param(partner, endpoint, id=f"{partner.name}:{endpoint.path}")
    for partner in PARTNERS.values()
    for endpoint in partner.endpoints
    if "POST" in endpoint.methods
]
BODY = b'{"events": [{}], "batch": [], "sentAt": "now"}'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IntakeShop]:
    names = [name for name, partner in PARTNERS.items() if partner.endpoints]
    intake = ", ".join(f"{name}: {{keys: [key-1], {SECRETS.get(name, '')}}}" for name in names)
    with intake_shop(tmp_path_factory.mktemp("shop"), intake) as shop:
        yield shop


def answer(shop: IntakeShop, endpoint: Endpoint, body: bytes, encoding: str) -> tuple[int, bytes]:
    path = endpoint.path.replace("{namespace:str}", "shop").replace("{key:str}", "key-1").replace("{mpid:str}", "7")
    response = shop.post(path, body, headers={"Content-Encoding": encoding})
    return response.status_code, response.content


@pytest.mark.parametrize(("partner", "endpoint"), ENDPOINTS)
def test_a_compressed_body_is_read_or_refused(shop: IntakeShop, partner: PartnerType, endpoint: Endpoint):
    plain = answer(shop, endpoint, BODY, "identity")
    assert answer(shop, endpoint, gzip.compress(BODY), "gzip") == plain and b"Encoding" not in plain[1]
    large = gzip.compress(b" " * (endpoint.largest + 1), 1)
    faulty = ((BODY, "gzip"), (BODY, "br"), (large, "gzip"))
    refused = [answer(shop, endpoint, body, encoding) for body, encoding in faulty]
    assert tuple(status for status, _ in refused) == REFUSED_BY.get(partner.name, REFUSED)
    if partner.name != "ga4":  # which tells its clients nothing
        assert [b"Content-Encoding" in text for _, text in refused[:2]] == [True, True]
        assert b"%d bytes once it is inflated" % endpoint.largest in refused[2][1]


def test_each_refusal_is_counted(shop: IntakeShop):
    def counted() -> float:
        return sum(value for _, value in shop.metrics("recgate_events_rejected_total"))

    before = counted()
    assert shop.post("/mp/collect", BODY, headers={"Content-Encoding": "gzip"}).status_code == 204
    assert counted() == before + 1
