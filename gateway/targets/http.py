"""Any service that takes a POST: a record, or a list of them; what is sent again has the same Idempotency-Key."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from gateway.outbound import Peer, Sent
from gateway.plan import plan
from gateway.plan.plan import Limits
from gateway.plan.template import in_header, in_url
from gateway.targets.base import Call, Failed, Means, Message, TargetType, judged, told
from gateway.targets.entry import Entry, envelope

ONE, SEVERAL = 1024 * 1024, 4 * 1024 * 1024  # bytes of a POST
AT_ONCE = 8


class HttpTarget:
    def __init__(self, means: Means, target: plan.Hook) -> None:
        self._outbound, self._target = means.outbound, target
        self.call = Call(target.batch, SEVERAL, whole=True) if target.batch > 1 else Call(1, ONE, at_once=AT_ONCE)
        self._peer = Peer(target.key, "Events", Limits(timeout_s=target.timeout_s))

    def check(self, entry: Entry, size: int) -> None:
        return

    def messages(self, entry: Entry) -> list[Message]:
        return [Message(entry.id, entry.session or entry.user or entry.id, envelope(entry), entry)]

    async def send(self, call: Sequence[Message]) -> Sequence[Failed | None]:
        got = await told(self._outbound, self._peer, self._sent(call))
        judged(got, f"{self._target.key} answers with status {got.status}")
        return [None] * len(call)

    async def close(self) -> None:
        return

    def _sent(self, call: Sequence[Message]) -> Sent:
        entry, target = call[0].entry, self._target
        values = {"namespace": entry.namespace, "id": entry.id, "sessionId": entry.session, "userId": entry.user or ""}
        headers = {
            "content-type": "application/json",
            "idempotency-key": call[0].id if len(call) == 1 else _digest(call),
            **{name: value.filled(values.__getitem__, in_header) for name, value in target.headers},
        }
        body = call[0].data if target.batch == 1 else b"[" + b",".join(each.data for each in call) + b"]"
        return Sent("POST", target.url.filled(values.__getitem__, in_url), headers, body)


def _digest(call: Sequence[Message]) -> str:
    return hashlib.sha256("\n".join(each.id for each in call).encode()).hexdigest()[:32]


TARGET = TargetType("http", HttpTarget)
