"""Two ways to use the page: by the mouse, and by the keyboard alone. Flows are done by both."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Protocol

from playwright.sync_api import Locator, Page, expect

MOST_STEPS = 400  # of Tab until something is reached: all of a long view, and round again
MOST_CHOICES = 60

HAS_FOCUS = "element => element === document.activeElement"
# whether a person can see where the focus is
SHOWS_FOCUS = """element => {
    const style = getComputedStyle(element);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
}"""


class Hand(Protocol):
    """A visitor's hand. Every target is one element."""

    def press(self, target: Locator) -> None: ...

    def write(self, target: Locator, text: str) -> None: ...

    def choose(self, target: Locator, label: str) -> None: ...

    def date(self, target: Locator, moment: datetime) -> None: ...

    def give(self, target: Locator, file: Path) -> None: ...


class MouseHand:
    def __init__(self, page: Page) -> None:
        self._page = page
        page.on("filechooser", lambda _: None)  # it takes a moment until choosers come to who listens

    def press(self, target: Locator) -> None:
        target.click()

    def write(self, target: Locator, text: str) -> None:
        target.click()
        target.fill(text)

    def choose(self, target: Locator, label: str) -> None:
        target.select_option(label=label)

    def date(self, target: Locator, moment: datetime) -> None:
        target.fill(f"{moment:%Y-%m-%dT%H:%M}")

    def give(self, target: Locator, file: Path) -> None:
        with self._page.expect_file_chooser() as opened:
            target.click()
        opened.value.set_files(file)


class KeyboardHand:
    """Keys alone: Tab and Shift+Tab to reach, Enter to press, letters to write, arrows to choose."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.on("filechooser", lambda _: None)  # it takes a moment until choosers come to who listens

    def press(self, target: Locator) -> None:
        expect(target).to_be_enabled()
        self._reach(target)
        self._page.keyboard.press("Enter")

    def write(self, target: Locator, text: str) -> None:
        self._reach(target)
        self._page.keyboard.press("ControlOrMeta+a")
        self._page.keyboard.type(text)

    def choose(self, target: Locator, label: str) -> None:
        self._reach(target)
        self._page.keyboard.press("Home")
        for _ in range(MOST_CHOICES):
            if target.locator("option:checked").inner_text() == label:
                break
            self._page.keyboard.press("ArrowDown")
        expect(target.locator("option:checked")).to_have_text(label)

    def date(self, target: Locator, moment: datetime) -> None:
        """The parts of a date and a time in their order, from the first; a year may have six digits, so that it is left
        by an arrow."""
        self._reach(target)
        while target.evaluate(HAS_FOCUS):
            self._page.keyboard.press("Shift+Tab")
        self._page.keyboard.press("Tab")
        self._page.keyboard.type(f"{moment:%m%d%Y}")
        self._page.keyboard.press("ArrowRight")
        self._page.keyboard.type(f"{moment:%I%M%p}")
        expect(target).to_have_value(f"{moment:%Y-%m-%dT%H:%M}")

    def give(self, target: Locator, file: Path) -> None:
        self._reach(target)
        with self._page.expect_file_chooser() as opened:
            self._page.keyboard.press("Enter")
        opened.value.set_files(file)

    def _reach(self, target: Locator) -> None:
        """Move the focus on to the target, backwards where that is behind; it must be seen there."""
        expect(target).to_be_visible()
        is_behind = target.evaluate(
            "element => !!(element.compareDocumentPosition(document.activeElement) & Node.DOCUMENT_POSITION_FOLLOWING)"
        )
        for _ in range(MOST_STEPS):
            if target.evaluate(HAS_FOCUS):
                assert target.evaluate(SHOWS_FOCUS), f"the focus can't be seen at {target}"
                return
            self._page.keyboard.press("Shift+Tab" if is_behind else "Tab")
        raise AssertionError(f"the keyboard does not reach {target}")
