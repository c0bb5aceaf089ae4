"""A bookshop with two trained models, for the tests of what the configuration does to lists."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from click.testing import CliRunner

from gateway.__main__ import main


def bookshop(folder: Path, config: str, read: Callable[[int], int], sold_out: Collection[int]) -> Path:
    """Books b0 to b19, every fourth of our own press; user n has read the first `read(n)`. The configuration lies
    beside the data, whose folder this returns."""
    events = [f"u{u},b{b},{1_700_000_000 + u * 20 + b},view" for u in range(20) for b in range(read(u))]
    (folder / "events.csv").write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", *events]))
    rows = [f"b{n},{'own' if n % 4 == 3 else 'other'},{0 if n in sold_out else 5}" for n in range(20)]
    (folder / "items.csv").write_text("\n".join(["ITEM_ID,KIND,STOCK", *rows]))
    for arguments in (
        ("import", str(folder / "events.csv"), "--type", "interactions"),
        ("import", str(folder / "items.csv"), "--type", "items"),
        ("train", "popular", "--recipe", "aws-popularity-count"),
        ("train", "like", "--recipe", "aws-sims"),
    ):
        result = CliRunner().invoke(main, [*arguments, "--data", str(folder / "data")])
        assert result.exit_code == 0, result.output
    (folder / "config.yaml").write_text(config)
    return folder / "data"
