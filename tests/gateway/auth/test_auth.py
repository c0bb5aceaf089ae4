"""Who may ask what, and how often: API keys, tokens of an issuer, rates (specification §5, §10)."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey
from litestar.testing import TestClient

from gateway.auth import RateLimiter
from gateway.errors import TooMany
from gateway.plan.plan import RateLimits
from tests.gateway.auth.issuer import SmallIssuer, small_issuer
from tests.gateway.config.documents import faults_of
from tests.gateway.serve.world import CONFIG, Clock, SmallEngine, app_over
from tests.services import redis_server

HOME = "/recommend-items/shop/home/u1"
EVENT = {"sessionId": "s", "userId": "u1", "eventList": [{"eventType": "View", "itemId": "i3"}]}


def digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()


KEYS = f"""
auth:
  type: api_key
  keys:
    - {{name: all, sha256: {digest("k-all")}}}
    - {{name: reader, sha256: {digest("k-read").upper()}, namespaces: [shop], actions: [recommend-items]}}
    - {{name: old, sha256: {digest("k-old")}, expiration: "2023-01-01T00:00:00Z"}}
"""


@pytest.fixture
def engine(tmp_path: Path) -> SmallEngine:
    return SmallEngine(tmp_path)


@pytest.fixture
def keyed(engine: SmallEngine) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, config=CONFIG + KEYS)) as client:
        yield client


@pytest.fixture(scope="module")
def shared_keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Any]]:
    """For tests that leave nothing behind in its engine."""
    with TestClient(app_over(SmallEngine(tmp_path_factory.mktemp("keyed")), config=CONFIG + KEYS)) as client:
        yield client


CASES = [
    ("GET", HOME, None, 401, "MissingApiKey"),
    ("GET", HOME, "", 401, "MissingApiKey"),
    ("GET", HOME, "k-wrong", 401, "InvalidApiKey"),
    ("GET", HOME, "k-old", 401, "InvalidApiKey"),
    ("GET", HOME, "k-all", 200, None),
    ("HEAD", HOME, "k-all", 200, None),
    ("GET", HOME, "k-read", 200, None),
    ("GET", "/recommend-items/quiet/home/u1", "k-read", 403, "NamespaceNotAllowed"),
    ("GET", "/recommend-items/nowhere/home/u1", "k-read", 403, "NamespaceNotAllowed"),
    ("GET", "/related-items/shop/like/i1", "k-read", 403, "ActionNotAllowed"),
    ("GET", "/recommend-items/nowhere/home/u1", None, 401, "MissingApiKey"),
    ("GET", "/recommend-items/shop", None, 401, "MissingApiKey"),
    ("POST", "/events/shop", None, 401, "MissingApiKey"),
    ("POST", "/events/shop", "k-read", 403, "ActionNotAllowed"),
    ("POST", "/events/shop", "k-all", 200, None),
    ("POST", "/rerank-items/shop/order/u1", None, 401, "MissingApiKey"),
    ("GET", "/health", None, 200, None),
    ("GET", "/ready", None, 200, None),
]


@pytest.mark.parametrize(("method", "path", "key", "status", "code"), CASES)
def test_api_keys(
    method: str, path: str, key: str | None, status: int, code: str | None, shared_keyed: TestClient[Any]
):
    headers = {"origin": "https://shop.example", **({} if key is None else {"x-api-key": key})}
    answer = shared_keyed.request(method, path, headers=headers, json=EVENT if method == "POST" else None)
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    if code is not None:
        assert (answer.json()["type"], answer.json()["code"]) == ("Authorization", code)
        assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_a_cached_answer_is_for_those_who_may_have_it(engine: SmallEngine, keyed: TestClient[Any]) -> None:
    first = keyed.get(HOME, headers={"x-api-key": "k-all"})
    again = {"if-none-match": first.headers["etag"]}
    assert keyed.get(HOME, headers={**again, "x-api-key": "k-all"}).status_code == 304
    assert keyed.get(HOME, headers={**again, "x-api-key": "k-wrong"}).status_code == 401
    assert keyed.get(HOME, headers=again).status_code == 401
    assert len(engine.asked) == 1


def test_a_refused_event_is_not_delivered(engine: SmallEngine, keyed: TestClient[Any]) -> None:
    assert keyed.post("/events/shop", json=EVENT, headers={"x-api-key": "k-read"}).status_code == 403
    assert engine.put == []


# ---- publishable keys


PUBLISHED = f"""
auth:
  type: api_key
  keys:
    - {{name: all, sha256: {digest("k-all")}}}
    - {{name: page, sha256: {digest("k-page")}, namespaces: [shop], publishable: true}}
    - {{name: past, sha256: {digest("k-past")}, namespaces: [shop], publishable: true,
       expiration: "2023-01-01T00:00:00Z"}}
