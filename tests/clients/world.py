"""Servers for the clients, the clients' own environments, and what is stored in the end."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rich.console import Console

from engine import Engine, Settings
from engine.data.entries import Interaction, read_interaction, read_row
from engine.records import DatasetGroupRecord
from gateway.cli.local import opened
from tests.clients.rows import HERE, ClientRow
from tests.server.world import Server

ROOT = HERE.parents[1]
CACHE = ROOT / ".cache" / "clients"
AT_ONCE = 3  # clients, of which each mostly waits
PATIENCE_S = 120.0
ARN = "arn:aws:personalize:us-east-1:000000000000:"
LIMIT = "1/2 seconds"  # of the second server, by key: a client that sends twice is told to come again

FIELDS: dict[str, list[dict[str, Any]]] = {
    "INTERACTIONS": [
        *({"name": name, "type": "string"} for name in ("USER_ID", "ITEM_ID")),
        {"name": "TIMESTAMP", "type": "long"},
        {"name": "EVENT_TYPE", "type": ["null", "string"]},
        {"name": "EVENT_VALUE", "type": ["null", "float"]},
        {"name": "SHELF", "type": ["null", "string"]},
    ],
    "ITEMS": [
        {"name": "ITEM_ID", "type": "string"},
        {"name": "NAME", "type": ["null", "string"]},
        {"name": "CATEGORY", "type": ["null", "string"], "categorical": True},
        {"name": "PRICE", "type": ["null", "float"]},
        {"name": "CREATION_TIMESTAMP", "type": ["null", "long"]},
    ],
    "USERS": [
        {"name": "USER_ID", "type": "string"},
        {"name": "TIER", "type": ["null", "string"], "categorical": True},
        {"name": "AGE", "type": ["null", "int"]},
    ],
}

# ---- environments

_PREPARING = threading.Lock()  # clients of one folder share its environment


def python_of(folder: Path) -> Path:
    """The interpreter of a partner's own environment, made of its locked requirements where it is not there."""
    lock, place = folder / "requirements.txt", CACHE / folder.name / "python"
    with _PREPARING:
        if not _is_current(place, lock):
            shutil.rmtree(place, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(place)])
            _run([str(place / "bin" / "pip"), "install", "--quiet", "--no-compile", "--requirement", str(lock)])
            _note(place, lock)
    return place / "bin" / "python"


def node_of(folder: Path) -> Path:
    """The folder of a partner's Node packages, as its lock file has them."""
    assert shutil.which("node") and shutil.which("npm"), "Node 20 or newer: apt-get install nodejs npm"
    lock, place = folder / "package-lock.json", CACHE / folder.name / "node"
    with _PREPARING:
        if not _is_current(place, lock):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(folder / name, place)
            _run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=place)
            _note(place, lock)
    return place


def bundled(folder: Path, script: str) -> Path:
    """A page's script with the packages that it imports, by the partner's esbuild."""
    place = node_of(folder)
    source, target = place / script, place / f"bundle-{script}"
    shutil.copy(folder / script, source)
    options = ["--bundle", "--format=iife", "--log-level=error", f"--outfile={target}"]
    _run([str(place / "node_modules" / ".bin" / "esbuild"), str(source), *options], cwd=place)
    return target


def _is_current(place: Path, lock: Path) -> bool:
    noted = place / "locked"
    return noted.exists() and noted.read_text() == _digest(lock)


def _note(place: Path, lock: Path) -> None:
    (place / "locked").write_text(_digest(lock))


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def _run(command: Sequence[str], cwd: Path | None = None) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


# ---- servers


def build(data: Path, rows: Sequence[ClientRow]) -> None:
    """A dataset group a client, with a tracker."""
    with opened(data, Console(quiet=True)) as local:
        for kind, fields in FIELDS.items():
            schema = {"type": "record", "name": kind.capitalize(), "fields": fields, "version": "1.0"}
            local.call("CreateSchema", name=kind.lower(), schema=json.dumps(schema))
        for row in rows:
            local.call("CreateDatasetGroup", name=row.name)
            for kind in FIELDS:
                arns = {"datasetGroupArn": f"{ARN}dataset-group/{row.name}", "schemaArn": f"{ARN}schema/{kind.lower()}"}
                local.call("CreateDataset", name=f"{row.name}-{kind.lower()}", datasetType=kind, **arns)
            local.track(row.name, tracking_of(row))


