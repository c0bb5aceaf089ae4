"""The seam of partners: what each says of itself, and what a request of theirs becomes.

PartnerRefusal    a request is refused in the partner's own words
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from engine import nul_in
from gateway.document.kinds import LAST
from gateway.document.report import Report, checks, inside
from gateway.document.values import Part, Secret
from gateway.errors import Invalid, Problem, Unauthenticated
from gateway.intake.mapping import Mapper, PartnerMapping, merged
from gateway.intake.records import Mapped, MessageSender

JSON = b"application/json"
BROWSERS = "Mozilla/"  # how the User-Agent of every browser begins
LONGEST_NAME = 60  # characters of a partner's name for something, as it is shown


class PartnerPart(Part, frozen=True, kw_only=True):
    """A partner whose events a namespace takes. A request with one of the `keys` is for this namespace; there may be
    several, so that one can be replaced. `mapping` replaces parts of the partner's table."""

    keys: tuple[Secret, ...] = ()
    mapping: PartnerMapping = PartnerMapping()


@checks
def check_partner(part: PartnerPart, place: str, report: Report) -> None:
    if len(set(part.keys)) < len(part.keys):
        report.refuse(inside(place, "keys"), "has a key twice")


@dataclass(frozen=True)
class PartnerAccount:
    """One namespace's side of a partner."""

    partner: str
    namespace: str
    part: Any = field(repr=False)  # of the partner's own type
    mapper: Mapper = field(repr=False)


@dataclass(frozen=True)
class PartnerAccounts:
    """All namespaces' sides of one partner, by their keys' digests and by namespace."""

    by_digest: Mapping[str, PartnerAccount]
    by_namespace: Mapping[str, PartnerAccount]

    def of_key(self, *keys: str | None) -> PartnerAccount:
        """The account of the first key that is there. Raises `Unauthenticated`."""
        for key in keys:
            if key:
                # looked up by its digest, so that the time this takes tells nothing of a key
                account = self.by_digest.get(digest_of(key))
                if account is None:
                    raise Unauthenticated("InvalidKey", "the key is not known", "Basic")
                return account
        raise Unauthenticated("MissingKey", "the request brings no key", "Basic")

    def of_namespace(self, namespace: str) -> PartnerAccount:
        """Raises `Unauthenticated`, as for a signature that is wrong: who may ask is not told what there is."""
        account = self.by_namespace.get(namespace)
        if account is None:
            raise Unauthenticated("InvalidKey", "the key is not known", "Basic")
        return account


class PartnerRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A partner's request, its body whole and inflated. `segments` are the parameters of the path; `received_at` is in
    epoch seconds."""

    method: str
    path: str
    segments: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]  # lower-cased names
    body: bytes
    received_at: float

    def json(self) -> Any:
        """The body, whatever its Content-Type. Raises `Invalid`."""
        try:
            if fault := nul_in(self.body):
                raise Invalid("ValidationError", fault)
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid("InvalidJSON", f"the body is not JSON: {error}") from error

    def members(self) -> dict[str, Any]:
        """The body, which is an object. Raises `Invalid`."""
        members = self.json()
        if not isinstance(members, dict):
            raise Invalid("ValidationError", "the body is a JSON object")
        return members

    def sender(self, user_agent: Any = "", address: Any = "", language: Any = "") -> MessageSender | None:
        """The device that a message is of, by what the message says; None where a browser itself has sent it. A server
        that sends for others is nobody's device."""
        texts = [text if isinstance(text, str) else "" for text in (user_agent, address, language)]
        if not any(texts) and self.headers.get("user-agent", "").startswith(BROWSERS):
            return None
        return MessageSender(*texts)

    def basic(self) -> tuple[str, str]:
        """User and password of Authorization: Basic, "" for none."""
        scheme, _, text = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return "", ""
        try:
            user, _, password = base64.b64decode(text.strip()).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user, password


class PartnerReply(msgspec.Struct, frozen=True):
    """An answer as the partner's clients expect it."""

    body: bytes = b""
    status: int = 200
    media_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class PartnerDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """The meaning of a request. `reply` goes out once all records are durable."""

    account: PartnerAccount
    mapped: Mapped
    reply: PartnerReply


class PartnerRefusal(Problem):
    """A refusal with a body of the partner's own."""

    def __init__(self, reply: PartnerReply, code: str, message: str) -> None:
        super().__init__(message, status=reply.status, type="Validation", code=code)
        self.reply = reply


Read = Callable[[PartnerRequest, PartnerAccounts], PartnerDelivery | PartnerReply]


class Endpoint(NamedTuple):
    """A path of a partner. `read` computes only; a reply in place of a delivery stores nothing. `largest`: bytes of a
    body, inflated."""

    path: str  # as litestar's routes have it
    read: Read
    largest: int
    methods: Sequence[str] = ("POST",)


@dataclass(frozen=True)
class PartnerType:
    """A partner. `table` is its mapping; `refused` makes the body of an error from a `Problem`."""

    name: str  # under `intake`
    part: type[PartnerPart]
    table: PartnerMapping
    endpoints: Sequence[Endpoint]
    refused: Callable[[Problem], PartnerReply]
    place: int = LAST  # in the schema

    def account(self, namespace: str, part: PartnerPart) -> PartnerAccount:
        return PartnerAccount(self.name, namespace, part, Mapper(merged(self.table, part.mapping)))


def plain_refusal(problem: Problem, status: int | None = None) -> PartnerReply:
    """An error's code and message as JSON; by another `status` where the partner's clients know its own otherwise."""
    body = msgspec.json.encode({"code": problem.code, "message": problem.message})
    return PartnerReply(body, problem.status if status is None else status)


def digest_of(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def accounts_of(accounts: Sequence[PartnerAccount], publishable: Mapping[str, str]) -> PartnerAccounts:
    """All of one partner. `publishable` has the namespaces of publishable keys, by the keys' digests."""
    by_namespace = {account.namespace: account for account in accounts}
    published = {digest: by_namespace[name] for digest, name in publishable.items() if name in by_namespace}
    own = {digest_of(key): account for account in accounts for key in account.part.keys}
    return PartnerAccounts({**published, **own}, by_namespace)
