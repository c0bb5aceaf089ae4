"""Three servers over one small trained engine, as their users run them, and an origin that speaks AWS's protocols."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
from rich.console import Console

from gateway.cli.import_data import ensure_dataset, import_file
from gateway.cli.local import opened
from gateway.cli.train import deploy, train
from tests.apart import asked_through_gateway, let_in, role, url_of
from tests.compat.table import Row, base_of
from tests.gateway.auth.issuer import SmallIssuer
from tests.gateway.upstreams.origin import CREDENTIALS, Asked, Origin, Reply, hang, items
from tests.server.world import EVENT_SCHEMA, GROUP, ITEM_SCHEMA, QUICK, TRACKING_ID, Server, write_csvs
from tests.shared_state import copied_state

MODELS = (("popular", "aws-popularity-count"), ("near", "aws-sims"), ("search", "aws-personalized-ranking"))
SETTINGS = {"search": QUICK}
ALIASES = {  # the models that the documents of specification §2.10 name
    "popular": ("books-up", "cinema-top-picks", "mix", "garden-for-you"),
    "near": ("cinema-similar", "grocer-fbt", "garden-together", "garden-similar"),
    "search": ("cinema-rank", "garden-rank"),
}
TRACKERS = {
    "cinema": "5f0c1d2e-aaaa-bbbb-cccc-0123456789ab",
    "garden": "7d1c2b3a-1111-4222-8333-444455556666",
    "tools": "8d1c2b3a-1111-4222-8333-444455556666",
}
FILTERS = {
    "not-seen": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")',
    "kind": "INCLUDE ItemID WHERE Items.KIND IN ($KIND)",
    "even": 'INCLUDE ItemID WHERE Items.KIND IN ("even")',
    "licensed-in-country": "EXCLUDE ItemID WHERE Items.KIND IN ($COUNTRY)",
    "unwatched": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")',
    "licensed": 'INCLUDE ItemID WHERE Items.KIND IN ("even", "odd")',
}


def build(data: Path) -> Path:
    """Imported, trained and deployed, with filters. Returns `data`."""
    interactions, items_file = write_csvs(data.with_name("csv"))
    with opened(data, Console(quiet=True), allow_file_urls=True) as local:
        import_file(local, GROUP, "INTERACTIONS", interactions, EVENT_SCHEMA)
        import_file(local, GROUP, "ITEMS", items_file, ITEM_SCHEMA)
        local.track(GROUP, TRACKING_ID)
        for name, recipe in MODELS:
            version = train(local, GROUP, name, recipe, SETTINGS.get(name, {}))
            for campaign in (name, *ALIASES[name]):
                deploy(local, campaign, version)
        for name, tracking_id in TRACKERS.items():
            ensure_dataset(local, name, "INTERACTIONS", EVENT_SCHEMA)
            local.track(name, tracking_id)
        group = local.arn(f"dataset-group/{GROUP}")
        for name, expression in FILTERS.items():
            local.call("CreateFilter", name=name, datasetGroupArn=group, filterExpression=expression)
    return data


# ---- the origin


def origin_of(origin: Origin) -> Origin:
    """Each campaign, function, endpoint and path behaves as its name says."""

    def reply(asked: Asked) -> Reply:
        origin.asked.append(asked)
        return replied(asked)

    origin.reply = reply  # type: ignore[method-assign]
    return origin


BEHAVIOURS: dict[str, Callable[[], Reply]] = {
    "throttled": lambda: Reply({"__type": "ThrottlingException", "message": "slow down"}, 429),
    "missing": lambda: Reply({"__type": "ResourceNotFoundException", "message": "not there"}, 404),
    "refused": lambda: Reply({"__type": "InvalidInputException", "message": "no such user"}, 400),
    "broken": lambda: Reply({"message": "oops"}, 500),
    "garbage": lambda: Reply(b"<html>"),
    "empty": lambda: Reply({"recommendationId": "RID-0"}),
    "slow": hang,
    "raises": lambda: Reply({"errorMessage": "division by zero"}, headers={"x-amz-function-error": "Unhandled"}),
    "error-inside": lambda: Reply({"errorMessage": "no table"}),
}


def replied(asked: Asked) -> Reply:
    if "DynamoDB" in asked.headers.get("x-amz-target", ""):
        ((table, wanted),) = asked.json["RequestItems"].items()
        attributes = {"attributes": {"M": {"price": {"N": "-0.25"}}}}
        return Reply({"Responses": {table: [{**key, **attributes} for key in wanted["Keys"]]}, "UnprocessedKeys": {}})
    if "x-amz-target" in asked.headers:
        if "stuck" in {each["body"].get("sessionId") for each in records(asked)}:
            time.sleep(3)
        results = [{"SequenceNumber": "1"} for _ in asked.json["Records"]]
        said = {"FailedRecordCount": 0, "FailedPutCount": 0, "Records": results, "RequestResponses": results}
        return Reply(said)
    name = named(asked)
    if name in BEHAVIOURS:
        return BEHAVIOURS[name]()
    if name == "reverse":
        return Reply({**asked.json["response"], "itemList": asked.json["response"]["itemList"][::-1]})
    wanted = (asked.json if asked.body else {}).get("numResults", 3)
    if "inputList" in (asked.json if asked.body else {}):
        ranked = [{"itemId": each} for each in reversed(asked.json["inputList"])]
        return Reply({"personalizedRanking": ranked, "recommendationId": "RID-1"})
    if name == "decorated":
        return Reply({"itemList": [{"itemId": "a", "metadata": {"title": "A", "genres": "x|y"}}, {"itemId": "b"}]})
    return items(*(f"o{number}" for number in range(min(wanted, 500))))


def named(asked: Asked) -> str:
    """The campaign, function, endpoint or page that is asked."""
    if asked.path.startswith("/recommendations") or asked.path.startswith("/personalize-ranking"):
        return str(asked.json.get("campaignArn", asked.json.get("recommenderArn", ""))).rpartition("/")[2]
    parts = unquote(asked.path).split("/")
    if parts[-1] == "invocations":
        return parts[-2].rpartition(":")[2]
    return parts[1] if len(parts) > 1 else ""


def records(asked: Asked) -> list[dict[str, Any]]:
    return [json.loads(base64.b64decode(each["Data"])) for each in asked.json["Records"]]


# ---- the servers


@dataclass
class World:
    """`start` gives a server's client; a server starts when a row first needs it."""

    data: Path
    state: dict[str, str]
    folder: Path
    origin: Origin
    issuer: SmallIssuer
    configs: dict[str, str]
    tokens: dict[str, str]
    closing: ExitStack = field(default_factory=ExitStack)
    _clients: dict[str, httpx.Client] = field(default_factory=dict)

    def filled(self, row: Row) -> Row:
        """With the tokens that its headers name."""
        return replace(row, headers={name: value.format_map(self.tokens) for name, value in row.headers.items()})

    def use(self, document: Path, version: str) -> httpx.Client:
        """The server of the documents, once it has this one."""
        self.configs.setdefault("documents", "namespaces: {}")
        client, served = self.client("documents"), self.folder / "documents.yaml"
        if served.read_text() != document.read_text():
            served.write_text(document.read_text())
        deadline = time.monotonic() + 10
        health = url_of(base_of(client), "/health")
        while httpx.get(health).headers.get("x-personalization-config-version", "") != version:
            assert time.monotonic() < deadline, (self.folder / "documents" / "server.log").read_text()
            time.sleep(0.05)
        return client

    def client(self, name: str) -> httpx.Client:
        if name not in self._clients:
            self._clients[name] = self._start(name)
        return self._clients[name]

    def _start(self, name: str) -> httpx.Client:
        config = self.folder / f"{name}.yaml"
        document = self.configs[name].replace("ORIGIN", self.origin.url).replace("ISSUER", self.issuer.url)
        config.write_text(let_in(document))
        environ = {**copied_state(self.state), **role(), **CREDENTIALS, "AWS_ENDPOINT_URL": self.origin.url}
        shutil.copytree(self.data, self.folder / name)
        server = Server(self.folder / name, config, workers=1, environ=environ)
        server.start()
        self.closing.callback(server.kill_all)
        url = self.closing.enter_context(asked_through_gateway(server))
        client = httpx.Client(base_url=url, timeout=10)
        self.closing.callback(client.close)
        return client
