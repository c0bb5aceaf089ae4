"""The pictures of the docs are those that their script draws of the figures as they stand."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from loadtests.plots import PICTURES, number, table_below
from tests.docs.reference import ROOT

PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_of_the_figures_and_on_a_page(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    assert text == PICTURES[name](), "run `make plots`"
    assert ElementTree.fromstring(text).findtext("{http://www.w3.org/2000/svg}title")
    assert any(f"]({name})" in page.read_text() or f"](docs/{name})" in page.read_text() for page in PAGES)


def test_figures_are_read_from_tables() -> None:
    rows = table_below("Cohorts")
    assert rows[0][0] == "each user's own" and number(rows[1][4]) == 96.4 and number(rows[0][1]) == 0.127
    with pytest.raises(SystemExit, match="no table"):
        table_below("Nothing of the kind")
