"""The event log after a campaign, against what was sent: a set, in which each is once, and as it was sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import NamedTuple

from loadtests.campaign.checker import Sent
from loadtests.crash import events_in


class InLog(NamedTuple):
    name: str
    group: str
    user: str | None
    item: str | None


class Verdict(NamedTuple):
    lost: int  # acknowledged and not in the log
    doubled: int  # in the log more than once
    strange: int  # of another tenant, user or item than was sent, or never sent


def logged(data: Path) -> list[InLog]:
    """All events in the log."""
    return [InLog(event.event_id or "", group, event.user, event.item) for group, event in events_in(data)]


def judged(acknowledged: Set[str], sent: Mapping[str, Sent], in_log: Iterable[InLog]) -> Verdict:
    """A tenant's group is the one that has the first of its events."""
    counts, groups, strange = Counter[str](), defaultdict[str, str](str), 0
    for event in in_log:
        counts[event.name] += 1
        as_sent = sent.get(event.name)
        if as_sent is None:
            strange += 1
            continue
        group = groups[as_sent.tenant] = groups[as_sent.tenant] or event.group
        strange += (group, as_sent.user, as_sent.item) != (event.group, event.user, event.item)
    strange += len(groups) - len(set(groups.values()))
    return Verdict(len(acknowledged - counts.keys()), sum(count > 1 for count in counts.values()), strange)
