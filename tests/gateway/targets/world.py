"""A gateway that sends events to targets, and the bodies that clients send."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from litestar.testing import TestClient

from tests.gateway.serve.world import Clock, SmallEngine, app_over
from tests.gateway.upstreams.origin import Asked, Origin, Reply

WAIT_S = 10.0

CONFIG = """
version: "7"
aws: {region: eu-west-1}
ROOT
namespaces:
  shop:
    autoContext:
      device: {type: string, rules: [{type: header-value, header: x-device}]}
    eventTargets: [TARGETS]
"""


def config(*targets: str, root: str = "") -> str:
    return CONFIG.replace("ROOT", root).replace("TARGETS", ", ".join(targets))


def until(true: Callable[[], Any], what: str = "") -> Any:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {WAIT_S} s: {what or true}")


class World:
    def __init__(self, folder: Path, text: str, **more: Any) -> None:
        self.folder, self.engine = folder, SmallEngine(folder)
        self.client = TestClient(app_over(self.engine, Clock(time.time()), text, **more))

    def __enter__(self) -> World:
        self.client.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.client.__exit__(*error)

    def post(self, session: str = "s1", events: Any = 1, path: str = "/events/shop", **headers: str) -> Any:
        """`events`: how many, or the list of them."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, json=body(session, events), headers=named)

    def metric(self, name: str) -> float:
        """The sum over targets."""
        lines = [line for line in self.client.get("/metrics").text.splitlines() if line.startswith(name)]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def settled(self) -> None:
        until(lambda: self.metric("recgate_outbox_records{") == 0, "every record is delivered or dead")

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"

    def dead_letters(self) -> list[dict[str, Any]]:
        files = sorted(self.outbox.glob("dead-letters/*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def body(session: str, events: Any = 1) -> dict[str, Any]:
    listed = [{"eventType": "View", "itemId": f"i{n}"} for n in range(events)] if isinstance(events, int) else events
    return {"sessionId": session, "userId": f"u-{session}", "eventList": listed}


def records(asked: Asked) -> list[dict[str, Any]]:
    """Of a PutRecords or PutRecordBatch."""
    return [json.loads(base64.b64decode(each["Data"])) for each in asked.json["Records"]]


class Stream:
    """Takes records as Kinesis and Firehose do, one call after the other; `fails` says of each whether it is taken."""

    def __init__(self, origin: Origin, fails: Callable[[dict[str, Any]], bool] = lambda _: False) -> None:
        self.taken: list[dict[str, Any]] = []
        self.calls: list[int] = []  # how many records each had
        self._origin, self._fails = origin, fails
        origin.reply = self._reply  # type: ignore[method-assign]

    def _reply(self, asked: Asked) -> Reply:
        self._origin.asked.append(asked)
        results: list[dict[str, str]] = []
        for record in records(asked):
            failed = self._fails(record)
            results.append({"ErrorCode": "InternalFailure", "ErrorMessage": "m"} if failed else {"SequenceNumber": "1"})
            if not failed:
                self.taken.append(record)
        self.calls.append(len(results))
        count = sum("ErrorCode" in each for each in results)
        return Reply(
            {"FailedRecordCount": count, "Records": results, "FailedPutCount": count, "RequestResponses": results}
        )

    def of(self, session: str) -> list[str]:
        """The items of a session's events, as they came."""
        bodies = (each["body"] for each in self.taken)
        return [event["itemId"] for body in bodies if body["sessionId"] == session for event in body["eventList"]]
