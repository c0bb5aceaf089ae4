"""Two lanes: one long job and one short one run at a time, so that what takes seconds does not wait for half an hour.

Two long ones at once would take the memory and the cores that answering needs. Which lane a job is in follows from what
is known before it starts: the recipe and the rows of its data, or the bytes of its files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import sqlalchemy as sa

from engine.arns import name_of
from engine.control.hpo_config import search_of
from engine.engine import Engine
from engine.queue.queue import Job
from engine.recipes import RECIPES
from engine.records import DatasetGroupRecord, DatasetImportJobRecord, RecommenderRecord, SolutionVersionRecord
from engine.storage.sql import snapshots
from engine.use_cases import USE_CASES

LONG_S = 60.0
A_ROW_S = 6e-4  # that training takes, and trials, of a recipe that is not quick
LONG_BYTES = 32 << 20  # of an import: some seconds a million rows
ALONE = frozenset(
    {"cleaning", "deleting", "forgetting"}
)  # another job may be making what they remove, or learn from it


class Lanes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._long: dict[int, bool] = {}  # by job's id, of those that are unfinished

    def fits(self, job: Job, running: Sequence[Job]) -> bool:
        """Whether a job may start beside those that run."""
        if not running:
            return True
        if len(running) > 1 or ALONE & {job.kind, running[0].kind}:
            return False
        return self.is_long(job) != self.is_long(running[0])

    def beside(self, job: Job, running: Sequence[Job]) -> bool:
        """Whether it is a short one, and may start beside a long one that runs."""
        return bool(running) and not self.is_long(job) and self.fits(job, running)

    def is_long(self, job: Job) -> bool:
        if job.id not in self._long:
            if len(self._long) > 1_000:
                self._long.clear()
            self._long[job.id] = self._seconds(job) > LONG_S
        return self._long[job.id]

    def _seconds(self, job: Job) -> float:
        if job.kind == "training":
            version = self._engine.records.find(job.arn, SolutionVersionRecord)
            return 0.0 if version is None or version.training_mode == "UPDATE" else self._of_training(version)
        if job.kind == "recommending":
            recommender = self._engine.records.find(job.arn, RecommenderRecord)
            if recommender is None or RECIPES[USE_CASES[name_of(recommender.recipe_arn)].trains].quick:
                return 0.0
            return A_ROW_S * self._rows(recommender.dataset_group_arn)
        if job.kind == "importing":
            imported = self._engine.records.find(job.arn, DatasetImportJobRecord)
            location = "" if imported is None else imported.data_source["dataLocation"]
            return LONG_S * _bytes_of(location) / LONG_BYTES
        return 0.0

    def _of_training(self, version: SolutionVersionRecord) -> float:
        rows = self._rows(version.dataset_group_arn)
        if version.perform_auto_ml:
            return A_ROW_S * rows * 4
        recipe = RECIPES.get(name_of(version.recipe_arn))
        if recipe is None or recipe.quick:  # without its recipe the job fails at once
            return 0.0
        trials = search_of(version.solution_config, recipe)[1] if version.perform_hpo else 0
        return A_ROW_S * rows * (1 + trials)

    def _rows(self, group_arn: str) -> int:
        """Interactions of a group: those of its snapshot, and what was streamed since."""
        group = self._engine.records.find(group_arn, DatasetGroupRecord)
        if group is None:
            return 0
        query = sa.select(snapshots.c.path).where(snapshots.c.grp == group.uid)
        with self._engine.database.read() as connection:
            path = connection.execute(query).scalar_one_or_none()
        streamed = self._engine.log.count_after_snapshot(group.uid)
        try:
            file = self._engine.settings.data_dir / path / "items.npy" if path else None
            return streamed + (len(np.load(file, mmap_mode="r")) if file else 0)
        except OSError:  # replaced by a newer one at this moment
            return streamed


def _bytes_of(location: str) -> int:
    """Of local files; 0 of others, whose size would take a question over the network."""
    if not location.startswith("file://"):
        return 0
    path = Path(unquote(urlsplit(location).path))
    try:
        return sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size
    except OSError:
        return 0
