"""A shop whose users like one half of the catalogue each, with a model of every kind, and jobs that answer files."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

from engine.recipes import RECIPES
from tests.engine.shop import HOME, Shop

ROLE = "arn:aws:iam::000000000000:role/r"
ITEMS, USERS = 12, 16


class Batches(Shop):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._jobs = count()

    def stock(self) -> Batches:
        """Users u0…, items i0…; the even users touch even items, and nobody i10 and i11."""
        self.furnish()
        self.load(
            "ITEMS",
            [
                "ITEM_ID,GENRES,YEAR,PRICE",
                *(f"i{n},{('even', 'odd')[n % 2]}|all,{1990 + n},{n}.5" for n in range(ITEMS)),
            ],
        )
        self.load("USERS", ["USER_ID,TIER", *(f"u{n},{'gold' if n < 4 else 'basic'}" for n in range(USERS))])
        clicks = [
            f"u{user} i{2 * ((user + step) % 5) + user % 2} {100 * user + step}"
            for user in range(USERS)
            for step in range(4)
        ]
        self.load_clicks(*clicks)
        return self

    def version(self, recipe: str) -> str:
        """The first version of a solution with the recipe, trained when first asked for."""
        solution = f"{HOME}solution/{recipe}"
        if not any(each["solutionArn"] == solution for each in self.do("ListSolutions")["solutions"]):
            quick = {"sequence_epochs": "1"} if "sequence_epochs" in RECIPES[recipe].hidden else {}
            return self.train(recipe, f"arn:aws:personalize:::recipe/{recipe}", **quick)
        found = self.do("ListSolutionVersions", solutionArn=solution)["solutionVersions"]
        return str(found[0]["solutionVersionArn"])

    def filter(self, name: str, expression: str) -> str:
        return str(
            self.do("CreateFilter", name=name, datasetGroupArn=self.group, filterExpression=expression)["filterArn"]
        )

    def infer(self, recipe: str, files: dict[str, str], **more: Any) -> tuple[dict[str, Any], Path]:
        """A job over a folder of these files, done; as it is described then, and the folder of its answers."""
        return self._job("BatchInferenceJob", recipe, files, **more)

    def segment(self, recipe: str, files: dict[str, str], **more: Any) -> tuple[dict[str, Any], Path]:
        return self._job("BatchSegmentJob", recipe, files, **more)

    def answers(self, recipe: str, *lines: str | dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        """Of a batch inference job over one file of these lines."""
        return _answers(*self.infer(recipe, _file(lines), **more))

    def segments(self, recipe: str, *lines: str | dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        """Of a batch segment job over one file of these lines."""
        return _answers(*self.segment(recipe, _file(lines), **more))

    def _job(self, kind: str, recipe: str, files: dict[str, str], **more: Any) -> tuple[dict[str, Any], Path]:
        place = self.folder / f"job-{next(self._jobs)}"
        (place / "in").mkdir(parents=True)
        for name, text in files.items():
            (place / "in" / name).write_bytes(text.encode("utf-8", "surrogateescape"))
        arn = self.do(
            f"Create{kind}",
            **{
                "jobName": place.name,
                "solutionVersionArn": self.version(recipe),
                "roleArn": ROLE,
                "jobInput": {"s3DataSource": {"path": f"file://{place}/in/"}},
                "jobOutput": {"s3DataDestination": {"path": f"file://{place}/out/"}},
                **more,
            },
        )
        self.work()
        (job,) = self.do(f"Describe{kind}", **arn).values()
        return job, place / "out"


def _file(lines: tuple[str | dict[str, Any], ...]) -> dict[str, str]:
    return {"questions.json": "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)}


def _answers(job: dict[str, Any], out: Path) -> list[dict[str, Any]]:
    assert job["status"] == "ACTIVE", job
    return [json.loads(line) for line in (out / "questions.json.out").read_text().splitlines()]
