"""Places of a parameter file's data: a folder or bucket with `train/GROUP/` and `batch/GROUP/SOLUTION/` in it, or
the folder with the group's files itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from engine import InvalidInput, open_source

NOWHERE = "Nothing is there:"


@dataclass(frozen=True)
class DataPlaces:
    place: str  # a location that ends with a slash

    @classmethod
    def of(cls, files: str | None, file: Path) -> DataPlaces:
        """`files` is a path or location; None: the folder of the parameter file."""
        if files is not None and "://" in files:
            return cls(f"{files.rstrip('/')}/")
        return cls(f"file://{quote(str(Path(files or file.parent).resolve()))}/")

    def dataset(self, group: str, named: str) -> str | None:
        """The file or folder of a dataset; None if there is none."""
        for folder in (f"{self.place}train/{group}/", self.place):
            for location in (f"{folder}{named}.csv", f"{folder}{named}/"):
                if exists(location):
                    return location
        return None

    def questions(self, group: str, solution: str) -> str | None:
        """The input of a solution's batch jobs; None if there is none."""
        location = f"{self._batches(group, solution)}job_config.json"
        return location if exists(location) else None

    def answers(self, group: str, solution: str, job: str) -> str:
        """The folder for the output of a batch job."""
        return f"{self._batches(group, solution)}{job}/"

    def _batches(self, group: str, solution: str) -> str:
        root = self.place.removesuffix(f"train/{group}/")
        return f"{root}batch/{group}/{solution}/"


def exists(location: str) -> bool:
    """Raises `InvalidInput` where nobody can say."""
    try:
        return bool(open_source(location, allow_file_urls=True, nowhere=NOWHERE).files)
    except InvalidInput as error:
        if not error.message.startswith(NOWHERE):  # the bucket refuses, or can't be reached
            raise
        return False
