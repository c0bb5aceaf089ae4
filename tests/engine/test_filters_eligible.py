"""The mask that all share is kept while it is true, and no user's own events get into it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data import entries
from engine.data.group import Group
from engine.filters import Candidates, CompiledFilter, compile_filter, eligible_by
from tests.engine.filter_world import FIELDS, agreeing, imported, put, tell

CHEAP = "INCLUDE ItemID WHERE Items.PRICE < $MOST"
SEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'
BOTH = f"{SEEN} | EXCLUDE ItemID WHERE Items.GENRE IN ('Horror')"
OWN = "EXCLUDE ItemID WHERE Items.GENRE IN ('Drama') IF CurrentUser.AGE > 20"


def filters(*texts: str) -> tuple[CompiledFilter, ...]:
    return tuple(compile_filter(text).within(FIELDS) for text in texts)


def candidates(group: Group, user: str) -> Candidates:
    return Candidates(group, len(group.items), group.history(user), user)


@pytest.mark.parametrize("made", [imported, put])
@pytest.mark.parametrize("texts", [(BOTH,), (CHEAP, SEEN), (CHEAP, OWN, BOTH), (SEEN, SEEN)])
def test_it_says_what_the_masks_of_all_filters_say(made, texts: tuple[str, ...]) -> None:
    group, asked = made(), filters(*texts)
    for most in ("25", "35", "25"):
        for user in ("u", "nobody"):
            each, values = candidates(group, user), {"MOST": most}
            masks = [one.mask(each, values) for one in asked]
            agreeing(eligible_by(asked, each, values), np.logical_and.reduce(masks))


def test_it_is_shared_until_an_item_changes() -> None:
    group, asked = imported(), filters(BOTH)
    one, other = (eligible_by(asked, candidates(group, user), {}) for user in ("u", "nobody"))
    assert one is not None and other is not None
    assert one.shared is other.shared and one.mask.tolist() != other.mask.tolist()
    tell(group, "item", "3", entries.RecordRow("3", {"GENRE": "Horror"}))
    later = eligible_by(asked, candidates(group, "u"), {})
    assert later is not None and later.shared is not one.shared
    assert later.mask.tolist() == asked[0].mask(candidates(group, "u"), {}).tolist()
    tell(group, "event", "u", entries.Interaction("u", "s-u", "new", "click", 9.0))  # an item that has no row
    agreeing(eligible_by(asked, candidates(group, "u"), {}), asked[0].mask(candidates(group, "u"), {}))


def test_one_compiled_for_other_schemas_is_another() -> None:
    group, each = imported(), {key: field for key, field in FIELDS.items() if key != ("ITEMS", "GENRE")}
    agreeing(eligible_by(filters(BOTH), candidates(group, "u"), {}), filters(BOTH)[0].mask(candidates(group, "u"), {}))
    without = (compile_filter(BOTH).within(each),)
    agreeing(eligible_by(without, candidates(group, "u"), {}), without[0].mask(candidates(group, "u"), {}))


def test_so_many_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.filters.eligible.CACHED_BYTES", 300)
    group, asked = imported(), filters(CHEAP)
    for price in range(100):
        eligible_by(asked, candidates(group, "u"), {"MOST": str(price)})
        assert len(group.item_table.memo["left"]) <= 10
