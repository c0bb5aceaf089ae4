"""A server in its own processes beside an S3, as a user's scripts see them; every script starts from an empty group."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3

from tests.apart import asked_through_gateway, let_in, role
from tests.aws.world import Clients
from tests.moto_server import moto_server
from tests.server.world import Server, running
from tests.shared_state import new_state

ROLE = "arn:aws:iam::123456789012:role/PersonalizeRole"
KEYS = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
BUCKET = "personalize-demo"
START = 1_700_000_000


class Cloud:
    def __init__(self, url: str, s3: str) -> None:
        key, secret = KEYS["aws_access_key_id"], KEYS["aws_secret_access_key"]
        self.clients = Clients(url, KEYS["region_name"], key=key, secret=secret)
        self.personalize, self.runtime = self.clients.personalize, self.clients.runtime
        self.events = self.clients.events
        self.s3 = boto3.client("s3", endpoint_url=s3, **KEYS)
        self.s3.create_bucket(Bucket=BUCKET)

    def close(self) -> None:
        self.clients.close()
        self.s3.close()

    def put(self, key: str, lines: Iterable[str]) -> str:
        """The new object's URL."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body="\n".join(lines).encode())
        return f"s3://{BUCKET}/{key}"

    def put_json(self, key: str, *lines: Any) -> str:
        return self.put(key, map(json.dumps, lines))

    def get_json(self, key: str) -> list[Any]:
        body = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return [json.loads(line) for line in body.splitlines()]

    def keys(self, prefix: str) -> list[str]:
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())]

    # ---- steps that flows share

    def load(self, group: str, kind: str, fields: Sequence[dict[str, Any]], rows: Sequence[str], **domain: str) -> str:
        """A dataset with its schema and the rows of a CSV."""
        name = f"{group.rpartition('/')[2]}-{kind.lower()}"
        schema = {"type": "record", "name": kind, "namespace": "com.example", "fields": fields, "version": "1.0"}
        schema_arn = self.personalize.create_schema(name=name, schema=json.dumps(schema), **domain)["schemaArn"]
        dataset = self.personalize.create_dataset(
            name=name, datasetType=kind, datasetGroupArn=group, schemaArn=schema_arn
        )["datasetArn"]
        wait(lambda: self.personalize.describe_dataset(datasetArn=dataset)["dataset"])
        header = ",".join(field["name"] for field in fields)
        job = self.personalize.create_dataset_import_job(
            jobName=name,
            datasetArn=dataset,
            dataSource={"dataLocation": self.put(f"{name}.csv", [header, *rows])},
            roleArn=ROLE,
        )["datasetImportJobArn"]
        wait(lambda: self.personalize.describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"])
        return str(dataset)

    def group(self, name: str, **domain: str) -> str:
        arn = self.personalize.create_dataset_group(name=name, **domain)["datasetGroupArn"]
        wait(lambda: self.personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"])
        return str(arn)

    def train(self, group: str, recipe: str, **hyperparameters: str) -> str:
        """An ACTIVE solution version."""
        solution = self.personalize.create_solution(
            name=f"{group.rpartition('/')[2]}-{recipe}",
            datasetGroupArn=group,
            recipeArn=f"arn:aws:personalize:::recipe/{recipe}",
            performAutoTraining=False,
            solutionConfig={"algorithmHyperParameters": hyperparameters},
        )["solutionArn"]
        version = self.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
        wait(lambda: self.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"])
        return str(version)


def wait(describe: Callable[[], dict[str, Any]], ends: tuple[str, ...] = ("ACTIVE",), seconds: float = 300) -> str:
    """As AWS's samples wait; the status it ended in."""
    deadline = time.monotonic() + seconds
    while (shown := describe())["status"] not in ends:
        assert shown["status"] != "CREATE FAILED" and time.monotonic() < deadline, shown
        time.sleep(0.02)
    return str(shown["status"])


@contextmanager
def cloud(folder: Path) -> Iterator[Cloud]:
    """A server and an S3 that are up until the block ends."""
    (folder / "data").mkdir()
    secrets = {"AWS_ACCESS_KEY_ID": KEYS["aws_access_key_id"], "AWS_SECRET_ACCESS_KEY": KEYS["aws_secret_access_key"]}
    environ = {**new_state(), **role(), "AWS_REGION": KEYS["region_name"], "RECGATE_PENDING_SECONDS": "0.02", **secrets}
    config = folder / "config.yaml"
    config.write_text(let_in("namespaces: {}"))
    with (
        moto_server() as s3,
        running(Server(folder / "data", config, environ={**environ, "AWS_ENDPOINT_URL_S3": s3})) as server,
        asked_through_gateway(server) as url,
        closing(Cloud(url, s3)) as found,
    ):
        yield found
