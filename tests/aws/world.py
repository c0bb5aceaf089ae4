"""A small world behind the wire: the real control plane and records in a temporary directory, served by a real server.

Training, ranking and the event log have tests of their own; here their ends of the seam note what reached them.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import msgspec
import sqlalchemy as sa
import uvicorn
from botocore import UNSIGNED
from botocore.config import Config
from litestar import Litestar

import engine
from engine.control import Control
from engine.records import Records, kind_of
from engine.settings import Settings
from engine.storage.sql import Database, sqlite_url
from engine.storage.tables import jobs, log
from gateway.answer.rank import WireList
from gateway.aws.callers import Callers
from gateway.aws.metering import WireMeter
from gateway.aws.protocol import Wire
from gateway.aws.routes import aws_routes, below_any_path
from gateway.aws.runtime import Encode
from gateway.limits.body_budget import BodyBudget
from gateway.plan.plan import Unsigned
from gateway.telemetry import Telemetry
from tests.apart import is_apart, served_apart
from tests.aws.record import note
from tests.aws.shapes import answer_faults
from tests.shared_state import new_state

SERVICES = ("personalize", "personalize-runtime", "personalize-events")
SESSION = boto3.Session()  # for all: to read its models of the services takes ten times as long as to make clients
ACCOUNT = "123456789012"
TRACKING_ID = "00000000-0000-4000-8000-000000000000"


class Clock:
    """Time that only moves when told."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class World:
    def __init__(self, folder: Path, **settings: object) -> None:
        known = {"account_id": ACCOUNT, "pending_s": 0.0, **settings}
        url = new_state().get("RECGATE_DATABASE_URL", sqlite_url(folder))
        self.settings = Settings(data_dir=folder, database_url=url, **known)  # type: ignore[arg-type]
        self.database = Database(self.settings.database_url)
        self.records = Records(self.database)
        self.clock = Clock()
        self.questions: list[engine.Question] = []
        self.taken: list[tuple[Any, ...]] = []

    def control(self, account: str, region: str) -> Control:
        self.clock.now += 0.001
        return Control(
            settings=self.settings,
            database=self.database,
            records=self.records,
            clock=self.clock,
            new_id=lambda: str(uuid.uuid4()),
            enqueue=self._enqueue,
            cancel=self._cancel,
            announce=self._announce,
            account=account,
            region=region,
        )

    # ---- what the job runner does

    def finish(self, arn: str, status: str = "ACTIVE", **changes: Any) -> None:
        record = self.records.get(arn, kind_of(arn))
        self.records.replace(msgspec.structs.replace(record, status=status, **changes))

    def queued(self) -> list[tuple[str, str]]:
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(sa.select(jobs.c.kind, jobs.c.arn).order_by(jobs.c.id))]

    def announced(self) -> list[tuple[str, str, str]]:
        with self.database.read() as connection:
            rows = connection.execute(sa.select(log.c.grp, log.c.kind, log.c.key).order_by(log.c.seq))
            return [tuple(row) for row in rows]

    def _enqueue(self, kind: str, arn: str, within: sa.Connection) -> None:
        row = {"state": "queued", "attempts": 0, "owner": "", "heartbeat": 0.0, "fraction": 0.0, "message": ""}
        within.execute(sa.insert(jobs).values(kind=kind, arn=arn, created=self.clock(), started=0.0, ended=0.0, **row))

    def _cancel(self, arn: str, within: sa.Connection) -> None:
        within.execute(sa.delete(jobs).where(jobs.c.arn == arn))

    def _announce(self, group_uid: str, kind: str, key: str, within: sa.Connection) -> None:
        within.execute(sa.insert(log).values(grp=group_uid, kind=kind, key=key, body=b"", at=self.clock()))

    # ---- what the engine does

    async def rank(self, question: engine.Question) -> engine.Ranked:
        self.questions.append(question)
        if question.campaign.endswith("/missing"):
            raise engine.NotFound(f"Resource Arn {question.campaign} does not exist.")
        if question.campaign.endswith("/broken"):
            raise ZeroDivisionError("a fault of ours")
        if question.promotion is not None:
            return self._promoted(question.promotion)
        items = question.candidates or tuple(f"i{place}" for place in range(question.num_results))
        scores = tuple(None if item == "unknown" else 0.5 / (place + 1) for place, item in enumerate(items))
        return engine.Ranked(
            items=items, scores=scores, recommendation_id=f"RID-{uuid.uuid4()}", model="for-you/1a2b3c4d", as_of=0
        )

    def _promoted(self, promotion: engine.Promotion) -> engine.Ranked:
        return engine.Ranked(
            items=("i0", "i1", "i2"),
            scores=(0.5, None, None),
            promotion_names=(None, promotion.name, None),
            reasons=(None, "Promoted item", "Popular item"),
            recommendation_id=f"RID-{uuid.uuid4()}",
            model="for-you/1a2b3c4d",
            as_of=0,
        )

    def check_metadata(self, campaign: str, columns: Sequence[str], account: str) -> None:
        if campaign.endswith("/bare"):
            raise engine.InvalidInput("metadataColumns: set enableMetadataWithRecommendations")

    def metadata(
        self, campaign: str, items: Sequence[str], columns: Sequence[str], account: str
    ) -> list[dict[str, Any] | None]:
        return [{column.lower(): 7 for column in columns} if item != "i1" else None for item in items]

    def put_events(
        self, tracking_id: str, session_id: str, user_id: str | None, events: Sequence[engine.Event], account: str
    ) -> Future[int]:
        if tracking_id != TRACKING_ID:
            raise engine.InvalidInput(f"There is no event tracker of the id {tracking_id}.")
        return self._take(session_id, user_id, *events)

    def put_rows(
        self, dataset_arn: str, dataset_type: str, rows: Sequence[tuple[str, Mapping[str, Any]]], account: str
    ) -> Future[int]:
        return self._take(dataset_arn, *rows)

    def put_action_interactions(
        self, tracking_id: str, deeds: Sequence[tuple[str, str | None, engine.Event]], account: str
    ) -> Future[int]:
        if tracking_id != TRACKING_ID:
            raise engine.NotFound(f"There is no event tracker of the id {tracking_id}.")
        return self._take(*deeds)

    def _take(self, *what: Any) -> Future[int]:
        self.taken.append(what)
        future: Future[int] = Future()
        threading.Timer(0.01, future.set_result, (len(self.taken),)).start()
        return future


