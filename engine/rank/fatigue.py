"""Fatigue: what was shown to a user often, and not touched, rests for a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.question import Fatigue


def tired_of(
    times: Mapping[str, Sequence[int]],
    touched_at: Callable[[Sequence[str]], Mapping[str, int]],
    rule: Fatigue,
    now: float,
) -> tuple[str, ...]:
    """The items that rest. `times` are the latest showings of each, oldest first; `touched_at` has the last event on
    some of them, for those that have one."""
    count, within_s, rest_s = rule.shown, rule.within_s, rule.rest_s
    often = {
        item: each[-count]
        for item, each in times.items()
        if len(each) >= count and each[-1] - each[-count] <= within_s and now < each[-1] + rest_s
    }
    if not often:
        return ()
    touched = touched_at(tuple(often))
    return tuple(sorted(item for item, since in often.items() if touched.get(item, -1) < since))
