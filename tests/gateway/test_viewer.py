"""CloudFront's vocabulary, derived from the request; and who may speak for whom (specification §2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from gateway.context.viewer import Viewers, agent_of
from tests.gateway.serve.world import CONFIG, Clock, SmallEngine, app_over

LOCAL, PROXY, STRANGER = ("127.0.0.1", 5000), ("10.1.2.3", 6000), ("203.0.113.9", 7000)

AGENTS = [
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36", "desktop", ""),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15", "desktop", ""),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1", "mobile", "ios"),
    ("Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1", "tablet", "ios"),
    ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/126.0.0.0 Mobile Safari/537.36", "mobile", "android"),
    ("Mozilla/5.0 (Linux; Android 13; SM-X906C) Chrome/126.0.0.0 Safari/537.36", "tablet", "android"),
    ("Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 Version/7.0 TV Safari/537.36", "smarttv", ""),
    ("Mozilla/5.0 (Web0S; Linux/SmartTV) Chrome/94.0.4606.128 Safari/537.36 WebAppManager", "smarttv", ""),
    ("Mozilla/5.0 (Linux; Android 9; AFTMM) AppleWebKit/537.36 Mobile Safari/537.36", "smarttv", "android"),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "desktop", ""),
    ("curl/8.5.0", "desktop", ""),
    ("", "desktop", ""),
]


@pytest.mark.parametrize(("agent", "kind", "system"), AGENTS)
def test_the_device_headers(agent: str, kind: str, system: str) -> None:
    viewed = Viewers().headers({"user-agent": agent}, STRANGER)
    said = {name: viewed[f"cloudfront-is-{name}-viewer"] for name in ("desktop", "mobile", "tablet", "smarttv")}
    assert said == {name: str(name == kind).lower() for name in said}
    assert [viewed[f"cloudfront-is-{name}-viewer"] for name in ("android", "ios")] == [
        str(system == name).lower() for name in ("android", "ios")
    ]


def test_client_hints_say_what_a_frozen_user_agent_does_not() -> None:
    reduced = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36"
    assert agent_of(reduced).kind == "desktop"
    assert agent_of(reduced, "?1", '"Android"').kind == "mobile"
    assert agent_of(reduced, "?0", '"Android"').kind == "tablet"
    assert agent_of("x" * 100_000).kind == "desktop"
    assert agent_of("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)").kind == "bot"


ADDRESSES = [
    # trusted, peer, X-Forwarded-For, then whom it is asked for
    ([], STRANGER, "", "203.0.113.9:7000"),
    ([], STRANGER, "198.51.100.1", "203.0.113.9:7000"),
    (["10.0.0.0/8"], PROXY, "198.51.100.1", "198.51.100.1:0"),
    (["10.0.0.0/8"], PROXY, "6.6.6.6, 198.51.100.1", "198.51.100.1:0"),
    (["10.0.0.0/8"], PROXY, "6.6.6.6, 198.51.100.1, 10.9.9.9", "198.51.100.1:0"),
    (["10.0.0.0/8"], PROXY, "[2001:db8::5]:443", "2001:db8::5:0"),
    (["10.0.0.0/8"], PROXY, "unknown, 10.9.9.9", "10.9.9.9:0"),
    (["10.0.0.0/8"], PROXY, "", "10.1.2.3:6000"),
    (["10.0.0.0/8"], ("::ffff:10.1.2.3", 6000), "198.51.100.1", "198.51.100.1:0"),
    (["10.0.0.0/8"], LOCAL, "198.51.100.1", "127.0.0.1:5000"),
]


@pytest.mark.parametrize(("trusted", "peer", "forwarded", "address"), ADDRESSES)
def test_the_viewer_s_address(trusted: list[str], peer: tuple[str, int], forwarded: str, address: str) -> None:
    viewed = Viewers(trusted).headers({"x-forwarded-for": forwarded} if forwarded else {}, peer)
    assert viewed["cloudfront-viewer-address"] == address


def test_only_a_trusted_proxy_says_what_cloudfront_says() -> None:
    sent = {"cloudfront-viewer-country": "DE", "cloudfront-is-mobile-viewer": "true", "accept": "*/*"}
    trusted, stranger = (Viewers(["10.0.0.0/8"]).headers(sent, peer) for peer in (PROXY, STRANGER))
    names = ("cloudfront-viewer-country", "cloudfront-is-mobile-viewer", "accept")
    assert [trusted.get(name) for name in names] == ["DE", "true", "*/*"]
    assert [stranger.get(name) for name in names] == [None, "false", "*/*"]
    assert "cloudfront-viewer-country" in dict(trusted)
    assert "cloudfront-viewer-country" not in dict(stranger)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City")
    tokyo = {
        "country": {"iso_code": "JP", "names": {"en": "Japan"}},
        "subdivisions": [{"iso_code": "13", "names": {"en": "Tokyo"}}],
        "city": {"names": {"en": "Chiyoda"}},
        "postal": {"code": "100-0001"},
        "location": {"latitude": 35.7, "longitude": 139.7, "time_zone": "Asia/Tokyo"},
    }
    writer.insert_network(IPSet(["198.51.100.0/24"]), tokyo)
    writer.insert_network(IPSet(["192.0.2.0/24"]), {"country": {"iso_code": "NZ"}, "location": {"latitude": -41.3}})
    path = tmp_path_factory.mktemp("geoip") / "city.mmdb"
    writer.to_db_file(str(path))
    return path


def test_the_place_of_an_address(places: Path) -> None:
    viewed = Viewers([], places).headers({}, ("198.51.100.7", 1))
    names = "country country-name country-region country-region-name city postal-code latitude longitude time-zone"
    assert [viewed[f"cloudfront-viewer-{name}"] for name in names.split()] == [
        *("JP", "Japan", "13", "Tokyo", "Chiyoda", "100-0001", "35.7", "139.7", "Asia/Tokyo")
    ]
    assert "cloudfront-viewer-metro-code" not in viewed
    assert viewed.located
    assert Viewers([], places).headers({}, STRANGER).get("cloudfront-viewer-country") is None


GEO = (
    CONFIG.replace('version: "7"', 'version: "7"\ntrustedProxies: ["10.0.0.0/8"]\ngeoip: {file: "PLACES"}')
    .replace("rules: [{type: header-value, header: cloudfront-viewer-country}]", "rules: [COUNTRY, DEVICE]")
    .replace("COUNTRY", "{type: header-value, header: cloudfront-viewer-country}")
    .replace("DEVICE", "{type: header-value, header: cloudfront-is-mobile-viewer}")
)
LIKE = "/related-items/shop/like/i1"


def asked_from(places: Path, tmp_path: Path, peer: tuple[str, int], **headers: str) -> tuple[Any, dict[str, str]]:
    engine = SmallEngine(tmp_path)
    app = app_over(engine, Clock(), GEO.replace("PLACES", str(places)))

    async def from_peer(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": peer}, receive, send)

    with TestClient(from_peer) as client:
        answer = client.get(LIKE, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return answer, dict(engine.asked[-1].context)


def test_what_only_the_address_tells_is_for_no_shared_cache(places: Path, tmp_path: Path) -> None:
    answer, context = asked_from(places, tmp_path, ("198.51.100.7", 1))
    assert context == {"country": "JP"}
    assert answer.headers["cache-control"] == "private,max-age=300"


def test_what_a_proxy_said_is_for_shared_caches_that_vary(places: Path, tmp_path: Path) -> None:
    answer, context = asked_from(places, tmp_path, PROXY, cloudfront_viewer_country="DE")
    assert context == {"country": "DE"}
    assert answer.headers["cache-control"] == "public,max-age=300"
    assert {"cloudfront-viewer-country", "user-agent", "sec-ch-ua-mobile"} <= set(answer.headers["vary"].split(", "))


def test_what_a_stranger_says_of_itself_is_nothing(places: Path, tmp_path: Path) -> None:
    _, context = asked_from(places, tmp_path, STRANGER, cloudfront_viewer_country="DE", x_forwarded_for="198.51.100.7")
    assert context == {"country": "false"}  # no place; the next rule is the device's
