"""The engines that a gateway without one asks: which comes first for a user, and which do not answer at present.

Rendezvous hashing: each engine has a weight for each user, and the heaviest comes first. So a user's history, vector
and cached answers stay where they are warm, and an engine that comes or goes moves only its own users.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import count

from engine import InvalidInput

VARIABLE = "RECGATE_ENGINES"
PLACE = re.compile(r"https?://[A-Za-z0-9._-]+(:[0-9]+)?|https?://\[[0-9a-fA-F:]+\](:[0-9]+)?")
REST_S = 1.0  # an engine that did not answer is asked last for so long


def engines_in(text: str) -> tuple[str, ...]:
    """The addresses in RECGATE_ENGINES. Raises `InvalidInput`."""
    places = tuple(place.strip().rstrip("/") for place in text.split(",") if place.strip())
    wanted = f"{VARIABLE}=http://HOST:PORT,http://HOST:PORT"
    if not places:
        raise InvalidInput(f"a gateway without an engine needs the addresses of engines: {wanted}")
    for place in places:
        if not PLACE.fullmatch(place):
            raise InvalidInput(f"{VARIABLE}: {place!r} is no engine's address: {wanted}")
    return tuple(dict.fromkeys(places))


class Engines:
    def __init__(self, places: Sequence[str], monotonic: Callable[[], float]) -> None:
        self.places, self._monotonic = tuple(places), monotonic
        self._resting: dict[str, float] = {}  # until when
        self._heard: dict[str, float] = {}  # of each engine, when last
        self._turns = count()
        self._ranked = lru_cache(16_384)(self._rank)

    def order(self, user: bytes) -> Sequence[str]:
        """All engines, the first to ask first; without a user in turn."""
        order: Sequence[str]
        if user:
            order = self._ranked(user)
        else:
            turn = next(self._turns) % len(self.places)
            order = (*self.places[turn:], *self.places[:turn])
        if not self._resting:
            return order
        now = self._monotonic()
        order = sorted(order, key=lambda place: self._resting.get(place, 0.0) > now)
        if order[0] in self._resting:  # its rest is over: this request tries it, the others wait for what comes of that
            self._resting[order[0]] = now + REST_S
        return order

    def failed(self, place: str, asked_at: float | None = None) -> None:
        """It did not answer. With `asked_at` it is late: one that has answered others since then goes on as before."""
        if asked_at is None or self._heard.get(place, 0.0) < asked_at:
            self._resting[place] = self._monotonic() + REST_S

    def answered(self, place: str) -> None:
        self._heard[place] = self._monotonic()
        if self._resting:
            self._resting.pop(place, None)

    def _rank(self, user: bytes) -> tuple[str, ...]:
        return tuple(sorted(self.places, key=lambda place: _weight(place, user), reverse=True))


def _weight(place: str, user: bytes) -> bytes:
    return blake2b(user, digest_size=8, key=blake2b(place.encode(), digest_size=32).digest()).digest()
