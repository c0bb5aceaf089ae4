"""The datafile of Optimizely's SDKs: the experiments of the namespace whose SDK key it is, asked for again by
If-Modified-Since."""

from __future__ import annotations

import hashlib
from email.utils import formatdate
from math import floor

import msgspec
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from gateway.caller import Caller, Principal
from gateway.experiments.wires.optimizely import datafile
from gateway.flag_service import FlagService
from gateway.intake.base import PartnerAccount
from gateway.routes.parsing import decoded, segments
from gateway.routes.replies import READ, AnyRequest, Front, Header, Sending, SentResponse

PARTNER = "optimizely"
FIRST_DATE, DATES = 946_684_800, 700_000_000  # from 2000 on, for 22 years
Datafile = tuple[bytes, str]  # and its date


def optimizely_route(front: Front, flag_service: FlagService) -> HTTPRouteHandler:
    api = OptimizelyApi(front, flag_service)

    @front.route("/datafiles/{rest:path}", READ)
    async def read(request: AnyRequest) -> SentResponse:
        return await front.answer("optimizely", request, api.read, guarded=False)

    return read


class OptimizelyApi:
    def __init__(self, front: Front, flag_service: FlagService) -> None:
        self._front, self._flag_service = front, flag_service
        self._datafiles: dict[tuple[object, ...], Datafile] = {}  # of this second

    async def read(self, request: AnyRequest, caller: Caller) -> Sending:
        (name,) = segments(request, "datafiles", 1)
        accounts = self._front.gateway.config.partners.get(PARTNER)
        key, suffix, _ = decoded(name, "SDK key").rpartition(".json")
        if accounts is None or not suffix:
            raise NotFoundException
        account = accounts.of_key(key)
        principal = Principal(name=f"{PARTNER}/{account.namespace}")
        await self._front.limit(msgspec.structs.replace(caller, principal=principal), 1)
        body, date = self._datafile(account, key)
        headers: tuple[Header, ...] = ((b"cache-control", b"no-cache"), (b"last-modified", date.encode()))
        if caller.headers.get("if-modified-since") == date:
            return Sending(status=304, headers=headers)
        return Sending(body, headers=headers)

    def _datafile(self, account: PartnerAccount, key: str) -> Datafile:
        """The datafile as of this second, made once for all who ask."""
        gateway = self._front.gateway
        config, now = gateway.config, float(floor(gateway.clock()))
        kind = (config.fingerprint, now, key)
        if kind not in self._datafiles:
            own = [each for each in config.flags.values() if each.plan.namespace == account.namespace]
            flags = [self._flag_service.current(each, now) for each in own]
            body = msgspec.json.encode(datafile(flags, key, account.part.mapping.events, now))
            self._datafiles = {each: made for each, made in self._datafiles.items() if each[:2] == kind[:2]}
            self._datafiles[kind] = (body, date_of(body))
        return self._datafiles[kind]


def date_of(body: bytes) -> str:
    """A date that stands for the content. SDKs send it back as it is, and nothing else: so it has to be another for
    other content, also within a second, and the same in all processes."""
    digest = int.from_bytes(hashlib.blake2b(body, digest_size=8).digest())
    return formatdate(FIRST_DATE + digest % DATES, usegmt=True)
