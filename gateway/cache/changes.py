"""Changes by the log's sequence numbers: an answer is current while it has seen every change of its tags."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

# ("user", group, user) · ("items", group) · ("snapshot", group) · ("deploy", campaign) · ("filters",)
# ("namespace", name) · ("recommender", namespace, name) · ("item", namespace, item): see gateway.cache.purge
Tag = tuple[str, ...]

MANY = 50_000  # users remembered one by one, about 14 MB
MANY_ITEMS = 1000  # purged items, of a namespace
NOTHING: frozenset[str] = frozenset()
NEVER: dict[str, int] = {}


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
        self._items: dict[str, dict[str, int]] = {}  # purged ones, by namespace
        self._began = 0
        self.generation = 0  # changes with every note, and so tells cheaply that nothing has come
        self.doubts = 0
        self.doubted = 0  # the last record of the log that was one
        self._lock = threading.Lock()

    def begin(self, seq: int) -> None:
        """Start at this record. Changes before it are unknown, so everything counts as changed there."""
        self._began = seq
        self.generation += 1

    def note(self, changed: Iterable[tuple[Tag, int]]) -> None:
        """Note tags, and when each changed: an answer with one of them is current only if it has seen that sequence
        number."""
        with self._lock:
            for tag, seq in changed:
                if tag[0] == "user":
                    self._note_user(tag, seq)
                elif tag[0] == "item":
                    self._note_item(tag, seq)
                else:
                    self._others[tag] = max(seq, self._others.get(tag, 0))
            self.generation += 1  # last: a reader that sees it finds all of them

    def doubt(self, seq: int) -> None:
        """Note a change without a tag: whether there is an answer at all is to be asked anew."""
        with self._lock:
            self.doubted = max(self.doubted, seq)
            self.doubts += 1
            self.generation += 1

    def _note_item(self, tag: Tag, seq: int) -> None:
        _, namespace, item = tag
        items = self._items.get(namespace, {})
        if len(items) < MANY_ITEMS:
            self._items[namespace] = {**items, item: seq}
        else:  # so many that all of the namespace is as good as purged
            self._items[namespace] = {}
            self._others["namespace", namespace] = seq

    def items_after(self, namespace: str, seq: int) -> frozenset[str] | list[str]:
        """The items of a namespace that were purged after that."""
        items = self._items.get(namespace)
        return NOTHING if not items else [item for item, last in items.items() if last > seq]

    def last_purge(self, namespace: str) -> int:
        """The last purge of an item of a namespace."""
        return max(self._items.get(namespace, NEVER).values(), default=0)

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
        seq = self._began
        for tag in tags:
            last = self._users.get(tag) if tag[0] == "user" else self._others.get(tag, 0)
            if last is None:
                last = self._floors.get(tag[1], 0)
            if last > seq:
                seq = last
        return seq

    def __len__(self) -> int:
        return len(self._users) + len(self._others)
