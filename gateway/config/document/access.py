"""Callers: who may call, how often, and as whom."""

from __future__ import annotations

from typing import Literal

from gateway.document.values import (
    AccountId,
    Algorithm,
    Digest,
    Key,
    KeyAction,
    KeyId,
    Part,
    Rate,
    Region,
    Seconds,
    Secret,
    Text,
    Time,
    Url,
    WebOrigin,
)


class AccessKey(Part, frozen=True, kw_only=True):
    """A key that may sign requests; an account sees nothing of another's. With a session token both must be sent."""

    access_key_id: KeyId
    secret_access_key: Secret
    account_id: AccountId
    session_token: Secret | None = None
    expiration: Time | None = None


class Aws(Part, frozen=True):
    """The Personalize wire API. With access keys every request must be signed by one. Without, `unsignedCallers` says
    who may make and delete resources: those on this machine (`local`), `anyone` or `none`; so long as nothing is said,
    those on this machine, or with `auth` nobody. Recommendations and events are then for anyone, or with `auth` for the
    same. `firstTrainingDelay`: from a solution's creation to its first automatic training; 3600 if not said, as at
    AWS."""

    quotas: Literal["open", "aws"] = "open"
    account_id: AccountId = "000000000000"
    region: Region = "us-east-1"
    allow_file_urls: bool = False
    first_training_delay: Seconds | None = None
    access_keys: tuple[AccessKey, ...] | None = None
    unsigned_callers: Literal["none", "local", "anyone"] | None = None


class AuthPart(Part, frozen=True, tag_field="type"):
    """The proof that callers of the gateway's own routes bring of who they are."""


class NoAuth(AuthPart, frozen=True, tag="none"):
    """Everyone may call."""


class ApiKey(Part, frozen=True, kw_only=True):
    """A key by the SHA-256 of it (`printf %s KEY | sha256sum`); for all namespaces and actions where none is named."""

    name: Text
    sha256: Digest
    namespaces: tuple[Key, ...] | None = None
    actions: tuple[KeyAction, ...] | None = None
    expiration: Time | None = None


class ApiKeyAuth(AuthPart, frozen=True, tag="api_key"):
    """Callers send a key in X-Api-Key. A key added or removed here counts within seconds."""

    keys: tuple[ApiKey, ...]


class OidcAuth(AuthPart, frozen=True, tag="oidc", kw_only=True):
    """Callers send a token of this issuer in Authorization: Bearer."""

    issuer: Url
    audience: str | tuple[str, ...] = ()
    jwks_url: Url | None = None
    algorithms: tuple[Algorithm, ...] = ("RS256", "ES256")
    subject_must_be_user: bool = False
    user_claim: Text = "sub"
    clock_skew: Seconds = 60


AnyAuth = NoAuth | ApiKeyAuth | OidcAuth


class RateLimitsPart(Part, frozen=True):
    """How often one key or token, and one address, may ask; counted in Redis where RECGATE_REDIS_URL names one, else in
    each worker for itself."""

    per_key: Rate | None = None
    per_address: Rate | None = None


class CorsPart(Part, frozen=True):
    """Pages of which origins may ask; of all of them where none is listed. With `credentials` those that are listed may
    send cookies and the like, which a proxy in front may ask for. Events may be sent with credentials in any case."""

    origins: tuple[WebOrigin, ...] = ()
    credentials: bool = False


class AdminKey(Part, frozen=True, kw_only=True):
    """A key of X-Api-Key by the SHA-256 of it."""

    name: Text
    sha256: Digest
    expiration: Time | None = None


class Admin(Part, frozen=True):
    """Who may purge, reload and see the configuration under /admin; without it there is no such place."""

    keys: tuple[AdminKey, ...]
