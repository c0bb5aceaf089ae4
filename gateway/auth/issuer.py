"""One OpenID Connect issuer: its keys, fetched and kept, and its tokens, verified (RFC 7519, RFC 7517)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import httpx
from cachetools import TTLCache
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, InvalidKeyIdError, JoseError, MissingClaimError
from joserfc.jwk import KeySet

from gateway.errors import Problem, Unauthenticated
from gateway.outbound import OutboundRequest, Transport
from gateway.plan.plan import Oidc

log = logging.getLogger(__name__)

KEYS_S = 600.0  # after which keys are fetched anew, so that a withdrawn one is forgotten
RETRY_S = 10.0  # between two fetches, after an unknown key id or a failure
VERIFIED_S = 60  # a token that was verified is not verified again for so long
VERIFIED = 10_000  # tokens remembered, by digest
TIMEOUT_S = 5.0
LONGEST_TOKEN = 16_384

Claims = Mapping[str, object]


class Issuer:
    def __init__(self, auth: Oidc, transport: Transport, clock: Callable[[], float]) -> None:
        self._auth, self._transport, self._clock = auth, transport, clock
        self._keys: KeySet | None = None
        self._fetched = self._tried = float("-inf")
        self._fetching = asyncio.Lock()
        self._verified: TTLCache[bytes, Claims] = TTLCache(VERIFIED, VERIFIED_S, timer=clock)
        want: Any = {"iss": {"essential": True, "value": auth.issuer}, "exp": {"essential": True}}
        if auth.audiences:
            want["aud"] = {"essential": True, "values": list(auth.audiences)}
        self._registry = jwt.JWTClaimsRegistry(now=lambda: int(clock()), leeway=auth.skew_s, **want)

    async def claims(self, token: str) -> Claims:
        """The claims of a token. Raises `Unauthenticated` unless this issuer signed it, for us, for now."""
        if len(token) > LONGEST_TOKEN:
            raise _invalid(f"the token is longer than {LONGEST_TOKEN} characters")
        digest = sha256(token.encode("latin-1", "replace")).digest()
        claims = self._verified.get(digest)
        if claims is None:
            claims = self._verified[digest] = await self._verify(token)
        try:
            self._registry.validate(dict(claims))
        except ExpiredTokenError as error:
            raise _invalid("the token has expired") from error
        except (MissingClaimError, InvalidClaimError) as error:
            raise _invalid(f"the token's claim {error.claim!r} is missing or not what it must be") from error
        except JoseError as error:
            raise _invalid(str(error)) from error
        return claims

    async def _verify(self, token: str) -> Claims:
        keys = await self._current_keys(KEYS_S)
        try:
            return self._decode(token, keys)
        except InvalidKeyIdError:  # issued with a key that is newer than ours
            keys = await self._current_keys(RETRY_S)
        try:
            return self._decode(token, keys)
        except InvalidKeyIdError as error:
            raise _invalid("the token names a key that its issuer does not have") from error

    def _decode(self, token: str, keys: KeySet) -> Claims:
        try:
            return jwt.decode(token, keys, algorithms=list(self._auth.algorithms)).claims
        except InvalidKeyIdError:
            raise
        except (JoseError, ValueError, TypeError) as error:
            raise _invalid(f"the token can't be verified: {error}") from error

    async def _current_keys(self, oldest_s: float) -> KeySet:
        """Keys no older than that; older ones if the issuer does not answer."""
        async with self._fetching:
            now = self._clock()
            if now - self._fetched >= oldest_s and now - self._tried >= RETRY_S:
                self._tried = now
                await self._fetch(now)
        if self._keys is None:
            message = f"the keys of {self._auth.issuer} can't be had at present"
            raise Problem(message, status=503, type="Authorization", code="IssuerUnavailable")
        return self._keys

    async def _fetch(self, now: float) -> None:
        try:
            keys = KeySet.import_key_set(await self._get(await self._jwks_url()))  # type: ignore[arg-type]
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, JoseError, ValueError, KeyError, TypeError) as error:
            log.warning("the keys of %s can't be fetched: %s", self._auth.issuer, str(error) or "it is too slow")
            return
        self._keys, self._fetched = keys, now

    async def _jwks_url(self) -> str:
        if self._auth.jwks_url is not None:
            return self._auth.jwks_url
        document = await self._get(f"{self._auth.issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != self._auth.issuer:
            raise ValueError(f"its discovery document is of {document.get('issuer')!r}")
        return str(document["jwks_uri"])

    async def _get(self, url: str) -> dict[str, Any]:
        response = await self._transport.exchange(OutboundRequest("GET", url, {}), TIMEOUT_S)
        httpx.Response(response.status, headers=response.headers, request=httpx.Request("GET", url)).raise_for_status()
        content = json.loads(response.body)
        if not isinstance(content, dict):
            raise ValueError(f"{url} is no JSON object")
        return content


def _invalid(message: str) -> Unauthenticated:
    return Unauthenticated("InvalidToken", message, 'Bearer error="invalid_token"')