"""
BASIC = "Basic ay1wYWdlOg=="  # k-page:


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(SmallEngine(tmp_path_factory.mktemp("published")), config=CONFIG + PUBLISHED)) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "headers", "more", "status"),
    [
        ("POST", "/events/shop?apiKey=k-page", {}, {}, 200),
        ("POST", "/events/shop", {"authorization": BASIC}, {}, 200),
        ("POST", "/events/shop", {"authorization": "Bearer k-page"}, {}, 200),
        ("POST", "/events/shop", {"x-api-key": "k-page"}, {}, 200),
        ("POST", "/events/shop", {"content-type": "text/plain"}, {"apiKey": "k-page"}, 200),
        ("POST", "/events/quiet", {}, {"apiKey": "k-page"}, 403),
        ("POST", "/events/shop", {}, {"apiKey": "k-past"}, 401),
        ("POST", "/events/shop", {}, {"apiKey": "k-all"}, 401),  # which is no key for pages
        ("POST", "/events/shop?apiKey=k-all", {}, {}, 401),
        ("POST", "/events/shop", {}, {}, 401),
        ("POST", "/events/shop", {}, {"apiKey": 7}, 401),
        ("GET", f"{HOME}?apiKey=k-page", {}, None, 200),
        ("GET", HOME, {"authorization": BASIC}, None, 200),
        ("GET", "/recommend-items/quiet/home/u1?apiKey=k-page", {}, None, 403),
        ("GET", f"{HOME}?apiKey=k-all", {}, None, 401),
    ],
)
def test_a_publishable_key_stands_where_beacons_can_put_it(
    published: TestClient[Any], method: str, path: str, headers: dict[str, str], more: Any, status: int
):
    body = None if more is None else json.dumps({**EVENT, **more})
    assert published.request(method, path, headers=headers, content=body).status_code == status


def test_a_publishable_key_is_for_one_namespace():
    for namespaces in ("", "namespaces: [shop, quiet], "):
        key = f"{{name: page, sha256: {digest('k')}, {namespaces}publishable: true}}"
        assert "is for one of the 'namespaces'" in faults_of(f"{CONFIG}auth: {{type: api_key, keys: [{key}]}}\n")[0]


def test_no_preflight_needs_a_key(shared_keyed: TestClient[Any]) -> None:
    assert shared_keyed.options(HOME, headers={"origin": "https://shop.example"}).status_code == 204


def test_the_description_names_the_scheme(shared_keyed: TestClient[Any]) -> None:
    described = shared_keyed.get("/openapi.json").json()
    assert described["security"] == [{"ApiKeyAuth": []}]
    assert described["components"]["securitySchemes"]["ApiKeyAuth"]["name"] == "X-Api-Key"


# ---- tokens


@pytest.fixture
def issuer() -> Iterator[SmallIssuer]:
    with small_issuer() as issuer:
        yield issuer


def oidc(issuer: SmallIssuer, more: str = "") -> str:
    context = "jwt-claim, claim: tier"
    config = CONFIG.replace("{type: header-value, header: cloudfront-viewer-country}", f"{{type: {context}}}")
    return f"{config}\nauth: {{type: oidc, issuer: '{issuer.url}', audience: shop, {more}}}\n"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(engine: SmallEngine, issuer: SmallIssuer, clock: Clock) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, clock, oidc(issuer))) as client:
        yield client


def claims(clock: Clock, **more: Any) -> dict[str, Any]:
    return {"sub": "u1", "aud": "shop", "exp": int(clock.now) + 300, **more}


def get(client: TestClient[Any], token: str | None, path: str = HOME, **headers: str) -> Any:
    said = {} if token is None else {"authorization": f"Bearer {token}"}
    return client.get(path, headers={**said, **headers})


def test_a_token_of_the_issuer_opens(client: TestClient[Any], issuer: SmallIssuer, clock: Clock, engine: SmallEngine):
    for _ in range(3):
        answer = get(client, issuer.token(claims(clock, tier="gold")))
        assert answer.status_code == 200
    assert issuer.fetched == 1
    assert engine.asked[-1].context == {"country": "gold"}
    assert "authorization" in answer.headers["vary"]


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(clock: Clock, issuer: SmallIssuer) -> str:
    return f"{part({'alg': 'none', 'kid': 'first'})}.{part({'iss': issuer.url, **claims(clock)})}."


def confused(clock: Clock, issuer: SmallIssuer) -> str:
    """Signed by HMAC with the issuer's public key as its secret."""
    said = f"{part({'alg': 'HS256', 'kid': 'first'})}.{part({'iss': issuer.url, **claims(clock)})}"
    signature = hmac.digest(issuer.keys[0].as_pem(private=False), said.encode(), "sha256")
    return f"{said}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


