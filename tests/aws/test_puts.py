"""What PutEvents, PutItems and PutUsers take and refuse on a whole server, a row a rule (specification §2.5, §5.4)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.aws.flow import ROLE
from tests.flows.site import START, Site, site

EVENT = {"eventType": "view", "itemId": "i1", "sentAt": START}
CATEGORICAL = {"type": ["null", "string"], "categorical": True}
INTERACTIONS = [
    *({"name": name, "type": "string"} for name in ("USER_ID", "ITEM_ID", "EVENT_TYPE")),
    {"name": "TIMESTAMP", "type": "long"},
    {"name": "EVENT_VALUE", "type": ["float", "null"]},
    {"name": "DEVICE", **CATEGORICAL},
]
ITEMS = [
    {"name": "ITEM_ID", "type": "string"},
    {"name": "PRICE", "type": ["null", "float"]},
    {"name": "CATEGORY_L2", **CATEGORICAL},
    {"name": "SOLD", "type": ["boolean", "null"]},
    {"name": "TEXT", "type": ["null", "string"], "textual": True},
]
USERS = [{"name": "USER_ID", "type": "string"}, {"name": "AGE", "type": "int"}]


@dataclass
class Shop:
    site: Site
    tracking: str
    arns: dict[str, str]

    def event(self, **members: Any) -> None:
        event = {name: value for name, value in {**EVENT, **members}.items() if value is not None}
        self.events([event])

    def events(self, events: list[dict[str, Any]], **members: Any) -> None:
        given = {"trackingId": self.tracking, "sessionId": "s", "userId": "u", "eventList": events, **members}
        self.site.events.put_events(**given)

    def stored(self) -> int:
        self.site.engine.feed.catch_up()
        return int(self.site.engine.follower.applied)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with site(tmp_path_factory.mktemp("puts")) as made:
        p, arns = made.personalize, {}
        group = p.create_dataset_group(name="shop")["datasetGroupArn"]
        for kind, fields in {"Interactions": INTERACTIONS, "Items": ITEMS, "Users": USERS}.items():
            text = json.dumps({"type": "record", "name": kind, "fields": fields, "version": "1.0"})
            schema = p.create_schema(name=kind, schema=text)["schemaArn"]
            made_of = {"name": kind, "schemaArn": schema, "datasetGroupArn": group, "datasetType": kind.upper()}
            arns[kind] = p.create_dataset(**made_of)["datasetArn"]
        yield Shop(made, p.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"], arns)


def device(length: int) -> str:
    """Properties of so many characters."""
    return json.dumps({"device": "x" * (length - len('{"device": ""}'))})


TAKEN: list[dict[str, Any]] = [
    {},
    {"itemId": None},
    {"itemId": None, "properties": '{"itemId": "i3"}'},  # as the first samples send it
    {"properties": '{"device": "phone"}'},
    {"properties": '{"DEVICE": "phone"}'},
    {"properties": '{"device": ["a", "b"]}'},
    {"properties": '{"device": null}'},
    {"properties": '{"eventValue": 2}'},
    {"properties": "{}"},
    {"properties": device(1000)},
    {"properties": '{"device": "x"}'.ljust(1024)},
    {"impression": ["i1"] * 25},
    {"recommendationId": "RID-" + "x" * 36},
    {"metricAttribution": {"eventAttributionSource": "mail"}},
    {"eventId": "e" * 256, "itemId": "i" * 256, "eventType": "t" * 256},
    {"sentAt": 0},
    {"sentAt": int(time.time()) + 10**7},  # clocks are wrong
]


@pytest.mark.parametrize("members", TAKEN, ids=range(len(TAKEN)))
def test_takes_an_event(shop: Shop, members: dict[str, Any]):
    before = shop.stored()
    shop.event(**{"eventId": f"taken-{TAKEN.index(members)}", **members})
    assert shop.stored() > before


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"properties": '{"nope": 1}'}, "Property 'nope' is not in the Interactions schema, which has .*device"),
    ({"properties": '{"device": 7}'}, "Property 'device' must be a string"),
    ({"properties": '{"device": "' + "x" * 1001 + '"}'}, "Length cannot be more than 1000 characters for DEVICE"),
    ({"properties": '{"device": "x"}'.ljust(1025)}, r"1024 - at `\$\.eventList\[0\]\.properties"),
    *(
        ({"properties": json.dumps({word: "x"})}, f"reserved key {word}")
        for word in ("userId", "SESSIONID", "eventType", "TimeStamp", "recommendationId", "IMPRESSION")
    ),
    *(
        ({"properties": json.dumps({word: "x"})}, f"reserved key {word}")  # underscores don't count, either
        for word in ("USER_ID", "session_id", "EVENT_TYPE", "event_type", "RECOMMENDATION_ID")
    ),
    ({"impression": ["i1"] * 26}, "25.*impression"),
    ({"recommendationId": "x" * 41}, "40.*recommendationId"),
    ({"itemId": "i\0"}, r"no character U\+0000 - at `\$\.eventList\[0\]\.itemId`"),
    ({"impression": ["é" * 256] * 25}, r"eventList\[0\] has 1\d{4} bytes; an event has at most 10240"),
]


@pytest.mark.parametrize(("members", "words"), REFUSED, ids=range(len(REFUSED)))
def test_refuses_an_event_and_those_beside_it(shop: Shop, members: dict[str, Any], words: str):
    before = shop.stored()
    with pytest.raises(shop.site.events.exceptions.InvalidInputException, match=words):
        shop.event(**members)
    with pytest.raises(shop.site.events.exceptions.InvalidInputException):
        shop.events([EVENT, {**EVENT, **members}])
    assert shop.stored() == before


def test_ten_events_and_not_eleven(shop: Shop):
    shop.events([EVENT] * 10)
    with pytest.raises(shop.site.events.exceptions.InvalidInputException, match="eventList"):
        shop.events([EVENT] * 11)


def test_an_unknown_tracker(shop: Shop):
    with pytest.raises(shop.site.events.exceptions.InvalidInputException, match="tracking ID 'x' does not exist"):
        shop.events([EVENT], trackingId="x")


@pytest.mark.parametrize(("sent_at", "status"), [(START + 0.123, 200), (START * 1000, 400), (-1, 400), ("now", 400)])
def test_seconds(shop: Shop, sent_at: object, status: int):
    """boto3 sends whole seconds; others may send fractions, and milliseconds by mistake."""
    body = {"trackingId": shop.tracking, "sessionId": "s", "eventList": [{**EVENT, "sentAt": sent_at}]}
    answer = httpx.post(f"{shop.site.events.meta.endpoint_url}/events", json=body)
    assert answer.status_code == status
    assert status == 200 or "sentAt" in answer.json()["message"]
    assert ("millisecond" in answer.text) == (sent_at == START * 1000)


def test_equal_events_and_equal_ids_count_once(shop: Shop):
    def history() -> list[int]:
        shop.site.engine.feed.catch_up()
        return shop.site.engine.follower.group(uid).history("once").times.tolist()

    uid = next(iter(shop.site.engine.log.groups()))
    for event in (
        {**EVENT, "sentAt": START + 1},
        {**EVENT, "sentAt": START + 1},  # equal in everything
        {**EVENT, "sentAt": START + 2, "eventId": "a"},
        {**EVENT, "sentAt": START + 3, "eventId": "a"},  # of the same id
        {**EVENT, "sentAt": START + 1, "properties": '{"device": "phone"}'},
    ):
        shop.events([event], userId="once")
    assert history() == [START + 1, START + 1, START + 2]


ROWS: list[tuple[str, str, str | None, str]] = [  # dataset, whose row, properties, what is said, "" where it is taken
    ("Items", "Items", None, ""),
    ("Items", "Items", '{"price": 1.5, "categoryL2": "a|b", "sold": true, "text": "' + "x" * 30_000 + '"}', ""),
    ("Items", "Items", '{"PRICE": 1, "CATEGORY_L2": "x"}', ""),
    ("Items", "Items", '{"price": 1}'.ljust(32_000), ""),
    ("Items", "Items", '{"price": 1}'.ljust(32_001), "32000"),
    ("Items", "Items", '{"PRICE": 1, "price": 2}', "'price' is given twice"),
    ("Items", "Items", '{"colour": 1}', "'colour' is not in the Items schema, which has price, categoryL2"),
    ("Items", "Items", '{"itemId": "x"}', "'itemId' names the record itself"),
    ("Items", "Items", '{"price": "1"}', "'price' must be a number"),
    ("Items", "Items", '{"price": NaN}', "not the text of a JSON object"),
    ("Items", "Items", '{"sold": 2}', "'sold' must be true or false"),
    ("Items", "Items", '{"text": 1}', "'text' must be a string"),
    ("Items", "Items", '{"categoryL2": "' + "x" * 1001 + '"}', "more than 1000 characters for CATEGORY_L2"),
    ("Users", "Users", '{"age": 30}', ""),
    ("Users", "Users", None, r"required properties \['AGE'\] are missing"),
    ("Users", "Users", '{"age": 1.5}', "'age': 1.5 is not a whole number"),
    ("Users", "Users", '{"age": null}', "'age' must have a value"),
    ("Users", "Users", '{"age": 1}'.ljust(24_001), "24000"),
    ("Items", "Users", '{"age": 1}', "is of type ITEMS, not USERS"),
    ("Interactions", "Items", "{}", "is of type INTERACTIONS, not ITEMS"),
]


@pytest.mark.parametrize(("dataset", "kind", "properties", "words"), ROWS, ids=range(len(ROWS)))
def test_rows(shop: Shop, dataset: str, kind: str, properties: str | None, words: str):
    before, arn, name = shop.stored(), shop.arns[dataset], f"{kind[:-1].lower()}Id"
    row = {name: "r1"} | ({"properties": properties} if properties is not None else {})
    put = shop.site.events.put_items if kind == "Items" else shop.site.events.put_users
    rows = {kind.lower(): [row]}
    if not words:
        put(datasetArn=arn, **rows)
        assert shop.stored() > before
        return
    with pytest.raises(ClientError, match=words) as refused:
        put(datasetArn=arn, **rows)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert refused.value.response["Error"]["Code"] == "InvalidInputException"
    assert shop.stored() == before


@pytest.mark.parametrize(
    ("old", "new"), [("/shop/", "/none/"), ("000000000000", "111111111111"), ("us-east", "eu-west")]
)
def test_rows_into_a_dataset_that_is_not_there(shop: Shop, old: str, new: str):
    with pytest.raises(ClientError, match="does not exist") as refused:
        shop.site.events.put_items(datasetArn=shop.arns["Items"].replace(old, new), items=[{"itemId": "i"}])
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


# ---- imports (§2.4)

HEADER = "USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP,EVENT_VALUE,DEVICE"
ROW = f"u1,i1,view,{START},1.5,phone"
FILES: list[tuple[str, dict[str, str | bytes], str]] = [  # name, files, what the failure says, "" for none
    ("plain", {"a.csv": f"{HEADER}\n{ROW}"}, ""),
    ("other order, more columns", {"a.csv": f"X,TIMESTAMP,{HEADER.replace('TIMESTAMP,', '')}\n9,{START},u,i,v,,"}, ""),
    ("names in camel case", {"a.csv": f"{HEADER.replace('USER_ID', 'userId')}\n{ROW}"}, ""),
    ("byte order mark and CRLF", {"a.csv": f"\ufeff{HEADER}\r\n{ROW}\r\n"}, ""),
    ("quoted both ways", {"a.csv": f'{HEADER}\n"u ""q""",i,"a \\"b\\"",{START},,"x, y"\n"u\nn",i,v,{START},,'}, ""),
    ("twice the same", {"a.csv": f"{HEADER}\n{ROW}\n{ROW}"}, ""),
    ("several files", {"f/a.csv": f"{HEADER}\n{ROW}", "f/b.csv": f"{HEADER}\n{ROW}", "f/sub/c.csv": "no"}, ""),
    (
        "a column lacks",
        {"a.csv": "USER_ID,ITEM_ID,EVENT_TYPE\nu,i,v"},
        r"missing the following columns:\[TIMESTAMP, EV",
    ),
    ("nothing", {"a.csv": ""}, "missing the following columns"),
    ("another header", {"f/a.csv": f"{HEADER}\n{ROW}", "f/b.csv": "USER_ID,ITEM_ID\n"}, "header of b.csv differs"),
    ("milliseconds", {"a.csv": f"{HEADER}\nu,i,v,{START}000,,"}, "TIMESTAMP looks like milliseconds.*a.csv:2"),
    (
        "no number",
        {"a.csv": f"{HEADER}\n{ROW}\nu,i,v,soon,,"},
        "1 of 2 rows .*TIMESTAMP is not a whole.*'soon': a.csv:3",
    ),
    ("too long an id", {"a.csv": f"{HEADER}\n{'u' * 257},i,v,1,,"}, "more than 256 characters for USER_ID.*a.csv:2"),
    (
        "too long a label",
        {"a.csv": f"{HEADER}\nu,i,v,1,,{'d' * 1001}"},
        "more than 1000 characters for DEVICE.*a.csv:2",
    ),
    ("no id", {"a.csv": f"{HEADER}\n,i,v,1,,"}, "USER_ID has no value.*a.csv:2"),
    ("a short row", {"a.csv": f"{HEADER}\nu,i,v"}, "number of fields.*3 instead of 6.*a.csv:2"),
    (
        "not closed",
        {"a.csv": f'{HEADER}\n"u,i,v,1,,\n{ROW}'},
        "1 of 2 rows .*quote is opened and never closed.*a.csv:2",
    ),
    ("Latin-1", {"a.csv": f"{HEADER}\nué,i,v,1,,".encode("latin-1")}, "not UTF-8.*a.csv:2"),
    ("several flaws", {"a.csv": f"{HEADER}\nu,i,v,x,,\nu,,v,1,y,\nu,i,v,-1,,"}, "3 of 3 rows.*ITEM_ID.*EVENT_VALUE"),
]


