"""A whole server in one process for flows: the gateway over a real engine, boto3's clients, and jobs done on demand."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine import Engine, Runner
from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.apart import let_in
from tests.aws.flow import ROLE, schema_text
from tests.aws.world import Clients, served
from tests.shared_state import in_environ, new_state, open_engine

START = 1_700_000_000
INTERACTIONS = (("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"))


class Clock:
    """The real time, moved on by as many seconds as a test says."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Site:
    def __init__(self, folder: Path, engine: Engine, clients: Clients, clock: Clock) -> None:
        self.folder, self.engine, self.clients, self.clock = folder, engine, clients, clock
        self.personalize, self.runtime, self.events = clients.personalize, clients.runtime, clients.events
        self._files = 0

    def work(self) -> None:
        """What the job process does: all that waits."""
        runner = Runner(self.engine)
        while runner.run_one():
            pass
        self.engine.feed.catch_up()

    def load(self, dataset: str, lines: Sequence[str]) -> None:
        """Import CSV lines, the first of which is the header."""
        self._files += 1
        path = self.folder / f"{self._files}.csv"
        path.write_text("\n".join(lines))
        job = self.personalize.create_dataset_import_job(
            jobName=f"import-{self._files}",
            datasetArn=dataset,
            dataSource={"dataLocation": f"file://{path}"},
            roleArn=ROLE,
        )["datasetImportJobArn"]
        self.work()
        shown = self.personalize.describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"]
        assert shown["status"] == "ACTIVE", shown

    def dataset(self, group: str, kind: str, *fields: tuple[str, Any], domain: str | None = None) -> str:
        name = f"{group.rpartition('/')[2]}-{kind.lower()}"
        more = {"domain": domain} if domain else {}
        text = schema_text(kind, *fields).replace('"KIND",', '"KIND", "categorical": true,')
        schema = self.personalize.create_schema(name=name, schema=text, **more)["schemaArn"]
        made = {"name": name, "schemaArn": schema, "datasetGroupArn": group, "datasetType": kind}
        return str(self.personalize.create_dataset(**made)["datasetArn"])

    def stock(self, group: str, items: int = 20) -> str:
        """An Items dataset that says of each item whether it is even or odd: its ARN."""
        dataset = self.dataset(group, "Items", ("ITEM_ID", "string"), ("KIND", "string"))
        self.load(dataset, ["ITEM_ID,KIND", *(f"i{item},{'odd' if item % 2 else 'even'}" for item in range(items))])
        return dataset

    def shop(self, users: int = 40, items: int = 20) -> str:
        """A dataset group in which even users like even items and odd ones odd: its ARN."""
        group = str(self.personalize.create_dataset_group(name="shop")["datasetGroupArn"])
        rows = [
            f"u{user},i{item},{START + user * 100 + step}"
            for user in range(users)
            for step, item in enumerate(sorted(range(user % 2, items, 2), key=lambda i: (i * 7 + user * 13) % 11)[:8])
        ]
        self.load(self.dataset(group, "Interactions", *INTERACTIONS), ["USER_ID,ITEM_ID,TIMESTAMP", *rows])
        return group

    def version(self, arn: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.personalize.describe_solution_version(solutionVersionArn=arn)["solutionVersion"]
        return shown

    def versions(self, solution: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]
        return found

    def items(self, campaign: str, user: str, count: int = 10) -> list[str]:
        answer = self.runtime.get_recommendations(campaignArn=campaign, userId=user, numResults=count)
        return [item["itemId"] for item in answer["itemList"]]

    def batch(self, version: str, user: str, count: int, tag: dict[str, str]) -> list[str]:
        """The items that a batch inference job with this tag recommends to the user."""
        source, name = self.folder / "in.json", tag["tagKey"].replace(":", "-")
        source.write_text(json.dumps({"userId": user}))
        self.personalize.create_batch_inference_job(
            jobName=name,
            solutionVersionArn=version,
            numResults=count,
            jobInput={"s3DataSource": {"path": f"file://{source}"}},
            jobOutput={"s3DataDestination": {"path": f"file://{self.folder}/out/"}},
            roleArn=ROLE,
            tags=[tag],
        )
        self.work()
        (line,) = (self.folder / "out" / "in.json.out").read_text().splitlines()
        items: list[str] = json.loads(line)["output"]["recommendedItems"]
        return items


@contextmanager
def site(folder: Path, config: str = "namespaces: {}", **settings: Any) -> Iterator[Site]:
    clock, state = Clock(), new_state()
    engine = open_engine(folder / "data", state, clock, **settings)
    app = create_app(parse(let_in(config), "no file"), engine, AppOptions(environ=state))
    with served(app) as url, in_environ(state):  # of commands
        clients = Clients(url)
        yield Site(folder, engine, clients, clock)
        clients.close()


def eventually(true: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
