"""One run of a sync: what has changed since the last one, request by request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from gateway.admin.view import View
from gateway.sync.destinations import Destination
from gateway.sync.records import SyncRecord
from gateway.sync.sending import SyncRequest, SyncSender
from gateway.sync.state import SentState


class SyncView(View, frozen=True, kw_only=True):
    """The outcome of a run. `skipped` are records that were not sent, by the reason."""

    destination: str
    sent: int
    removed: int
    unchanged: int
    skipped: dict[str, int]
    requests: int
    waited_s: float


class SyncRun:
    """Sends the changes among records, and notes each request's once it is taken."""

    def __init__(
        self, destination: Destination, part: str, sender: SyncSender, state: SentState, skipped: Counter[str]
    ) -> None:
        self._destination, self._part = destination, part
        self._sender, self._state, self._skipped = sender, state, skipped
        self._unchanged = self._sent = self._removed = 0

    def send(self, records: Iterable[SyncRecord]) -> SyncView:
        """Raises `SyncRefused`, after which another run goes on where this one ended."""
        for chunk in chunks(self._changed(records), self._destination.most):
            self._send(chunk)
        if self._destination.remove is not None:
            for ids in chunks(self._state.gone(), self._destination.most):
                self._sender.send(self._destination.remove(ids, self._part))
                self._state.drop(ids)
                self._removed += len(ids)
        return SyncView(
            destination=self._destination.name,
            sent=self._sent,
            removed=self._removed,
            unchanged=self._unchanged,
            skipped=dict(sorted(self._skipped.items())),
            requests=self._sender.requests,
            waited_s=round(self._sender.waited_s, 3),
        )

    def _changed(self, records: Iterable[SyncRecord]) -> Iterator[SyncRecord]:
        for record in records:
            if not self._destination.takes(record.id):
                self._skipped["an id that the partner does not take"] += 1
            elif self._state.is_sent(record):
                self._unchanged += 1
            else:
                yield record

    def _send(self, records: Sequence[SyncRecord]) -> None:
        request: SyncRequest = self._destination.upsert(records, self._part)
        rejected = request.rejected(self._sender.send(request))
        taken = [record for place, record in enumerate(records) if place not in rejected]
        self._state.note(taken)
        self._sent += len(taken)
        if len(taken) < len(records):
            self._skipped["refused by the partner"] += len(records) - len(taken)


Element = TypeVar("Element")


def chunks(elements: Iterable[Element], size: int) -> Iterator[list[Element]]:
    iterator = iter(elements)
    while chunk := list(islice(iterator, size)):
        yield chunk
