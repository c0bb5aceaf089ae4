"""`make docs` builds without a warning, and no link of the site leads nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests.docs.reference import PAGES, ROOT

SITE = "http://site.invalid/"


class Page(HTMLParser):
    """The ids of a page, and what it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" or (name == "name" and tag == "a"):
                self.ids.add(value or "")
            elif name in ("href", "src") and value:
                self.links.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (line,) = re.findall(r"^docs:.*\n\t(.*?)  #", (ROOT / "Makefile").read_text(), re.MULTILINE)
    command = line.replace("$(BIN)", str(Path(sys.executable).parent)).split()
    assert command[0] == "NO_MKDOCS_2_WARNING=1" and "--strict" in command
    command = ["env", *command, "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    pages = {path.relative_to(site).as_posix(): Page(path.read_text()) for path in site.rglob("*.html")}
    assert len(pages) > len(PAGES)
    broken = [
        (name, link)
        for name, page in pages.items()
        if name != "404.html"  # whose links are of the place where the site lies
        for link in page.links
        if not leads_somewhere(site, pages, urljoin(SITE + name, link))
    ]
    assert broken == []


def leads_somewhere(site: Path, pages: dict[str, Page], url: str) -> bool:
    if not url.startswith(SITE):
        return urlsplit(url).scheme in ("http", "https", "mailto", "javascript", "data")
    parts = urlsplit(url)
    path = unquote(parts.path).lstrip("/")
    place = f"{path}index.html" if not path or path.endswith("/") else path
    if not (site / place).is_file():
        return False
    return not parts.fragment or place not in pages or unquote(parts.fragment) in pages[place].ids


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """A machine without the Internet shows the site as it is, but for diagrams."""
    pages = [Page(path.read_text()) for path in site.rglob("*.html")]
    stylesheets = {link for page in pages for link in page.links if urlsplit(link).path.endswith((".css", ".js"))}
    assert stylesheets and not [link for link in stylesheets if urlsplit(link).netloc]


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_of_the_code_as_it_is(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), "run `make reference`"
