"""A local Personalize: `recgate serve --instant` in processes of its own, behind an address that a test scripts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from recgate.testing.calls import Call
from recgate.testing.declared import DeclaredAnswer
from recgate.testing.failures import Failure
from recgate.testing.front import Front, Script, wait_for
from recgate.testing.groups import DataGroup, Row, group_of

READY_S = 60.0
STOP_S = 20.0
REGION = "us-east-1"
SERVICES = ("personalize", "personalize-runtime", "personalize-events")


class LocalPersonalize:
    """To be opened by `with`. `config` is a configuration file for the REST API; without it the AWS wire answers."""

    def __init__(self, config: Path | str | None = None) -> None:
        self._config = config
        self._script = Script()
        self._folder = tempfile.TemporaryDirectory(prefix="recgate-testing-")
        self._process: subprocess.Popen[bytes] | None = None
        self._front: Front | None = None

    def __enter__(self) -> LocalPersonalize:
        """Raises `RuntimeError` with the server's log where it does not start."""
        port = _free_port()
        argv = [sys.executable, "-m", "gateway", "serve", "--instant", "--port", str(port)]
        argv += [] if self._config is None else ["--config", str(self._config)]
        environ = {**os.environ, "RECGATE_ALLOW_FILE_URLS": "1"}
        environ.pop("RECGATE_DATA_DIR", None)  # a test's server has data of its own
        log = Path(self._folder.name, "server.log")
        with log.open("wb") as out:
            self._process = subprocess.Popen(argv, env=environ, stdout=out, stderr=subprocess.STDOUT)
        if not wait_for(port, READY_S):
            self.close()
            raise RuntimeError(f"recgate did not start: {log.read_text()}")
        self._front = Front(self._script, port)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
        self._folder.cleanup()

    def close(self) -> None:
        if self._front is not None:
            self._front.close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STOP_S)
        self._front = self._process = None

    @property
    def url(self) -> str:
        """The address for clients. Raises `RuntimeError` while it is not open."""
        if self._front is None:
            raise RuntimeError("the server is not open: use it by `with LocalPersonalize() as server`")
        return self._front.url

    def client(self, service: str = "personalize", **options: Any) -> Any:
        """boto3's client of personalize, personalize-runtime or personalize-events, which asks this server."""
        import boto3

        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
        return boto3.client(service, **{**keys, "endpoint_url": self.url, **options})

    def environ(self) -> dict[str, str]:
        """The environment of a process whose AWS SDK is to ask this server, its code unchanged."""
        endpoints = {f"AWS_ENDPOINT_URL_{name.upper().replace('-', '_')}": self.url for name in SERVICES}
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
        return {**endpoints, **keys}

    def group(
        self, name: str, *, interactions: Sequence[Row], items: Sequence[Row] = (), users: Sequence[Row] = ()
    ) -> DataGroup:
        """A dataset group with these rows, imported. Raises `RuntimeError` with the reason where it can't be."""
        datasets = {"INTERACTIONS": interactions, "ITEMS": items, "USERS": users}
        return group_of(self.client(), Path(self._folder.name), name, datasets)

    def answers(self, name: str, *, items: Sequence[str], user: str | None = None, item: str | None = None) -> None:
        """Declares the answer of a campaign or recommender, which need not exist, to a user or about an item; to all,
        where none is named. The newest declaration counts, and one of a user goes before one of all."""
        self._script.add_answer(DeclaredAnswer(name, user, item, tuple(items)))

    def fails(
        self, operation: str, error: str = "ThrottlingException", *, times: int | None = 1, seconds: float = 60.0
    ) -> None:
        """Lets an operation ("*": all) fail so many times, None: always. `error` is an exception of Amazon Personalize,
        "timeout" (no answer for so many seconds) or "reset" (the connection breaks)."""
        self._script.add_failure(Failure(operation, error, times, seconds))

    def calls(self, operation: str | None = None) -> list[Call]:
        """The requests that came since the last reset, oldest first: all, or those of an operation."""
        return [call for call in self._script.calls() if operation in (None, call.operation)]

    def reset(self) -> None:
        """Forgets declared answers, failures and calls; resources stay."""
        self._script.clear()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
