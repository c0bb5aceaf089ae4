"""A small shop on a real engine: its own data directory, a clock that ticks when asked, ids that count."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from engine import Engine, Event, Question, Runner, Settings, perform
from engine.records import DatasetGroupRecord

ACCOUNT = "000000000000"
HOME = f"arn:aws:personalize:us-east-1:{ACCOUNT}:"
POPULAR = "arn:aws:personalize:::recipe/aws-popularity-count"
T0 = 1_700_000_000

_FIELDS: dict[str, list[dict[str, Any]]] = {
    "INTERACTIONS": [
        {"name": "USER_ID", "type": "string"},
        {"name": "ITEM_ID", "type": "string"},
        {"name": "TIMESTAMP", "type": "long"},
        {"name": "EVENT_TYPE", "type": ["null", "string"]},
        {"name": "EVENT_VALUE", "type": ["null", "float"]},
        {"name": "DEVICE", "type": ["null", "string"]},
        {"name": "SHELF", "type": ["null", "string"]},
    ],
    "ITEMS": [
        {"name": "ITEM_ID", "type": "string"},
        {"name": "GENRES", "type": ["null", "string"], "categorical": True},
        {"name": "YEAR", "type": ["null", "int"]},
        {"name": "PRICE", "type": ["null", "float"]},
    ],
    "USERS": [
        {"name": "USER_ID", "type": "string"},
        {"name": "TIER", "type": ["null", "string"], "categorical": True},
    ],
}


class Clock:
    """Goes on by a millisecond whenever it is asked."""

    def __init__(self) -> None:
        self.now, self.step = float(T0), 0.001

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def counting(start: int = 0) -> Iterator[str]:
    return (f"{n:08x}-0000-4000-8000-{n:012x}" for n in count(start))


class Shop:
    """One process's view: `Shop(folder)` makes the shop or opens it again, `Shop(folder, start=…)` beside another."""

    def __init__(
        self, folder: Path, *, start: int = 0, follow: bool = True, pending_s: float = 0.0, **changes: Any
    ) -> None:
        self.folder = folder
        self.clock, ids = Clock(), counting(start)
        settings = Settings.of(folder / "data", {}, pending_s=pending_s, allow_file_urls=True, **changes)
        self.engine = Engine.open(settings, self.clock, lambda: next(ids), follow=follow)
        self.group, self.tracking = f"{HOME}dataset-group/shop", ""
        self._files = count(start)

    def close(self) -> None:
        self.engine.close()

    def do(self, operation: str, **params: Any) -> Any:
        control = self.engine.resources.control(ACCOUNT, "us-east-1")
        return msgspec.json.decode(perform(control, operation, msgspec.json.encode(params)) or b"null")

    # ---- resources

    def furnish(self, *types: str, interactions: Sequence[dict[str, Any]] | None = None) -> Shop:
        """The group, the datasets (all by default, with their usual fields) and the tracker."""
        self.do("CreateDatasetGroup", name="shop")
        for kind in types or _FIELDS:
            self.add_dataset(kind, interactions if kind == "INTERACTIONS" else None)
        self.tracking = self.do("CreateEventTracker", name="tracker", datasetGroupArn=self.group)["trackingId"]
        return self

    def add_dataset(self, kind: str, fields: Sequence[dict[str, Any]] | None = None) -> str:
        name = f"{kind.lower()}-{next(self._files)}"
        record = {"type": "record", "name": kind.capitalize(), "fields": fields or _FIELDS[kind], "version": "1.0"}
        schema = self.do("CreateSchema", name=name, schema=json.dumps(record))["schemaArn"]
        made = self.do("CreateDataset", name=name, schemaArn=schema, datasetGroupArn=self.group, datasetType=kind)
        return str(made["datasetArn"])

    def dataset(self, kind: str) -> str:
        return f"{HOME}dataset/shop/{kind}"

    @property
    def uid(self) -> str:
        return self.engine.records.get(self.group, DatasetGroupRecord).uid

    def work(self) -> None:
        """All jobs that wait."""
        runner = Runner(self.engine)
        while runner.run_one():
            pass
        self.engine.feed.catch_up()

    def load(self, kind: str, lines: Sequence[str], mode: str = "FULL") -> dict[str, Any]:
        """Import CSV lines, the first of which is the header; the job as it is described then."""
        name = f"import-{next(self._files)}"
        path = self.folder / f"{name}.csv"
        path.write_text("\n".join(lines))
        arn = self.do(
            "CreateDatasetImportJob",
            jobName=name,
            datasetArn=self.dataset(kind),
            dataSource={"dataLocation": f"file://{path}"},
            roleArn="arn:aws:iam::000000000000:role/r",
            importMode=mode,
        )["datasetImportJobArn"]
        self.work()
        job: dict[str, Any] = self.do("DescribeDatasetImportJob", datasetImportJobArn=arn)["datasetImportJob"]
        return job

    def load_clicks(self, *clicks: str, mode: str = "FULL") -> dict[str, Any]:
        """Clicks as `user item second`, seconds counted from T0."""
        rows = (click.split() for click in clicks)
        lines = [f"{user},{item},{T0 + int(second)},click,,," for user, item, second in rows]
        header = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,DEVICE,SHELF"
        return self.load("INTERACTIONS", [header, *lines], mode)

    def train(self, name: str = "popular", recipe: str = POPULAR, **parameters: str) -> str:
        """A solution's first version, or its next one. `parameters`: of its algorithm."""
        solution = f"{HOME}solution/{name}"
        if not any(each["solutionArn"] == solution for each in self.do("ListSolutions")["solutions"]):
            config = {"recipeArn": recipe, "datasetGroupArn": self.group, "performAutoTraining": False}
            solution_config = {"solutionConfig": {"algorithmHyperParameters": parameters}} if parameters else {}
            self.do("CreateSolution", name=name, **config, **solution_config)
        version = str(self.do("CreateSolutionVersion", solutionArn=solution)["solutionVersionArn"])
        self.work()
        return version

    def deploy(self, version: str, name: str = "home") -> str:
        return str(self.do("CreateCampaign", name=name, solutionVersionArn=version)["campaignArn"])

    # ---- what users do and see

    def click(self, user: str | None, item: str | None, second: float = 0, *, session: str = "s", **more: Any) -> int:
        """Done when it is durable; sees to it that this engine has followed."""
        event = Event(**{"event_type": "click", "sent_at": T0 + second, "item_id": item, **more})
        seq = self.engine.feed.put_events(self.tracking, session, user, [event]).result(30)
        self.engine.feed.catch_up()
        return seq

    def put(self, item: str, **properties: Any) -> None:
        self.engine.feed.put_rows(self.dataset("ITEMS"), "ITEMS", [(item, properties)]).result(30)
        self.engine.feed.catch_up()

    def history(self, user: str) -> list[str]:
        group = self.engine.follower.group(self.uid)
        return group.items.names(group.history(user).items)

    def row(self, item: str) -> dict[str, Any] | None:
        group = self.engine.follower.group(self.uid)
        return group.item_table.row(group.items.find(item))

    def fold(self) -> None:
        self.engine.jobs.enqueue_once("folding", self.group)
        self.work()

    def ask(self, user: str | None = None, **more: Any) -> list[str]:
        return list(self.engine.answers.recommend(Question(campaign="home", user=user, **more)).items)