def tracking_of(row: ClientRow) -> str:
    return hashlib.sha256(row.name.encode()).hexdigest()[:32]


def configuration(rows: Sequence[ClientRow], **more: Any) -> str:
    spaces = {
        row.name: {
            "eventTargets": [{"type": "personalize-event-tracker", "trackingId": tracking_of(row)}],
            "intake": row.intake,
            **row.more,
        }
        for row in rows
    }
    return json.dumps({"namespaces": spaces, **more})


def keys_of(rows: Sequence[ClientRow]) -> dict[str, Any]:
    """The `auth` by which each row has a key of its own, ROW-key; partners' own keys are of their `intake`."""
    keys = [
        {"name": row.name, "sha256": hashlib.sha256(f"{row.name}-key".encode()).hexdigest(), "namespaces": [row.name]}
        for row in rows
    ]
    return {"type": "api_key", "keys": keys}


def access_keys_of(rows: Sequence[ClientRow]) -> dict[str, Any]:
    """The `aws` by which each row has an access key of its own, its id the row's name with _, ROW-key its secret."""
    account = {"accountId": "000000000000"}
    keys = [
        {"accessKeyId": row.name.replace("-", "_"), "secretAccessKey": f"{row.name}-key", **account} for row in rows
    ]
    return {"accessKeys": keys}


def server_of(folder: Path, rows: Sequence[ClientRow], **more: Any) -> Server:
    folder.mkdir()
    build(folder / "data", rows)
    config = folder / "clients.json"
    config.write_text(configuration(rows, **more))
    return Server(folder / "data", config, workers=1)


@contextmanager
def page_origin(folder: Path) -> Iterator[str]:
    """The address of a server of pages, which is another origin than the gateway's."""
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{served.server_address[1]}"
        served.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        return


# ---- clients


class Runs:
    """The clients' processes, several at a time, each with what it printed: one JSON object."""

    def __init__(self, rows: Sequence[ClientRow], server: Server, limited: Server) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._server, self._limited = server, limited
        self._futures: dict[str, Future[dict[str, Any]]] = {
            row.name: self._pool.submit(self._run, row)
            for row in rows
            if row.language != "browser" and not row.is_alone
        }

    def of(self, row: ClientRow) -> dict[str, Any]:
        return self._futures[row.name].result(PATIENCE_S)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _run(self, row: ClientRow) -> dict[str, Any]:
        script = row.folder / row.script
        if row.language == "Python":
            command, cwd = [str(python_of(row.folder)), str(script)], row.folder
        else:
            cwd = node_of(row.folder)
            shutil.copy(script, cwd)
            command = ["node", row.script]
        environ = {
            "PATH": os.environ["PATH"],
            "URL": self._server.url,
            "LIMITED_URL": self._limited.url,
            "CLIENT": row.package,
            "ROW": row.name,
            "MESSAGES": str(row.folder / "messages.json"),
        }
        done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, f"{row.name}: {done.stdout}{done.stderr}"
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result


# ---- what is stored


class Store:
    """The log of a server, read beside it."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def events(self, row: ClientRow) -> list[Interaction]:
        return [read_interaction(body) for kind, body in self._bodies(row) if kind == "event"]

    def rows(self, row: ClientRow, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """`kind` is `user` or `item`."""
        found = [read_row(body) for each, body in self._bodies(row) if each == kind]
        return [(each.name, each.values) for each in found]

    def _bodies(self, row: ClientRow) -> list[tuple[str, bytes]]:
        with closing(Engine.open(Settings.of(self._server.data, {}), follow=False)) as engine:
            group = engine.records.get(f"{ARN}dataset-group/{row.name}", DatasetGroupRecord)
            return [(each.kind, each.body) for each in engine.log.read(0) if each.group == group.uid]


def until(true: Callable[[], Any], what: str, patience_s: float = 20.0) -> Any:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {patience_s} s: {what}")
