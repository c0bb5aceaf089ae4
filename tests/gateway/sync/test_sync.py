"""`recgate sync` against partners that record, refuse for a while, and fail."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from gateway.__main__ import main
from gateway.sync.sending import waiting_of
from tests.gateway.sync.recording import PartnerAnswer, RecordedRequest, RecordingPartner, recording_partner

USERS = 200


@pytest.fixture
def partner() -> Iterator[RecordingPartner]:
    with recording_partner() as started:
        yield started


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A group of 120 items."""
    folder = tmp_path_factory.mktemp("sync")
    put_items(folder, [f"i{n},Lamp {n},{n}.5" for n in range(120)])
    return folder / "data"


def put_items(folder: Path, rows: list[str]) -> None:
    (folder / "items.csv").write_text("\n".join(["ITEM_ID,NAME,PRICE", *rows]))
    ran = CliRunner().invoke(
        main, ["import", str(folder / "items.csv"), "--type", "items", "--data", str(folder / "data")]
    )
    assert ran.exit_code == 0, ran.output


def answers(folder: Path, users: int = USERS, first: int = 0) -> Path:
    """As a batch inference job writes them; u7 has other recommendations by `first`, and a line is an error."""
    lines = [
        {
            "input": {"userId": f"u{user}"},
            "output": {"recommendedItems": [f"i{(user + n + first * (user == 7)) % 120}" for n in range(25)]},
            "error": None,
        }
        for user in range(users)
    ]
    file = folder / "users.json.out"
    failed: dict[str, Any] = {"input": {"userId": "nobody"}, "error": "The line can't be read."}
    file.write_text("".join(json.dumps(line) + "\n" for line in [*lines, failed]))
    return file


def synced(destination: str, partner: RecordingPartner, data: Path, *more: object) -> Result:
    argv = ["sync", destination, *map(str, more), "--url", partner.url, "--data", str(data), "--json"]
    return CliRunner().invoke(main, argv, env={"RECGATE_SYNC_KEY": "key:secret"})


