"""Where an interaction came from: what the event says, or the campaign or recommender whose answer it names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.impressions.ids import tag_of

UNDEFINED = "SOURCE_NAME_UNDEFINED"
MOST = 100


class Sources:
    """Of one attribution; `answering` are ARNs by the tag of their answers' names, `known` those with counts already.

    Beside `UNDEFINED` there are at most 100: what any other brings counts as undefined, so that nothing is lost.
    """

    def __init__(self, answering: Mapping[str, str], known: Iterable[str]) -> None:
        self._answering = answering
        self._known = set(known) - {UNDEFINED}

    def admitted(self, name: str) -> str:
        if name not in self._known and name != UNDEFINED:
            if len(self._known) >= MOST:
                return UNDEFINED
            self._known.add(name)
        return name

    def answer(self, recommendation_id: str) -> str:
        """The ARN of what gave the answer of that name."""
        return self._answering.get(tag_of(recommendation_id) or "", UNDEFINED)

    def of(self, given: str | None, recommendation_id: str | None) -> str:
        if given:
            return self.admitted(given)
        return self.admitted(self.answer(recommendation_id)) if recommendation_id else UNDEFINED