@pytest.mark.parametrize(("name", "files", "words"), FILES, ids=[row[0] for row in FILES])
def test_files(shop: Shop, tmp_path: Path, name: str, files: dict[str, str | bytes], words: str):
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(text if isinstance(text, bytes) else text.encode())
    folder = any(path.startswith("f/") for path in files)
    p = shop.site.personalize
    job = p.create_dataset_import_job(
        jobName="file-" + name.replace(" ", "-").replace(",", ""),
        datasetArn=shop.arns["Interactions"],
        dataSource={"dataLocation": f"file://{tmp_path}/{'f/' if folder else 'a.csv'}"},
        roleArn=ROLE,
    )["datasetImportJobArn"]
    shop.site.work()
    shown = p.describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"]
    assert shown["status"] == ("CREATE FAILED" if words else "ACTIVE"), shown
    if words:
        assert re.search(words, shown["failureReason"]), shown["failureReason"]


# ---- imports whose values are odd: options that an unchanged boto3 sends as tags


def imported(shop: Shop, kind: str, text: str, **tags: str) -> dict[str, Any]:
    """The job as boto3 shows it, with its tags and its report."""
    file = shop.site.engine.settings.data_dir.parent / "odd.csv"
    file.write_text(text)
    p = shop.site.personalize
    job = p.create_dataset_import_job(
        jobName=f"odd-{time.monotonic_ns()}",
        datasetArn=shop.arns[kind],
        dataSource={"dataLocation": f"file://{file}"},
        roleArn=ROLE,
        tags=[{"tagKey": f"recgate:{name}", "tagValue": value} for name, value in tags.items()],
    )["datasetImportJobArn"]
    shop.site.work()
    shown = p.describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"]
    after = {tag["tagKey"]: tag["tagValue"] for tag in p.list_tags_for_resource(resourceArn=job)["tags"]}
    return {**shown, "tags": after, "report": shop.site.engine.resources.import_report(job)}


