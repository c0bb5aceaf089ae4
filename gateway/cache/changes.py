"""What has changed, by the log's sequence numbers: an answer is current while it has seen every change of its tags."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

Tag = tuple[str, ...]  # ("user", group, user) · ("items", group) · ("snapshot", group) · ("deploy", campaign)

MANY = 50_000  # users remembered one by one, about 14 MB


class Changes:
    """The last change of every tag. Written from any thread, read without a lock.

    Memory is bounded without a clock: the user changed longest ago is forgotten, and from then on every user of the
    group that we know nothing of counts as changed at that sequence. That can outdate a current answer, never keep
    an old one.
    """

    def __init__(self, many: int = MANY) -> None:
        self._many = many
        self._users: OrderedDict[Tag, int] = OrderedDict()
        self._others: dict[Tag, int] = {}
        self._floors: dict[str, int] = {}  # by group
        self._lock = threading.Lock()

    def note(self, tag: Tag, seq: int) -> None:
        with self._lock:
            if tag[0] == "user":
                self._note_user(tag, seq)
            else:
                self._others[tag] = max(seq, self._others.get(tag, 0))

    def _note_user(self, tag: Tag, seq: int) -> None:
        if self._users.get(tag, 0) >= seq:
            return
        if tag not in self._users and len(self._users) >= self._many:
            self._forget(next(iter(self._users)))
        self._users[tag] = seq
        self._users.move_to_end(tag)

    def _forget(self, user: Tag) -> None:
        group = user[1]
        # The floor rises first: a reader may find both, never neither.
        self._floors[group] = max(self._floors.get(group, 0), self._users[user])
        del self._users[user]

    def latest(self, tags: Sequence[Tag]) -> int:
        """The greatest sequence number of a change to any of these."""
        seq = 0
        for tag in tags:
            last = self._users.get(tag) if tag[0] == "user" else self._others.get(tag, 0)
            if last is None:
                last = self._floors.get(tag[1], 0)
            if last > seq:
                seq = last
        return seq

    def __len__(self) -> int:
        return len(self._users) + len(self._others)
