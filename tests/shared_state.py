"""The state of tests' servers: in their data directories, or with RECGATE_TEST_STATE=shared in PostgreSQL and a bucket.

So the tests of the API's behaviour run over both; `make test-scale` runs them the second way.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count

import pytest

BUCKET = "recgate-state"


class SharedState:
    """One PostgreSQL and one bucket of this process; each state is a database and a prefix of one name."""

    def __init__(self) -> None:
        import boto3  # here, like the rest: most runs need nothing of it

        from tests.moto_server import moto_server, s3_environ
        from tests.services import postgres_server

        closing = ExitStack()
        atexit.register(closing.close)
        self._postgres = closing.enter_context(postgres_server())
        self._s3 = s3_environ(closing.enter_context(moto_server()))
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        self._bucket = boto3.resource("s3", endpoint_url=self._s3["AWS_ENDPOINT_URL_S3"], **keys).Bucket(BUCKET)
        self._bucket.create()
        self._names = (f"state{number}" for number in count())

    def make(self, template: str = "template1") -> dict[str, str]:
        import psycopg

        name = next(self._names)
        with psycopg.connect(self._postgres.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        database = f"{self._postgres.url.rpartition('/')[0]}/{name}"
        return {**self._s3, "RECGATE_DATABASE_URL": database, "RECGATE_STORAGE_URL": f"s3://{BUCKET}/{name}"}

    def copy(self, state: Mapping[str, str]) -> dict[str, str]:
        source = state["RECGATE_STORAGE_URL"].rpartition("/")[2]
        copied = self.make(source)
        target = copied["RECGATE_STORAGE_URL"].rpartition("/")[2]
        for each in self._bucket.objects.filter(Prefix=f"{source}/"):
            self._bucket.copy({"Bucket": BUCKET, "Key": each.key}, f"{target}/{each.key.partition('/')[2]}")
        return copied


@cache
def shared_state() -> SharedState | None:
    return SharedState() if os.environ.get("RECGATE_TEST_STATE") == "shared" else None


def new_state() -> dict[str, str]:
    """The part of an environment that says where state is kept: nothing where that is a data directory."""
    shared = shared_state()
    return {} if shared is None else shared.make()


def copied_state(state: Mapping[str, str]) -> dict[str, str]:
    """A state that begins with what is in another, which nobody has open."""
    shared = shared_state()
    return {} if shared is None else shared.copy(state)


@contextmanager
def in_environ(state: Mapping[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in state.items():
            patch.setenv(name, value)
        yield
