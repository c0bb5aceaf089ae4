"""The examples of the API's description work on the running server, as /docs sends them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

from gateway.cli import demo
from gateway.config import load


def filled(path: str, operation: dict[str, Any]) -> str | None:
    """The path with its examples; None where it has none."""
    for each in operation.get("parameters", ()):
        if each["in"] == "path":
            if "example" not in each:
                return None
            path = path.replace(f"{{{each['name']}}}", quote(each["example"], safe=","))
    return path


def test_every_example_is_answered(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    answered = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            address = filled(path, operation)
            is_of_shop = path.split("/")[2:3] == ["shop"] or path.strip("/") in ("health", "ready", "metrics")
            if address is None or not is_of_shop or (method == "post" and "example" not in content):
                continue
            answer = client.request(method, address, json=content.get("example"))
            assert answer.status_code == 200, (address, answer.text)
            answered.append(f"{method} {path}")
    assert "post /events/shop" in answered and "post /recommend-many/shop" in answered
    left_out = {path for path in document["paths"] if "/shop" in path} - {each.split(" ")[1] for each in answered}
    assert len(answered) >= 20 and left_out == set()


def test_the_demo_s_examples_are_those_of_its_story() -> None:
    movies = load(str(demo.CONFIG), {}).namespace("movies")
    assert (movies.example_user, movies.example_items) == (demo.KNOWN_USER, demo.CLICKS)
