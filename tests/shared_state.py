"""The state of tests' servers: in their data directories, or with RECGATE_TEST_STATE=shared in PostgreSQL, a bucket and
Valkey. With RECGATE_TEST_STATE=apart they are asked through gateways without engines (`tests.apart`); `apart,shared` is
both.

So the tests of the API's behaviour run over each; `make test-scale` runs them the second way and the third.
"""

from __future__ import annotations

import atexit
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, Settings
from gateway.processes.start import fan_out_of

BUCKET = "recgate-state"
DATABASES = 4096  # of Valkey: one a state


class SharedState:
    """One PostgreSQL, one bucket and one Valkey of this process; each state is a database, a prefix and a number."""

    def __init__(self) -> None:
        import boto3  # here, like the rest: most runs need nothing of it

        from tests.moto_server import moto_server, s3_environ
        from tests.services import RedisServer, free_port, postgres_server

        closing = ExitStack()
        atexit.register(closing.close)
        self._postgres = closing.enter_context(postgres_server())
        self._s3 = s3_environ(closing.enter_context(moto_server()))
        os.environ.update(self._s3)  # for engines in this process
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        options = ("--databases", str(DATABASES))
        self._valkey = RedisServer(folder, free_port(), package="valkey-server", options=options)
        self._valkey.start()
        closing.callback(self._valkey.kill)
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        self._bucket = boto3.resource("s3", endpoint_url=self._s3["AWS_ENDPOINT_URL_S3"], **keys).Bucket(BUCKET)
        self._bucket.create()
        self._numbers = count()

    def make(self, template: str = "template1") -> dict[str, str]:
        import psycopg

        number = next(self._numbers)
        name = f"state{number}"
        with psycopg.connect(self._postgres.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        database = f"{self._postgres.url.rpartition('/')[0]}/{name}"
        return {
            **self._s3,
            "RECGATE_DATABASE_URL": database,
            "RECGATE_STORAGE_URL": f"s3://{BUCKET}/{name}",
            "RECGATE_REDIS_URL": f"redis://127.0.0.1:{self._valkey.port}/{number}",
        }

    def copy(self, state: Mapping[str, str]) -> dict[str, str]:
        source = state["RECGATE_STORAGE_URL"].rpartition("/")[2]
        copied = self.make(source)
        target = copied["RECGATE_STORAGE_URL"].rpartition("/")[2]
        for each in self._bucket.objects.filter(Prefix=f"{source}/"):
            self._bucket.copy({"Bucket": BUCKET, "Key": each.key}, f"{target}/{each.key.partition('/')[2]}")
        return copied


@cache
def shared_state() -> SharedState | None:
    return SharedState() if "shared" in os.environ.get("RECGATE_TEST_STATE", "").split(",") else None


def new_state() -> dict[str, str]:
    """The part of an environment that says where state is kept: nothing where that is a data directory."""
    shared = shared_state()
    return {} if shared is None else shared.make()


def copied_state(state: Mapping[str, str]) -> dict[str, str]:
    """A state that begins with what is in another, which nobody has open."""
    shared = shared_state()
    return {} if shared is None else shared.copy(state)


def open_engine(
    data: Path, state: Mapping[str, str], clock: Callable[[], float] = time.time, **settings: Any
) -> Engine:
    """An engine in this process, without pending states."""
    known = {"pending_s": 0.0, "allow_file_urls": True, **settings}
    read = Settings.of(data, state, **known)
    return Engine.open(read, clock, fan_out=fan_out_of(read, state))


@contextmanager
def in_environ(state: Mapping[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in state.items():
            patch.setenv(name, value)
        yield