def seen(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    view: dict[str, Any] = json.loads(result.stdout)
    return view


def test_braze_gets_attributes_75_at_a_time_and_then_changes_alone(
    partner: RecordingPartner, shop: Path, tmp_path: Path
):
    told = "--recommendations", "2", "--fields", "NAME,price"
    view = seen(synced("braze-users", partner, shop, answers(tmp_path), *told))
    assert (view["sent"], view["unchanged"], view["requests"]) == (USERS, 0, 3)
    assert view["skipped"] == {"an error in place of an answer": 1}
    assert [len(each.body["attributes"]) for each in partner.taken] == [75, 75, 50]
    first = partner.taken[0]
    assert (first.method, first.path) == ("POST", "/users/track")
    assert first.headers["authorization"] == "Bearer key:secret" and first.headers["x-braze-bulk"] == "true"
    assert first.body["attributes"][3] == {
        "external_id": "u3",
        "recs_1_id": "i3",
        "recs_1_name": "Lamp 3",
        "recs_1_price": 3.5,
        "recs_2_id": "i4",
        "recs_2_name": "Lamp 4",
        "recs_2_price": 4.5,
    }
    again = seen(synced("braze-users", partner, shop, answers(tmp_path), *told))
    assert (again["sent"], again["unchanged"], again["requests"]) == (0, USERS, 0)
    changed = seen(synced("braze-users", partner, shop, answers(tmp_path, first=5), *told))
    assert (changed["sent"], changed["unchanged"]) == (1, USERS - 1)
    assert [each["external_id"] for each in partner.taken[-1].body["attributes"]] == ["u7"]


def test_a_429_is_waited_for_as_long_as_it_says(partner: RecordingPartner, tmp_path: Path):
    def second_is_too_soon(request: RecordedRequest) -> PartnerAnswer:
        is_second = len(partner.taken) == 1 and not partner.refused
        return (429, {"Retry-After": "1"}, {"message": "slow down"}) if is_second else (201, {}, {})

    partner.answer = second_is_too_soon
    view = seen(synced("braze-users", partner, tmp_path / "data", answers(tmp_path)))
    assert (view["sent"], view["requests"], view["waitedS"]) == (USERS, 4, 1.0)
    ids = [each["external_id"] for request in partner.taken for each in request.body["attributes"]]
    assert ids == [f"u{n}" for n in range(USERS)] and len(partner.refused) == 1


def test_a_run_goes_on_where_one_ended(partner: RecordingPartner, tmp_path: Path):
    partner.answer = lambda request: (201, {}, {}) if len(partner.taken) < 2 else (401, {}, {"message": "no such key"})
    file, data = answers(tmp_path), tmp_path / "data"
    refused = synced("braze-users", partner, data, file)
    assert refused.exit_code == 1
    assert "/users/track: answers with status 401" in refused.output and "no such key" in refused.output
    assert "key:secret" not in refused.output
    partner.answer = lambda request: (201, {}, {})
    view = seen(synced("braze-users", partner, data, file))
    assert (view["sent"], view["unchanged"], view["requests"]) == (USERS - 150, 150, 1)


def test_what_braze_refuses_of_a_request_is_sent_again(partner: RecordingPartner, tmp_path: Path):
    errors = [{"type": "'external_id' is too long", "input_array": "attributes", "index": 2}]
    partner.answer = lambda request: (201, {}, {"message": "success", "errors": errors})
    file, data = answers(tmp_path, users=10), tmp_path / "data"
    view = seen(synced("braze-users", partner, data, file))
    assert view["sent"] == 9 and view["skipped"]["refused by the partner"] == 1
    partner.answer = lambda request: (201, {}, {"message": "success"})
    assert seen(synced("braze-users", partner, data, file))["sent"] == 1
    assert [each["external_id"] for each in partner.taken[-1].body["attributes"]] == ["u2"]


def test_a_failing_partner_is_tried_again(partner: RecordingPartner, tmp_path: Path):
    partner.answer = lambda request: (503, {}, "later") if not partner.refused else (200, {}, {"success": True})
    assert seen(synced("segment", partner, tmp_path / "data", answers(tmp_path, users=1)))["requests"] == 2


def test_a_catalogue_follows_the_items_50_at_a_time(partner: RecordingPartner, tmp_path: Path):
    put_items(tmp_path, [*(f"i{n},Lamp {n},{n}.5" for n in range(120)), "an id,Shade,1"])
    data, told = tmp_path / "data", ("--catalog", "goods")
    view = seen(synced("braze-catalog", partner, data, *told))
    assert (view["sent"], view["skipped"]) == (120, {"an id that the partner does not take": 1})
    assert [len(each.body["items"]) for each in partner.taken] == [50, 50, 20]
    assert {(each.method, each.path) for each in partner.taken} == {("PUT", "/catalogs/goods/items")}
    assert partner.taken[0].body["items"][2] == {"id": "i2", "name": "Lamp 2", "price": 2.5}
    put_items(tmp_path, ["i0,Lamp 0,0.5", "i1,Lamp 1,99", *(f"i{n},Lamp {n},{n}.5" for n in range(2, 110))])
    changed = seen(synced("braze-catalog", partner, data, *told))
    assert (changed["sent"], changed["unchanged"], changed["removed"]) == (1, 109, 10)
    assert partner.taken[-2].body == {"items": [{"id": "i1", "name": "Lamp 1", "price": 99.0}]}
    assert partner.taken[-1].method == "DELETE" and len(partner.taken[-1].body["items"]) == 10
    assert seen(synced("braze-catalog", partner, data, *told))["requests"] == 0


def test_segment_is_told_who_has_which(partner: RecordingPartner, shop: Path, tmp_path: Path):
    seen(synced("segment", partner, shop, answers(tmp_path, users=3), "--recommendations", "2"))
    (request,) = partner.taken
    assert request.path == "/v1/batch"
    assert request.headers["authorization"] == f"Basic {base64.b64encode(b'key:secret').decode()}"
    call = request.body["batch"][1]
    assert call.pop("messageId").startswith("recgate-")
    assert call == {"type": "identify", "userId": "u1", "traits": {"personalized_recommendations": ["i1", "i2"]}}
    seen(synced("segment", partner, tmp_path / "other", answers(tmp_path, users=3), "--recommendations", "2"))
    ids = [[each.get("messageId") for each in request.body["batch"]] for request in partner.taken]
    assert ids[0][0] == ids[1][0]  # the same, sent again, is one


def test_mparticle_gets_batches_of_attributes(partner: RecordingPartner, tmp_path: Path):
    partner.answer = lambda request: (202, {}, {})
    seen(synced("mparticle", partner, tmp_path / "data", answers(tmp_path, users=130), "--recommendations", "2"))
    assert [(each.path, len(each.body)) for each in partner.taken] == [("/v2/bulkevents", 100), ("/v2/bulkevents", 30)]
    assert partner.taken[0].body[1] == {
        "environment": "production",
        "user_identities": {"customerid": "u1"},
        "user_attributes": {"product_recs": ["i1", "i2"]},
        "events": [],
    }


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["braze-users"], "needs ANSWERS"),
        (["braze-catalog"], "--catalog is what braze-catalog needs"),
        (["segment", "FILE", "--catalog", "goods"], "--catalog is what braze-catalog needs"),
        (["braze-catalog", "FILE", "--catalog", "goods"], "takes no ANSWERS"),
        (["braze-users", "FILE", "--fields", "NAME,COLOUR"], "Items has no COLOUR; it has NAME, PRICE"),
        (["braze-users", "/nowhere.out"], "there is no file or folder /nowhere.out"),
        (["pinpoint"], "is not one of"),
    ],
)
def test_what_can_t_be_sent_is_said(argv: list[str], words: str, partner: RecordingPartner, shop: Path, tmp_path: Path):
    file = str(answers(tmp_path, users=1))
    refused = synced(*[argv[0], partner, shop, *(file if each == "FILE" else each for each in argv[1:])])
    assert refused.exit_code != 0 and words in refused.output and not partner.taken


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:50 GMT"}, 10.0),
        ({"x-ratelimit-reset": "130"}, 30.0),
        ({"retry-after": "99999999"}, 3600.0),
        ({}, 0.5),
    ],
)
def test_how_long_a_429_is_waited_for(headers: dict[str, str], seconds: float):
    assert waiting_of(httpx.Response(429, headers=headers), 100.0) == seconds