WRONG = {
    "of another audience": lambda c, i: i.token(claims(c, aud="other")),
    "without an audience": lambda c, i: i.token({"sub": "u1", "exp": int(c.now) + 60}),
    "of another issuer": lambda c, i: i.token(claims(c, iss="https://elsewhere.example")),
    "expired": lambda c, i: i.token(claims(c, exp=int(c.now) - 61)),
    "without an end": lambda c, i: i.token({"sub": "u1", "aud": "shop"}),
    "not yet valid": lambda c, i: i.token(claims(c, nbf=int(c.now) + 120)),
    "unsigned": unsigned,
    "signed with the public key": confused,
    "of a key that nobody knows": lambda c, i: i.token(claims(c), RSAKey.generate_key(2048, {"kid": "mine"})),
    "forged under a known key": lambda c, i: i.token(claims(c), RSAKey.generate_key(2048, {"kid": "first"})),
    "broken": lambda c, i: i.token(claims(c))[:-4] + "AAAA",
    "garbage": lambda c, i: "a.b.c",
    "of one part": lambda c, i: "token",
    "empty": lambda c, i: "",
    "huge": lambda c, i: "a" * 20_000,
}


@pytest.fixture(scope="module")
def shared_issuer() -> Iterator[SmallIssuer]:
    with small_issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def shared_client(shared_issuer: SmallIssuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Any]]:
    """For tests that are refused."""
    engine = SmallEngine(tmp_path_factory.mktemp("refused"))
    with TestClient(app_over(engine, Clock(), oidc(shared_issuer))) as client:
        yield client


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_token_is_refused(
    wrong: str, shared_client: TestClient[Any], shared_issuer: SmallIssuer, clock: Clock
) -> None:
    answer = get(shared_client, WRONG[wrong](clock, shared_issuer))
    assert (answer.status_code, answer.json()["code"]) == (401, "InvalidToken")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    ("said", "code"), [("", "MissingToken"), ("Basic dTpw", "InvalidToken"), ("x", "InvalidToken")]
)
def test_no_token(said: str, code: str, shared_client: TestClient[Any]) -> None:
    answer = shared_client.get(HOME, headers={"authorization": said} if said else {})
    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_clocks_may_differ_a_little(client: TestClient[Any], issuer: SmallIssuer, clock: Clock) -> None:
    assert get(client, issuer.token(claims(clock, exp=int(clock.now) - 30))).status_code == 200


