"""A control plane on a database of its own, a clock that moves when told, and ids that count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from engine.control import Control, perform
from engine.records import Records, SolutionVersionRecord
from engine.settings import Settings
from engine.storage.sql import Database, sqlite_url

ACCOUNT = "123456789012"
HOME = f"arn:aws:personalize:us-east-1:{ACCOUNT}:"
POPULAR = "arn:aws:personalize:::recipe/aws-popularity-count"


@dataclass
class Plane:
    """Operations by name, and what they told the queue and the log."""

    folder: Path
    changes: dict[str, Any] = field(default_factory=dict)
    now: float = 1_700_000_000.0
    told: list[tuple[str, ...]] = field(default_factory=list)
    broken: bool = False  # the queue and the log refuse

    def __post_init__(self) -> None:
        known: dict[str, Any] = {"account_id": ACCOUNT, "pending_s": 0.0, **self.changes}
        self.settings = Settings(data_dir=self.folder, database_url=sqlite_url(self.folder), **known)
        self.database = Database(self.settings.database_url)
        self.records = Records(self.database)
        self.ids = count(1)

    @property
    def control(self) -> Control:
        return Control(
            settings=self.settings,
            database=self.database,
            records=self.records,
            clock=lambda: self.now,
            new_id=lambda: f"{next(self.ids):08x}-0000-4000-8000-000000000000",
            enqueue=self.tell,
            cancel=lambda arn, within: self.tell("cancel", arn, within),
            announce=self.tell,
            account=ACCOUNT,
            region="us-east-1",
        )

    def tell(self, *what: Any) -> None:
        assert isinstance(what[-1], sa.Connection)
        if self.broken:
            raise OSError("no space left on the device")
        self.told.append(what[:-1])

    def __call__(self, operation: str, **params: Any) -> Any:
        self.now += 0.001
        return msgspec.json.decode(perform(self.control, operation, msgspec.json.encode(params)) or b"null")

    def group(self, name: str = "shop") -> str:
        return self("CreateDatasetGroup", name=name)["datasetGroupArn"]

    def version(self, group: str, name: str = "popular") -> str:
        """A solution with a trained version."""
        self("CreateSolution", name=name, recipeArn=POPULAR, datasetGroupArn=group, performAutoTraining=False)
        arn = self("CreateSolutionVersion", solutionArn=f"{HOME}solution/{name}")["solutionVersionArn"]
        self.records.replace(msgspec.structs.replace(self.records.get(arn, SolutionVersionRecord), status="ACTIVE"))
        return arn


@pytest.fixture
def make_plane(tmp_path: Path) -> Iterator[Callable[..., Plane]]:
    made: list[Plane] = []

    def make(**changes: Any) -> Plane:
        made.append(Plane(tmp_path, changes))
        return made[-1]

    yield make
    for plane in made:
        plane.database.close()


@pytest.fixture
def plane(make_plane: Callable[..., Plane]) -> Plane:
    return make_plane()
