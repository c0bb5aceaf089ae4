"""The reads of Amplitude's clients: the variants of a user (`/sdk/v2/vardata`), and the profile of a user, with
recommendations (`/v1/userprofile`)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from typing import Any

import msgspec
from litestar.enums import HttpMethod
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from gateway.ask import Ask
from gateway.body import names_in
from gateway.caller import Caller, Principal
from gateway.errors import Invalid, Unauthenticated
from gateway.experiments.enrol import is_held_out
from gateway.experiments.wires import amplitude
from gateway.flag_service import FlagService
from gateway.intake.base import PartnerAccount, PartnerAccounts
from gateway.plan.flag import AnyFlag
from gateway.routes.parsing import LONGEST_ID, checked_id, decode
from gateway.routes.replies import LARGEST_BODY, NO_STORE, READ, AnyRequest, Front, Sending

PARTNER = "amplitude"
SCHEME = "Api-Key"
MOST_LISTS = 20  # recommendations of one profile
USER, FLAG_KEYS, TRACKS = "x-amp-exp-user", "x-amp-exp-flag-keys", "x-amp-exp-exposure-track"  # headers


def amplitude_routes(front: Front, flag_service: FlagService) -> list[HTTPRouteHandler]:
    api = AmplitudeApi(front, flag_service)
    methods = [HttpMethod.GET, HttpMethod.POST]
    return [
        front.handler(methods, "/sdk/v2/vardata", "amplitude-variants", api.variants, guarded=False),
        front.handler(READ, "/v1/userprofile", "amplitude-profile", api.profile, guarded=False),
    ]


class AmplitudeApi:
    def __init__(self, front: Front, flag_service: FlagService) -> None:
        self._front, self._flag_service = front, flag_service

    async def variants(self, request: AnyRequest, caller: Caller) -> Sending:
        """The variants of all flags of the key's namespace, or of those that the client names. An exposure is what the
        client then reports, unless it asks for it here."""
        account = self._accounts().of_key(key_of(caller))
        user = await self._user(request, caller)
        caller = await self._limited(caller, account, 1)
        keys, exposes = flag_keys(caller), caller.headers.get(TRACKS) == "track"
        flags = [
            flag
            for flag in self._front.gateway.config.flags.values()
            if flag.plan.namespace == account.namespace and (keys is None or flag.key in keys)
        ]
        found = {flag.key: self._variant(flag, user, caller, exposes=exposes) for flag in flags}
        return Sending(msgspec.json.encode(found), headers=(NO_STORE,))

    def _variant(self, flag: AnyFlag, user: dict[str, Any], caller: Caller, *, exposes: bool) -> amplitude.Variant:
        unit = amplitude.unit_of(flag, user)
        if unit is None or len(unit) > LONGEST_ID:
            return amplitude.variant(flag, None)
        context = amplitude.context_of(user)
        evaluation = self._flag_service.evaluate(flag, unit, context, caller, exposes=exposes)
        return amplitude.variant(flag, evaluation)

    async def profile(self, _: AnyRequest, caller: Caller) -> Sending:
        """A user's recommendations, by the recommenders that `rec_id` names."""
        account = secret_account(self._accounts(), key_of(caller))
        query = caller.query
        ids = {name: checked_id(query[name], name) for name in ("user_id", "device_id") if query.get(name)}
        if not ids:
            raise Invalid("ValidationError", "user_id or device_id: one of them says whose profile it is")
        if query.get("rec_type", "model") != "model":
            raise Invalid("ValidationError", f"rec_type: model; not {query['rec_type']!r}")
        names = [name for name in query.get("rec_id", "").split(",") if name]
        if len(names) > MOST_LISTS:
            raise Invalid("ValidationError", f"rec_id: at most {MOST_LISTS} recommenders, not {len(names)}")
        wanted = names if query.get("get_recs") == "true" else []
        caller = await self._limited(caller, account, max(1, len(wanted)))
        lists = await asyncio.gather(*(self._recommendations(name, account, ids, caller) for name in wanted))
        profile = {
            "user_id": ids.get("user_id"),
            "device_id": ids.get("device_id"),
            "recommendations": list(lists) if wanted else None,
            "amp_props": None,
            "cohort_ids": None,
        }
        return Sending(msgspec.json.encode({"userData": profile}), headers=(NO_STORE,))

    async def _recommendations(
        self, name: str, account: PartnerAccount, ids: dict[str, str], caller: Caller
    ) -> dict[str, Any]:
        gateway, device = self._front.gateway, ids.get("device_id")
        user = ids.get("user_id") or device
        ask = Ask(
            action="recommend-items",
            namespace=account.namespace,
            recommender=name,
            user_id=user,
            session_id=device,
            decorate=False,
            shaped=False,
        )
        plan = gateway.config.plan_for(ask)
        reply = await gateway.answer(ask, caller)
        gateway.count_shown(reply)
        units = {"user": user, "session": device}
        held_out = any(is_held_out(each, units[each.unit] or "") for each in plan.experiments.values())
        return {
            "rec_id": name,
            "child_rec_id": reply.variation,
            "items": names_in(reply.body),
            "is_control": held_out,
            "recommendation_source": "model",
            "last_updated": int(gateway.clock() - reply.age_s),
        }

    def _accounts(self) -> PartnerAccounts:
        accounts = self._front.gateway.config.partners.get(PARTNER)
        if accounts is None:
            raise NotFoundException
        return accounts

    async def _limited(self, caller: Caller, account: PartnerAccount, count: int) -> Caller:
        """The caller as the partner of its namespace. Raises `TooMany`."""
        principal = Principal(name=f"{PARTNER}/{account.namespace}", namespaces=frozenset([account.namespace]))
        caller = msgspec.structs.replace(caller, principal=principal)
        await self._front.limit(caller, count)
        return caller

    async def _user(self, request: AnyRequest, caller: Caller) -> dict[str, Any]:
        if request.method != "POST":
            return decode(unpacked(caller, USER) or b"{}", dict[str, Any], f"{USER} is a user")
        async with self._front.bodies.of(request, caller.share, LARGEST_BODY) as body:
            return decode(body or b"{}", dict[str, Any], "a user")


def key_of(caller: Caller) -> str:
    """The key of `Authorization: Api-Key …`, "" for none."""
    scheme, _, key = caller.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == SCHEME.lower() else ""


def secret_account(accounts: PartnerAccounts, key: str) -> PartnerAccount:
    """The account with this secret key. Raises `Unauthenticated`."""
    for account in accounts.by_namespace.values():
        if any(hmac.compare_digest(key.encode(), secret.encode()) for secret in account.part.secret_keys):
            return account
    raise Unauthenticated("InvalidKey", "the secret key is missing or not known", SCHEME)


def flag_keys(caller: Caller) -> list[str] | None:
    """The flags that the client names, None for all."""
    packed = unpacked(caller, FLAG_KEYS)
    return decode(packed, list[str], f"{FLAG_KEYS} is a list of flags") if packed else None


def unpacked(caller: Caller, header: str) -> bytes:
    """A header in base64, of either alphabet, padded or not. Raises `Invalid`."""
    text = caller.headers.get(header, "").translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("ValidationError", f"{header}: is not base64") from error