def test_a_token_that_was_verified_still_expires(client: TestClient[Any], issuer: SmallIssuer, clock: Clock) -> None:
    token = issuer.token(claims(clock, exp=int(clock.now) - 40))
    assert get(client, token).status_code == 200
    clock.tick(30)
    assert get(client, token).status_code == 401


def test_a_new_key_is_fetched_when_it_is_named(client: TestClient[Any], issuer: SmallIssuer, clock: Clock) -> None:
    old = issuer.token(claims(clock))
    assert get(client, old).status_code == 200
    issuer.rotate()
    clock.tick(11)
    assert get(client, issuer.token(claims(clock))).status_code == 200
    assert issuer.fetched == 2
    clock.tick(70)
    assert get(client, old).status_code == 401  # its key is withdrawn


def test_unknown_keys_do_not_flood_the_issuer(client: TestClient[Any], issuer: SmallIssuer, clock: Clock) -> None:
    for number in range(20):
        key = ECKey.generate_key("P-256", {"kid": f"nobody-{number}"})
        assert get(client, issuer.token(claims(clock), key)).status_code == 401
    assert issuer.fetched == 1


def test_an_issuer_that_is_down(client: TestClient[Any], issuer: SmallIssuer, clock: Clock) -> None:
    issuer.broken = True
    answer = get(client, issuer.token(claims(clock)))
    assert (answer.status_code, answer.json()["code"]) == (503, "IssuerUnavailable")
    issuer.broken = False
    clock.tick(11)
    assert get(client, issuer.token(claims(clock))).status_code == 200
    issuer.broken = True
    clock.tick(700)
    assert get(client, issuer.token(claims(clock))).status_code == 200  # by the keys that it had


def test_a_discovery_document_of_somebody_else(client: TestClient[Any], issuer: SmallIssuer, clock: Clock) -> None:
    issuer.claimed = "https://elsewhere.example"
    assert get(client, issuer.token(claims(clock))).status_code == 503


def test_the_subject_must_be_the_user(engine: SmallEngine, issuer: SmallIssuer, clock: Clock) -> None:
    with TestClient(app_over(engine, clock, oidc(issuer, "subjectMustBeUser: true"))) as client:
        mine = issuer.token(claims(clock))
        assert get(client, mine).status_code == 200
        for path in (
            "/recommend-items/shop/home/u2",
            f"{HOME[:-2]}u2?syntheticUser=1",
            "/related-items/shop/like/i1?userId=u2",
        ):
            answer = get(client, mine, path)
            assert (answer.status_code, answer.json()["code"]) == (403, "SubjectMustBeUser")
        assert get(client, mine, "/related-items/shop/like/i1").status_code == 200
        headers = {"authorization": f"Bearer {mine}"}
        assert client.post("/events/shop", json=EVENT, headers=headers).status_code == 200
        for user in ({"userId": "u2"}, {"userId": None, "sessionId": "u2"}):
            assert client.post("/events/shop", json={**EVENT, **user}, headers=headers).status_code == 403
    assert len(engine.put) == 1


# ---- rates


DAY_S = 86_400
LIMITS = CONFIG + KEYS + "rateLimits: {perKey: 3/minute, perAddress: 1000/hour}\n"


def ask(client: TestClient[Any], key: str) -> Any:
    return client.get(HOME, headers={"x-api-key": key, "origin": "https://shop.example"})


