"""One small trained engine; its servers start as rows need them, and end with the last test here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey

from tests.compat.world import World, build, origin_of
from tests.gateway.auth.issuer import SmallIssuer, small_issuer
from tests.gateway.upstreams.origin import small_origin
from tests.shared_state import in_environ, new_state

CONFIGS = Path(__file__).parent / "configs"
KEYS = {"WEB": "web-key", "SHOP": "shop-key", "OLD": "old-key"}


@pytest.fixture(scope="package")
def state() -> dict[str, str]:
    return new_state()


@pytest.fixture(scope="package")
def trained(state: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    with in_environ(state):
        return build(tmp_path_factory.mktemp("compat") / "data")


@pytest.fixture(scope="package")
def world(trained: Path, state: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    configs = {path.stem: path.read_text() for path in CONFIGS.glob("*.yaml")}
    for name, key in KEYS.items():
        configs["aws"] = configs["aws"].replace(f'"{name}"', f'"{sha256(key.encode()).hexdigest()}"')
    with small_origin() as origin, small_issuer() as issuer:
        folder = tmp_path_factory.mktemp("servers")
        made = World(trained, state, folder, origin_of(origin), issuer, configs, tokens(issuer))
        with made.closing:
            yield made


def tokens(issuer: SmallIssuer) -> dict[str, str]:
    """Good ones and bad ones, by the names that rows use."""
    now = int(time.time())
    good = {"sub": "u1", "aud": "shop-app", "exp": now + 3600, "plan": "gold"}
    stranger = RSAKey.generate_key(2048, {"kid": "first"})
    body = issuer.token(good)
    return {
        "u1": body,
        "expired": issuer.token({**good, "exp": now - 3600}),
        "elsewhere": issuer.token({**good, "iss": "https://elsewhere.example"}),
        "audience": issuer.token({**good, "aud": "other-app"}),
        "forged": issuer.token(good, stranger),
        "unsigned": "eyJhbGciOiJub25lIn0." + body.split(".")[1] + ".",
    }