class Stage:
    """Whichever world is on: one server answers for one test's world after another's."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers = self.feed = self.resources = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world, name)

    async def rank(self, question: engine.Question, position: int) -> tuple[engine.Ranked, int | None]:
        return await self.world.rank(question), None

    async def answer(
        self, question: engine.Question, columns: tuple[str, ...], position: int, encode: Encode
    ) -> WireList:
        ranked = await self.world.rank(question)
        return WireList(await encode(ranked), ranked.recommendation_id, ranked.short)


def app_of(stage: Stage, callers: Callers | None = None) -> Litestar:
    """In open mode unless the callers are told apart."""
    unsigned = Unsigned("anyone", "anyone") if is_apart() else Unsigned()
    callers = callers or Callers(dict, stage.settings, time.time, lambda: unsigned)
    routes = aws_routes(stage, stage, Wire(callers, BodyBudget(), WireMeter(Telemetry(), lambda name, account: "")))
    app = Litestar(routes, openapi_config=None)
    app.asgi_handler = below_any_path(routes, app)
    return app


@contextmanager
def served(app: Litestar) -> Iterator[str]:
    """The URL of a server that is up until the block ends."""
    with served_directly(app) as url, served_apart(url, served_directly) as asked:
        yield asked


@contextmanager
def served_directly(app: Any) -> Iterator[str]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="on", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


class Clients:
    """boto3's three clients on one URL; every answer they get is held against botocore's shape."""

    def __init__(
        self,
        url: str,
        region: str = "us-east-1",
        *,
        key: str | None = "AKIDEXAMPLE",
        secret: str = "secret",
        token: str | None = None,
    ) -> None:
        """Without a key nothing is signed."""
        config = Config(retries={"total_max_attempts": 1}, signature_version=None if key else UNSIGNED)
        made = {
            name: SESSION.client(
                name,
                endpoint_url=url,
                region_name=region,
                aws_access_key_id=key,
                aws_secret_access_key=secret if key else None,
                aws_session_token=token,
                config=config,
            )
            for name in SERVICES
        }
        for client in made.values():
            client.meta.events.register("before-parse", _check)
        self.personalize, self.runtime, self.events = made.values()

    def close(self) -> None:
        for client in (self.personalize, self.runtime, self.events):
            client.close()


def _check(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    status, headers, body = (response_dict[key] for key in ("status_code", "headers", "body"))
    note(operation_model.name, status)
    found = answer_faults(operation_model, status, headers, body)
    assert not found, found
