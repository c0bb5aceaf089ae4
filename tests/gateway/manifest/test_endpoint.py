"""recgate apply against a running server, by boto3, with the states that resources pass through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aws.world import Clients
from tests.gateway.manifest.world import PARAMETER_FILES, done, parameter_file, refused, shop_files, write
from tests.server.world import Server, free_port, running

PENDING = {"RECGATE_PENDING_SECONDS": "0.3", "RECGATE_ALLOW_FILE_URLS": "1"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "data").mkdir()
    with running(Server(tmp_path / "data", workers=1, environ=PENDING)) as started:
        yield started


def names(entries: list[dict[str, Any]]) -> list[str]:
    return sorted(each["name"] for each in entries)


def test_from_nothing_to_answers_and_back(tmp_path: Path, server: Server) -> None:
    file = shop_files(tmp_path)
    applied = done("apply", file, "--url", server.url)
    assert "Plan: 14 to create." in applied
    assert done("apply", file, "--url", server.url) == "No changes.\n"
    clients = Clients(server.url)
    personalize = clients.personalize
    (campaign,) = personalize.list_campaigns()["campaigns"]
    answer = clients.runtime.get_recommendations(campaignArn=campaign["campaignArn"], userId="u1", numResults=3)
    assert len(answer["itemList"]) == 3
    assert names(personalize.list_schemas()["schemas"]) == ["shop-interactions", "shop-items"]
    text = done("export-config", "--url", server.url)
    (tmp_path / "exported.yaml").write_text(text)
    done("apply", tmp_path / "exported.yaml", "--data", tmp_path / "elsewhere")
    assert done("export-config", "--data", tmp_path / "elsewhere") == text
    emptied = write(tmp_path, {"datasetGroups": [{"name": "other"}]})
    done("apply", emptied, "--url", server.url, "--prune-groups", "--yes")
    assert names(personalize.list_dataset_groups()["datasetGroups"]) == ["other"]
    assert personalize.list_schemas()["schemas"] == []
    clients.close()


@pytest.mark.parametrize("name", PARAMETER_FILES)
def test_parameter_files(tmp_path: Path, server: Server, name: str) -> None:
    file = parameter_file(tmp_path, name)
    done("apply", file, "--url", server.url)
    assert done("apply", file, "--url", server.url).endswith("No changes.\n")
    personalize = Clients(server.url).personalize
    (group,) = personalize.list_dataset_groups()["datasetGroups"]
    tags = personalize.list_tags_for_resource(resourceArn=group["datasetGroupArn"])["tags"]
    assert tags == [{"tagKey": "project", "tagValue": name}]


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    said = refused("apply", write(tmp_path, {"datasetGroups": []}), "--url", url, "--prune-groups")
    assert url in said and "connect" in said.lower()
    assert "localhost is no URL" in refused("apply", tmp_path / "shop.yaml", "--url", "localhost")
