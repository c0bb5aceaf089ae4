"""Sources of interactions: the one that the event says, or the campaign or recommender whose answer it names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.impressions.ids import tag_of

UNDEFINED = "SOURCE_NAME_UNDEFINED"
MOST = 100


class Sources:
    """The sources of one attribution. `answering` are ARNs by the tag of their answers' names, `counted` the sources
    that have counts already.

    There are at most 100 and `UNDEFINED`: the events of any other count as undefined, so that nothing is lost.
    """

    def __init__(self, answering: Mapping[str, str], counted: Iterable[str]) -> None:
        self._answering = answering
        self._admitted = set(counted) - {UNDEFINED}

    def admitted(self, name: str) -> str:
        if name not in self._admitted and name != UNDEFINED:
            if len(self._admitted) >= MOST:
                return UNDEFINED
            self._admitted.add(name)
        return name

    def answer(self, recommendation_id: str) -> str:
        """The ARN of the campaign or recommender that gave the answer of this name."""
        return self._answering.get(tag_of(recommendation_id) or "", UNDEFINED)

    def of(self, stated: str | None, recommendation_id: str | None) -> str:
        """The source that an event states, or else the one whose answer it names."""
        if stated:
            return self.admitted(stated)
        return self.admitted(self.answer(recommendation_id)) if recommendation_id else UNDEFINED
