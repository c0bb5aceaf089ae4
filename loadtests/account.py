"""`recgate serve` as boto3's callers use it: rows go in, a model is trained, events and questions follow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from gateway.cli.movielens import MovieLensFile
from loadtests.client import HOST

ENVIRON = {"RECGATE_ALLOW_FILE_URLS": "1", "RECGATE_PENDING_SECONDS": "0.02"}  # of a server for an account
ROLE = "arn:aws:iam::123456789012:role/PersonalizeRole"
SEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
EXPLORATION = "Exploration"  # the reason that an answer gives for an item that chance put there
PATIENCE_S = 3_600.0
LOOK_S = 0.1

Row = Sequence[str]


class Account:
    """Clients of boto3 on a server of this machine; unsigned, as it tells no callers apart."""

    def __init__(self, port: int) -> None:
        session = boto3.Session()
        config = Config(signature_version=UNSIGNED)
        self.personalize, self.runtime, self.events = (
            session.client(name, endpoint_url=f"http://{HOST}:{port}", region_name="us-east-1", config=config)
            for name in ("personalize", "personalize-runtime", "personalize-events")
        )

    def close(self) -> None:
        for client in (self.personalize, self.runtime, self.events):
            client.close()

    def group(self, name: str) -> str:
        """The ARN of a new dataset group."""
        p = self.personalize
        group = str(p.create_dataset_group(name=name)["datasetGroupArn"])
        wait(lambda: p.describe_dataset_group(datasetGroupArn=group)["datasetGroup"])
        return group

    def dataset(self, group: str, dataset_type: str, schema: str) -> str:
        """The ARN of a new dataset of the group."""
        p, name = self.personalize, f"{group.rpartition('/')[2]}-{dataset_type.lower()}"
        arn = p.create_schema(name=name, schema=schema)["schemaArn"]
        members = {"name": name, "datasetType": dataset_type, "datasetGroupArn": group, "schemaArn": arn}
        dataset = str(p.create_dataset(**members)["datasetArn"])
        wait(lambda: p.describe_dataset(datasetArn=dataset)["dataset"])
        return dataset

    def import_files(self, dataset: str, file: Path, mode: str = "FULL") -> str:
        """The ARN of an import that is done, named after the file."""
        p = self.personalize
        job = p.create_dataset_import_job(
            jobName=file.stem,
            datasetArn=dataset,
            dataSource={"dataLocation": f"file://{file.resolve()}"},
            roleArn=ROLE,
            importMode=mode,
        )["datasetImportJobArn"]
        wait(lambda: p.describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"])
        return str(job)

    def films(self, name: str, parts: Iterable[tuple[MovieLensFile, Iterable[Row]]], folder: Path) -> str:
        """The ARN of a new dataset group with these rows."""
        group = self.group(name)
        for part, rows in parts:
            file = folder / f"{name}-{part.dataset_type.lower()}.csv"
            part.write(rows, file)
            self.import_files(self.dataset(group, part.dataset_type, part.schema), file)
        return group

    def later_films(self, group: str, part: MovieLensFile, rows: Iterable[Row], folder: Path) -> None:
        """Further rows for a dataset of the group."""
        dataset = f"{group.replace('dataset-group', 'dataset')}/{part.dataset_type}"
        file = folder / f"later-{part.dataset_type.lower()}.csv"
        part.write(rows, file)
        self.import_files(dataset, file, "INCREMENTAL")

    def train(self, group: str, name: str, recipe: str, hyperparameters: Mapping[str, str]) -> str:
        """The ARN of an ACTIVE solution version."""
        p = self.personalize
        solution = p.create_solution(
            name=name,
            datasetGroupArn=group,
            recipeArn=f"arn:aws:personalize:::recipe/{recipe}",
            performAutoTraining=False,
            solutionConfig={"algorithmHyperParameters": dict(hyperparameters)},
        )["solutionArn"]
        return self.version(solution)

    def version(self, solution: str, mode: str = "FULL") -> str:
        """The ARN of a further version, ACTIVE."""
        p = self.personalize
        version = str(p.create_solution_version(solutionArn=solution, trainingMode=mode)["solutionVersionArn"])
        wait(lambda: p.describe_solution_version(solutionVersionArn=version)["solutionVersion"])
        return version

    def deploy(self, version: str, name: str) -> str:
        """The ARN of a campaign."""
        p = self.personalize
        campaign = str(p.create_campaign(name=name, solutionVersionArn=version)["campaignArn"])
        wait(lambda: p.describe_campaign(campaignArn=campaign)["campaign"])
        return campaign

    def unseen(self, group: str, name: str) -> str:
        """The ARN of a filter that leaves out what the user did anything with."""
        p = self.personalize
        arn = str(p.create_filter(name=name, datasetGroupArn=group, filterExpression=SEEN)["filterArn"])
        wait(lambda: p.describe_filter(filterArn=arn)["filter"])
        return arn

    def track(self, group: str, name: str) -> str:
        """The tracking id of a new event tracker."""
        tracker = self.personalize.create_event_tracker(name=name, datasetGroupArn=group)
        arn = tracker["eventTrackerArn"]
        wait(lambda: self.personalize.describe_event_tracker(eventTrackerArn=arn)["eventTracker"])
        return str(tracker["trackingId"])

    def put(self, tracking_id: str, session: str, items: Sequence[str], user: str | None = None) -> None:
        """Events of now on these items, in this order; of the session alone where no user is named."""
        event = {"eventType": "watch", "sentAt": time.time()}
        more = {} if user is None else {"userId": user}
        events = [{**event, "itemId": item} for item in items]
        self.events.put_events(trackingId=tracking_id, sessionId=session, eventList=events, **more)

    def recommend(self, campaign: str, user: str, count: int, filter_: str | None = None) -> list[dict[str, Any]]:
        """The items of an answer, each as GetRecommendations describes it."""
        more = {} if filter_ is None else {"filterArn": filter_}
        answer = self.runtime.get_recommendations(campaignArn=campaign, userId=user, numResults=count, **more)
        return list(answer["itemList"])


def relevant(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """The items of an answer but for those that exploration drew."""
    return [item["itemId"] for item in items if EXPLORATION not in item.get("reason", ())]


def wait(describe: Callable[[], dict[str, Any]]) -> None:
    """Look until the resource is ACTIVE. Raises `RuntimeError` where it failed or takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while (resource := describe())["status"] != "ACTIVE":
        if resource["status"] == "CREATE FAILED" or time.monotonic() > deadline:
            raise RuntimeError(f"not ACTIVE: {resource}")
        time.sleep(LOOK_S)