def test_a_key_that_asks_too_often_waits(engine: SmallEngine) -> None:
    with TestClient(app_over(engine, config=LIMITS)) as client:
        assert [ask(client, "k-all").status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = ask(client, "k-all")
        assert (refused.json()["type"], refused.json()["code"]) == ("Throttling", "TooManyRequests")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["access-control-allow-origin"]
        assert ask(client, "k-read").status_code == 200


def test_who_waits_as_long_as_is_asked_has_waited_long_enough() -> None:
    """A window ends at any part of a second: the seconds to wait are never fewer than those that are left."""

    def left() -> float:
        return DAY_S - time.time() % DAY_S  # windows begin with the day

    async def refused_at_ten_moments() -> None:
        limiter, limits = RateLimiter(), RateLimits(per_key="1/day")
        for moment in range(10):
            await limiter.check(limits, f"k{moment}", "")
            before = left()
            with pytest.raises(TooMany) as refused:
                await limiter.check(limits, f"k{moment}", "")
            assert left() <= refused.value.retry_after_s < before + 1
            await asyncio.sleep(0.1)

    asyncio.run(refused_at_ten_moments())


def test_workers_count_together_in_redis(tmp_path: Path) -> None:
    with redis_server(tmp_path) as redis:
        environ = {"RECGATE_REDIS_URL": redis.url}
        engines = [SmallEngine(tmp_path / name) for name in ("a", "b")]
        first, second = (app_over(engine, config=LIMITS, environ=environ) for engine in engines)
        with TestClient(first) as one, TestClient(second) as two:
            assert [ask(client, "k-all").status_code for client in (one, two, one, two)] == [200, 200, 200, 429]
            assert all(redis.client().ttl(key) > 0 for key in redis.client().scan_iter())
            redis.kill()
            assert ask(one, "k-all").status_code == 200  # who counts is down: nobody is kept out


# ---- the document

FAULTS = [
    ("{type: api_key}", "auth: 'keys' is required"),
    ("{type: api_key, keys: []}", "auth.keys: has no key: nobody could call"),
    ("{type: api_key, keys: [{name: a, sha256: secret}]}", "auth.keys[0].sha256: must be a SHA-256 in 64 hex"),
    (f"{{type: api_key, keys: [{{name: a, sha256: {digest('a')}, actions: [read]}}]}}", "actions[0]: cannot be 'read'"),
    (
        f"{{type: api_key, keys: [{{name: a, sha256: {digest('a')}}}, {{name: b, sha256: {digest('a').upper()}}}]}}",
        "auth.keys: has the same key 2 times",
    ),
    ("{type: oidc}", "auth: 'issuer' is required"),
    ("{type: oidc, issuer: shop}", "auth.issuer: must be an http or https URL"),
    ("{type: oidc, issuer: 'https://i', algorithms: [HS256]}", "auth.algorithms[0]: cannot be 'HS256'"),
    ("{type: oauth}", "auth.type: unknown type 'oauth'; one of: api_key, none, oidc"),
]


@pytest.mark.parametrize(("auth", "says"), FAULTS)
def test_a_wrong_document_is_refused(auth: str, says: str) -> None:
    found = faults_of(f"namespaces: {{}}\nauth: {auth}")
    assert any(fault.startswith(says) or says in fault for fault in found), found


def test_a_wrong_rate_is_refused() -> None:
    (fault,) = faults_of("namespaces: {}\nrateLimits: {perKey: often}")
    assert fault.startswith("rateLimits.perKey: must be a number and a time, such as 100/second")


CONTROL = {"x-amz-target": "AmazonPersonalize.ListCampaigns", "content-type": "application/x-amz-json-1.1"}


@pytest.mark.parametrize(
    "path", ["/", "/aws/", "/recommendations", "/aws/recommendations", "/events", "/projects/shop"]
)
def test_the_wire_of_aws_gives_nobody_what_others_need_a_key_for(path: str, shared_keyed: TestClient[Any]) -> None:
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261201/us-east-1/personalize/aws4_request"}
    method = "GET" if path.startswith("/projects") else "POST"
    told = shared_keyed.request(
        method, path, headers={**CONTROL, **signed}, content=b"{}" if method == "POST" else None
    )
    assert (told.status_code, told.json()["__type"]) == (403, "AccessDeniedException")
    assert "aws.accessKeys" in told.json()["message"]


def test_a_caller_through_a_proxy_is_not_on_this_machine(engine: SmallEngine) -> None:
    with TestClient(app_over(engine)) as client:
        told = client.post("/", headers={**CONTROL, "x-forwarded-for": "127.0.0.1"}, content=b"{}")
        assert (told.status_code, told.json()["__type"]) == (403, "AccessDeniedException")
        assert client.get("/projects/shop", headers={"via": "1.1 proxy"}).status_code == 403
