"""Clients of the control plane for commands: of a data directory, or by boto3 of any endpoint of Personalize."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.exceptions
import click
from botocore import UNSIGNED, xform_name
from botocore.config import Config
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from engine import EngineError
from gateway.cli.local import UNFINISHED, Local, opened
from gateway.manifest import NOT_FOUND, OperationRefused, ResourceClient, is_busy

LOOK_S, LONGEST_LOOK_S = 0.1, 5.0
JOBS = ("datasetImportJob", "solutionVersion", "recommender", "batchInferenceJob", "batchSegmentJob")
url_option = click.option(
    "--url", help="An endpoint of Personalize, such as http://127.0.0.1:8080, in place of the data directory."
)
region_option = click.option("--region", help="The region that requests to --url are signed for.")


@contextmanager
def resource_client(data: Path, url: str | None, region: str | None, console: Console) -> Iterator[ResourceClient]:
    """A client of the URL, or else of the data directory. Raises `ClickException` for a URL that is none."""
    if url is None:
        with opened(data, console, allow_file_urls=True) as local:
            yield LocalClient(local)
        return
    if urlsplit(url).scheme not in ("http", "https"):
        raise click.ClickException(f"{url} is no URL; write http://HOST:PORT or https://HOST")
    client = personalize_at(url, region)
    try:
        yield EndpointClient(client, console)
    except botocore.exceptions.BotoCoreError as error:
        raise click.ClickException(f"{url}: {error}") from error
    finally:
        client.close()


def personalize_at(url: str, region: str | None) -> Any:
    """A client that signs with AWS's usual credentials, or where there are none does not sign."""
    session = boto3.session.Session(region_name=region)
    unsigned = {} if session.get_credentials() else {"signature_version": UNSIGNED}
    config = Config(retries={"mode": "standard", "max_attempts": 5}, **unsigned)
    where = session.region_name or "us-east-1"
    return session.client("personalize", endpoint_url=url, region_name=where, config=config)


def described(client: ResourceClient, noun: str, arn: str) -> dict[str, Any]:
    title = noun[0].upper() + noun[1:]
    members: dict[str, Any] = client.call(f"Describe{title}", **{f"{noun}Arn": arn})[noun]
    return members


def refuse_failed(members: dict[str, Any]) -> None:
    """Raise `OperationRefused` where the making of a resource has failed."""
    if str(members.get("status")) in ("CREATE FAILED", "CREATE STOPPED"):
        reason = members.get("failureReason", "no reason is known")
        raise OperationRefused(members["status"], f"{members['status']}: {reason}")


class LocalClient:
    def __init__(self, local: Local) -> None:
        self._local = local

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        try:
            return self._local.call(operation, **members)
        except EngineError as error:
            raise OperationRefused(error.code, error.message) from error

    def wait(self, noun: str, arn: str, label: str) -> None:
        jobs = self._local.engine.jobs.newest(1000)
        if noun in JOBS and any(job.arn == arn and job.state in UNFINISHED for job in jobs):
            try:
                self._local.watch(arn, label)
            except click.ClickException as error:
                raise OperationRefused("CREATE FAILED", error.message) from error
        refuse_failed(described(self, noun, arn))

    def wait_gone(self, noun: str, arn: str, label: str) -> None:
        """Commands work without the pending states: what is deleted is gone."""


class EndpointClient:
    def __init__(self, client: Any, console: Console) -> None:
        self._client, self._console = client, console

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, xform_name(operation))(**members)
        except botocore.exceptions.ClientError as error:
            details = error.response["Error"]
            raise OperationRefused(details.get("Code", ""), details.get("Message", str(error))) from error
        except botocore.exceptions.ParamValidationError as error:
            raise OperationRefused("ParamValidationError", " ".join(str(error).split())) from error
        return answer

    def wait(self, noun: str, arn: str, label: str) -> None:
        members = self._poll(label, lambda: self._unsettled(noun, arn))
        refuse_failed(members)
        update = members.get(f"latest{noun[0].upper()}{noun[1:]}Update") or {}
        refuse_failed(update)

    def wait_gone(self, noun: str, arn: str, label: str) -> None:
        def is_there() -> tuple[str, dict[str, Any]]:
            try:
                members = described(self, noun, arn)
            except OperationRefused as error:
                if error.code != NOT_FOUND:
                    raise
                return "", {}
            return str(members.get("status", "")), members

        self._poll(f"deleted: {label}", is_there)

    def _unsettled(self, noun: str, arn: str) -> tuple[str, dict[str, Any]]:
        """The status that is waited for, "" once there is none, and all members."""
        members = described(self, noun, arn)
        update = members.get(f"latest{noun[0].upper()}{noun[1:]}Update") or {}
        statuses = (str(members.get("status", "")), str(update.get("status", "")))
        return next((each for each in statuses if is_busy(each)), ""), members

    def _poll(self, label: str, look: Callable[[], tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        status, members = look()
        if not status:
            return members
        columns = (TextColumn(f"{label:<28}"), BarColumn(24), TimeElapsedColumn(), TextColumn("{task.fields[status]}"))
        with Progress(*columns, console=self._console, transient=True) as bar:
            task, pause = bar.add_task(label, total=None, status=status), LOOK_S
            while status:
                time.sleep(pause)
                pause = min(pause * 1.3, LONGEST_LOOK_S)
                status, members = look()
                bar.update(task, status=status)
        return members
