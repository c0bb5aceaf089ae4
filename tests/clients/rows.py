"""The clients that are tried: a folder a partner, whose `rows.py` has its `ROWS`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

HERE = Path(__file__).parent

Language = Literal["Python", "Node", "browser"]


@dataclass(frozen=True)
class ClientRow:
    """One client. `name` is its namespace, too, and begins with its partner's folder; `script` is below that folder;
    `intake` and `more` are of the namespace's configuration."""

    name: str
    partner: str  # as people call it
    language: Language
    package: str
    pointed: str  # how it is told where to send
    calls: str
    script: str
    intake: Mapping[str, Any]
    more: Mapping[str, Any] = field(default_factory=dict)
    is_alone: bool = False  # its test runs it, against servers of its own

    @property
    def folder(self) -> Path:
        return HERE / self.name.partition("-")[0]

    @property
    def version(self) -> str:
        """As the lock file has it."""
        if self.language == "Python":
            lock = (self.folder / "requirements.txt").read_text()
            found = re.search(rf"^{re.escape(self.package)}==(\S+)", lock, re.MULTILINE | re.IGNORECASE)
            assert found is not None, f"{self.package} is not in {self.folder}/requirements.txt"
            return found[1]
        lock = json.loads((self.folder / "package-lock.json").read_text())
        return str(lock["packages"][f"node_modules/{self.package}"]["version"])


@cache
def all_rows() -> tuple[ClientRow, ...]:
    """The rows of all folders, in the order of their names."""
    folders = sorted(path.parent.name for path in HERE.glob("*/rows.py"))
    return tuple(row for name in folders for row in import_module(f"tests.clients.{name}.rows").ROWS)