def test_an_odd_value_of_a_user_is_null_and_counted_in_the_job(shop: Shop):
    job = imported(shop, "Users", "USER_ID,AGE,TOWN\na,30,x\nb,about 40,x\nc,,x\n")  # AGE is an int without null
    assert (job["status"], job["report"]["kept"], job["report"]["ignoredColumns"]) == ("ACTIVE", 3, ["TOWN"])
    assert [(flaw["column"], flaw["count"], flaw["lines"]) for flaw in job["report"]["nulls"]] == [
        ("AGE", 1, ["odd.csv:3"]),
        ("AGE", 1, ["odd.csv:4"]),
    ]
    assert job["tags"] == {"recgate:valuesReadAsNull": "2", "recgate:columnsLeftOut": "TOWN"}
    strict = imported(shop, "Users", "USER_ID,AGE\na,30\nb,about 40\n", oddValues="refuse")
    assert strict["status"] == "CREATE FAILED" and "AGE is not a whole number" in strict["failureReason"]


def test_bad_interactions_are_left_out_by_a_tag(shop: Shop):
    text = f"{HEADER}\n{ROW}\nu,i,v\nu,i,v,4102444800,,\nu,i,v,soon,,"
    refused = imported(shop, "Interactions", text, skipBadRows="2")
    assert refused["status"] == "CREATE FAILED"
    assert refused["failureReason"].startswith("3 of 4 rows are bad and at most 2 may be left out")
    assert "in the future" in refused["failureReason"] and "not a whole number" in refused["failureReason"]
    taken = imported(shop, "Interactions", text, skipBadRows="3")
    assert (taken["status"], taken["report"]["kept"], taken["report"]["bad"]) == ("ACTIVE", 1, 3)
    assert taken["tags"] == {"recgate:skipBadRows": "3", "recgate:rowsLeftOut": "3"}


def test_a_full_import_of_nothing_is_refused_unless_it_is_meant(shop: Shop):
    assert imported(shop, "Items", "ITEM_ID,PRICE,CATEGORY_L2,SOLD,TEXT\nx,1,,,\n")["status"] == "ACTIVE"
    header = "ITEM_ID,PRICE,CATEGORY_L2,SOLD,TEXT\n"
    refused = imported(shop, "Items", header)
    assert refused["status"] == "CREATE FAILED" and "would empty the ITEMS dataset" in refused["failureReason"]
    skipped = imported(shop, "Items", header + ",,,,\n", skipBadRows="1")
    assert skipped["status"] == "CREATE FAILED" and "has no rows" in skipped["failureReason"]
    assert imported(shop, "Items", header, allowEmpty="true")["status"] == "ACTIVE"


def test_an_option_that_is_none_is_refused_at_once(shop: Shop):
    with pytest.raises(ClientError, match="use one of recgate:skipBadRows"):
        imported(shop, "Users", "USER_ID,AGE\na,1\n", skipbad="1")
    with pytest.raises(ClientError, match="timestamps"):
        imported(shop, "Users", "USER_ID,AGE\na,1\n", timestamps="minutes")
