"""Every route of /admin and /ui, by everybody. The routes are the app's own, so that a new one is not forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from gateway.routes.admin_gate import ACCESS, Needs
from gateway.routes.openapi_admin import ROUTE_DOCS
from tests.gateway.admin.world import KEYS, AdminWorld

BELOW = ("/admin", "/ui")
# routes that change nothing, though they are asked by POST
QUESTIONS = {"/admin/configuration/validate", "/admin/filters/try", "/admin/rules/try"}
# whole-server routes, which no tenant's key opens
OF_SERVER = {
    "/admin/reload",
    "/admin/processes",
    *(f"/admin/configuration{rest}" for rest in ("/text", "/validate", "/history", "/history/{entry:str}", "/diff")),
}
VALUES = {"number": "1", "entry": "none", "namespace": "shop", "recommender": "home", "feature": "layout", "rest": "x"}


class AdminRoute(NamedTuple):
    method: str
    path: str
    needs: Needs | None

    @property
    def target(self) -> str:
        path = re.sub(r"{(\w+):\w+}", lambda match: VALUES.get(match[1], "x"), self.path)
        return f"{path}?topics=overview" if path == "/admin/stream" else path

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD") and self.path not in QUESTIONS


def routes_of(world: AdminWorld) -> Iterator[AdminRoute]:
    for route in world.app.routes:
        if not route.path.startswith(BELOW):
            continue
        for handler in route.route_handlers:  # type: ignore[union-attr]
            for method in sorted(handler.http_methods - {"OPTIONS"}):
                yield AdminRoute(method, route.path, handler.opt.get(ACCESS))


def admin_routes_of(world: AdminWorld) -> list[AdminRoute]:
    return [each for each in routes_of(world) if each.path.startswith("/admin")]


def status(world: AdminWorld, route: AdminRoute, key: str | None, peer: str = "127.0.0.1") -> int:
    headers = {} if key is None else {"X-Api-Key": key}
    if route.path == "/admin/stream":  # it would go on: HEAD is admitted alike, and ends
        return world.ask("HEAD", route.target, headers=headers, peer=peer).status_code
    body = {} if route.writes or route.path in QUESTIONS else None
    return world.ask(route.method, route.target, body, headers, peer).status_code


def test_every_route_of_admin_says_what_it_needs(keyed: AdminWorld) -> None:
    routes = admin_routes_of(keyed)
    assert len(routes) > 20
    assert [each for each in routes if not isinstance(each.needs, Needs)] == []
    wrong = [each for each in routes if each.needs and each.needs.role != ("operate" if each.writes else "read")]
    assert wrong == []
    of_server = {each.path for each in routes if each.needs and each.needs.is_of_server}
    assert of_server == {each for each in OF_SERVER | {"/admin/configuration"} if each in {r.path for r in routes}}


def test_no_key_and_a_wrong_one_open_nothing(keyed: AdminWorld) -> None:
    for key in (None, "wrong"):
        statuses = {(each.method, each.path): status(keyed, each, key) for each in admin_routes_of(keyed)}
        assert set(statuses.values()) == {401}, statuses


def test_a_key_to_read_changes_nothing(keyed: AdminWorld) -> None:
    for each in admin_routes_of(keyed):
        got = status(keyed, each, KEYS["read"])
        assert (got == 403) is each.writes, (each, got)
        assert each.writes or got in (200, 400, 404, 422), (each, got)


def test_a_key_to_operate_is_let_in_everywhere(keyed: AdminWorld) -> None:
    for each in admin_routes_of(keyed):
        assert status(keyed, each, KEYS["operate"]) not in (401, 403, 405, 500), each


def test_another_tenant_sees_and_changes_nothing_of_this_one(keyed: AdminWorld) -> None:
    for each in admin_routes_of(keyed):
        got = status(keyed, each, KEYS["tenant"])
        assert each.needs is not None
        if each.needs.is_of_server or "{namespace:str}" in each.path:
            assert got == 403, (each, got)
        elif "{number:int}" in each.path:  # jobs of the other's data
            assert got == 404, (each, got)
        if each.method == "GET" and got == 200 and each.path != "/admin/stream":
            text = keyed.get(each.target, "tenant").text
            assert not re.search(r'"shop|popular|layout|dataset-group/shop', text), (each, text)


def test_another_tenant_that_reads_changes_nothing_either(keyed: AdminWorld) -> None:
    writing = [each for each in admin_routes_of(keyed) if each.writes]
    assert {status(keyed, each, KEYS["tenant reader"]) for each in writing} == {403}


def test_a_purge_is_of_the_keys_own_namespace(keyed: AdminWorld) -> None:
    answer = keyed.post("/admin/purge", {"namespace": "shop"}, "tenant")
    assert (answer.status_code, answer.json()["code"]) == (403, "NamespaceNotAllowed")
    assert keyed.post("/admin/purge", {"namespace": "other"}, "tenant").status_code == 200


def test_a_verdict_is_of_the_keys_own_namespace(keyed: AdminWorld) -> None:
    assert keyed.get("/experiments/shop/home/layout", "tenant").status_code == 403
    assert keyed.get("/experiments/shop/home/layout", "read").status_code == 200
    assert keyed.get("/experiments/shop/home/layout").status_code == 401


def test_the_files_of_the_page_need_no_key_where_there_are_some(keyed: AdminWorld) -> None:
    for peer in ("127.0.0.1", "203.0.113.9"):
        assert keyed.ask("GET", "/ui", peer=peer).status_code == 200


# ---- without keys

LOCAL = {"Host": "localhost:8080"}
STRANGERS = {
    "another machine": ({}, "203.0.113.9"),
    "a proxy": ({"X-Forwarded-For": "203.0.113.9"}, "127.0.0.1"),
    "a proxy that says only that": ({"Via": "1.1 proxy"}, "127.0.0.1"),
    "a name that was made to mean this machine": ({"Host": "evil.example:8080"}, "127.0.0.1"),
    "a page of another site": ({"Origin": "https://evil.example"}, "127.0.0.1"),
    "a page of another port": ({"Origin": "http://localhost:3000"}, "127.0.0.1"),
    "another site's page, as its browser says": ({"Sec-Fetch-Site": "cross-site"}, "127.0.0.1"),
    "a sister site's page": ({"Sec-Fetch-Site": "same-site"}, "127.0.0.1"),
    "a socket that tells no address": ({}, ""),
}
NEIGHBOURS = {
    "curl": ({}, "127.0.0.1"),
    "version 6": ({"Host": "[::1]:8080"}, "::1"),
    "the page itself": ({"Origin": "http://localhost:8080", "Sec-Fetch-Site": "same-origin"}, "127.0.0.1"),
    "a name of this machine": ({"Host": "shop.localhost:8080"}, "127.0.0.2"),
}


@pytest.mark.parametrize("who", STRANGERS)
def test_without_keys_there_is_no_such_path_for_a_stranger(who: str, keyless: AdminWorld) -> None:
    headers, peer = STRANGERS[who]
    for each in routes_of(keyless):
        method = "HEAD" if each.path == "/admin/stream" else each.method
        answer = keyless.ask(method, each.target, {} if each.writes else None, headers, peer)
        assert answer.status_code == 404, (each, answer.status_code)
        if method == "GET":
            assert answer.json()["code"] == "NotFound"


@pytest.mark.parametrize("who", NEIGHBOURS)
def test_without_keys_callers_of_this_machine_may_do_all(who: str, keyless: AdminWorld) -> None:
    headers, peer = NEIGHBOURS[who]
    answer = keyless.ask("GET", "/admin/session", headers=headers, peer=peer)
    assert (answer.status_code, answer.json()["role"], answer.json()["keyless"]) == (200, "operate", True)
    assert keyless.ask("GET", "/ui", headers=headers, peer=peer).status_code == 200
    for each in admin_routes_of(keyless):
        method = "HEAD" if each.path == "/admin/stream" else each.method
        got = keyless.ask(method, each.target, {} if each.writes else None, headers, peer).status_code
        assert got not in (401, 403, 405, 500), (each, got)


def test_a_link_of_another_site_opens_the_page_and_reads_nothing(keyless: AdminWorld) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert keyless.ask("GET", "/ui", headers=followed).status_code == 200
    assert keyless.ask("GET", "/admin/session", headers=followed).status_code == 404
    framed = {**followed, "Sec-Fetch-Dest": "iframe"}
    assert keyless.ask("GET", "/ui", headers=framed).status_code == 404


# ---- what the OpenAPI document has


def test_the_openapi_document_has_every_route_of_admin(keyed: AdminWorld) -> None:
    documented = {(doc.method, doc.path) for doc in ROUTE_DOCS}
    routes = {
        (each.method, re.sub(r"{(\w+):\w+}", r"{\1}", each.path))
        for each in admin_routes_of(keyed)
        if each.method != "HEAD"
    }
    assert routes == documented
    paths = keyed.get("/openapi.json").json()["paths"]
    assert {(method.upper(), path) for path in paths if path.startswith("/admin") for method in paths[path]} == routes
