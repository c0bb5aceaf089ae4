"""docs/partners.md: the clients that were tried, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.clients.rows import ClientRow
from tests.clients.world import ROOT

PAGE = ROOT / "docs" / "partners.md"
HEAD = """# Partners' clients

Each of these clients works against recgate unmodified: it has its key, and knows where to send. `make test-clients`
installs them in environments of their own, runs them against one server, and writes this page. Pages in a browser are
of another origin than the server. What the clients send is read back from the log, to the field, and is there once
though it was sent twice. [Partners' events](intake.md) says how each is configured.

| partner | client | is told where by | calls | is told | refused |
| --- | --- | --- | --- | --- | --- |
"""


def page(rows: Sequence[ClientRow], outcomes: Mapping[str, Mapping[str, str]]) -> str:
    return HEAD + "".join(_line(row, outcomes[row.name]) for row in rows)


def _line(row: ClientRow, outcome: Mapping[str, str]) -> str:
    client = f"{row.language}: `{row.package}` {row.version}"
    cells = (row.partner, client, row.pointed, row.calls, outcome["success"], outcome["failure"])
    return f"| {' | '.join(cells)} |\n"
