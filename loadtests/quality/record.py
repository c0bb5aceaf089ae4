"""What each run left: a file a data set, split, peer and seed. A later command adds to those of earlier ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

OUT = Path(__file__).parents[1] / "out" / "quality"


class Spent(msgspec.Struct, frozen=True):
    wall_s: float = 0.0
    cpu_s: float = 0.0


class Reading(msgspec.Struct, frozen=True):
    """Gains of one model, an entry a question."""

    ndcg: list[float]
    hits: list[int]
    coverage: float


class Setting(msgspec.Struct, frozen=True):
    """What was asked of whom; the rows of one table share it."""

    data: str
    split: str
    title: str
    manner: str
    fingerprint: str
    users: int
    items: int
    trained_on: int  # interactions
    questions: int


class RunRecord(msgspec.Struct, frozen=True):
    setting: Setting
    peer: str  # the module's name
    seed: int
    when: str
    machine: str
    limit_s: float
    failure: str = ""
    settings: str = ""
    cut: str = ""  # what the time did not suffice for
    gains: dict[str, Reading] = msgspec.field(default_factory=dict)  # by whether the moment of asking is known
    tuning: Spent = Spent()
    fitting: Spent = Spent()
    peak_mib: float = 0.0

    def save(self, folder: Path) -> None:
        """A failure does not take the place of figures."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.setting.data}.{self.setting.split}.{self.peer}.{self.seed}.json"
        if not (self.failure and file.exists()):
            file.write_bytes(msgspec.json.encode(self))


def stored(folder: Path) -> Iterator[RunRecord]:
    for file in sorted(folder.glob("*.json")):
        yield msgspec.json.decode(file.read_bytes(), type=RunRecord)
