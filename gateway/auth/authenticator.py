"""The authenticator: every request of the gateway's own routes has a principal before its path is read."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

import msgspec

from gateway.caller import Caller, Principal
from gateway.errors import Denied, Unauthenticated
from gateway.outbound import Transport
from gateway.plan.plan import ApiKey, ApiKeys, Auth, Oidc, OperatorKey

if TYPE_CHECKING:
    from gateway.auth.issuer import Issuer

API_KEY = "x-api-key"
BEARER = "bearer"
QUERY_KEY = "apiKey"

K = TypeVar("K", ApiKey, OperatorKey)


class Authenticator:
    """`transport` fetches issuers' keys. An `Issuer` lives as long as the worker, and renews its keys."""

    def __init__(self, transport: Transport, clock: Callable[[], float]) -> None:
        self._transport, self._clock = transport, clock
        self._issuers: dict[Oidc, Issuer] = {}  # as many as configurations had: few

    async def authenticate(self, caller: Caller, auth: Auth) -> Caller:
        """The caller with its principal. Raises `Unauthenticated` (401)."""
        match auth:
            case None:
                return caller
            case ApiKeys():
                return msgspec.structs.replace(caller, principal=holder(auth, caller, self._clock()))
            case Oidc():
                claims = await self._issuer(auth).claims(_token(caller))
                return msgspec.structs.replace(caller, principal=_subject(claims, auth), claims=claims)

    def _issuer(self, auth: Oidc) -> Issuer:
        if auth not in self._issuers:
            from gateway.auth.issuer import Issuer  # with joserfc, which only those who have an issuer pay for

            self._issuers[auth] = Issuer(auth, self._transport, self._clock)
        return self._issuers[auth]


def holder(auth: ApiKeys, caller: Caller, now: float) -> Principal:
    """The principal whose key the caller sends. Raises `Unauthenticated`."""
    key = key_of(auth.by_digest, caller.headers, now) if API_KEY in caller.headers else published(auth, caller, now)
    return Principal(name=key.name, namespaces=key.namespaces, actions=key.actions)


def published(auth: ApiKeys, caller: Caller, now: float) -> ApiKey:
    """The publishable key that the caller sends where others may read it. Raises `Unauthenticated`."""
    secret = _basic_user(caller.headers) or _bearer(caller.headers) or caller.query.get(QUERY_KEY) or caller.body_key
    if not secret or not auth.are_in_bodies:
        raise Unauthenticated("MissingApiKey", "the header X-Api-Key is missing", "ApiKey")
    key = auth.by_digest.get(digest_of(secret))
    if key is None or key.expires <= now or not key.publishable:
        raise Unauthenticated("InvalidApiKey", "the key is not known, has expired, or is not publishable", "ApiKey")
    return key


def _basic_user(headers: Mapping[str, str]) -> str:
    scheme, _, text = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(text.strip()).decode("latin-1").partition(":")[0]
    except binascii.Error:
        return ""


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, text = headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == BEARER else ""


def digest_of(secret: str) -> str:
    """Keys are looked up by their digests, so that the time this takes tells nothing of a key."""
    return sha256(secret.encode("latin-1", "replace")).hexdigest()


def key_of(by_digest: Mapping[str, K], headers: Mapping[str, str], now: float) -> K:
    """The key that the headers bring. Raises `Unauthenticated`."""
    secret = headers.get(API_KEY)
    if not secret:
        raise Unauthenticated("MissingApiKey", "the header X-Api-Key is missing", "ApiKey")
    key = by_digest.get(digest_of(secret))
    if key is None or key.expires <= now:
        raise Unauthenticated("InvalidApiKey", "the key of X-Api-Key is not known, or has expired", "ApiKey")
    return key


def _subject(claims: Mapping[str, object], auth: Oidc) -> Principal:
    user = claims.get(auth.user_claim)
    return Principal(
        name=str(claims.get("sub", "")),
        user=None if user is None else str(user),
        bound=auth.subject_must_be_user,
    )


def _token(caller: Caller) -> str:
    authorization = caller.headers.get("authorization", "")
    if not authorization:
        raise Unauthenticated("MissingToken", "the header Authorization: Bearer … is missing", "Bearer")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != BEARER:
        raise Unauthenticated("InvalidToken", "the header Authorization is not of the scheme Bearer", "Bearer")
    return token.strip()


def allowed(principal: Principal, namespace: str, action: str, user: str | None) -> None:
    """Raises `Denied` (403) if the caller is known and may not do this."""
    if principal.namespaces is not None and namespace not in principal.namespaces:
        raise Denied("NamespaceNotAllowed", f"the key {principal.name!r} is not for namespace {namespace!r}")
    if principal.actions is not None and action not in principal.actions:
        raise Denied("ActionNotAllowed", f"the key {principal.name!r} is not for {action}")
    if principal.bound and user is not None and user != principal.user:
        raise Denied("SubjectMustBeUser", "the token's subject must be the user that the request is for")
