"""Data as CSV files: one set without a fault, and copies of it that are spoiled on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from engine import Diagnosis, diagnose_files, open_source

NOW = 1_760_000_000
FIRST = 1_750_000_000
USERS, ITEMS, EACH = 1_000, 60, 50


@dataclass(frozen=True)
class CsvWorld:
    """1,000 users with 50 events each on 60 items: enough for Amazon's recommendations."""

    interactions: list[list[str]] = field(default_factory=list)
    items: list[list[str]] = field(default_factory=list)
    users: list[list[str]] = field(default_factory=list)

    @classmethod
    def sound(cls) -> CsvWorld:
        interactions = [
            [f"u{user}", f"i{(user * 7 + step * 11) % ITEMS}", str(FIRST + user * 7 + step * 3600), "view"]
            for user in range(USERS)
            for step in range(EACH)
        ]
        items = [
            [
                f"i{item}",
                f"a{item % 5}|b{item % 3}",
                f"{10 + item * 1.5:.2f}",
                f"A good thing number {item} " + "x" * 60,
            ]
            for item in range(ITEMS)
        ]
        users = [[f"u{user}", str(18 + user % 60), "mf"[user % 2]] for user in range(USERS)]
        return cls(interactions, items, users)

    def with_rows(self, **changed: list[list[str]]) -> CsvWorld:
        return replace(self, **changed)

    def diagnosed(self, folder: Path) -> Diagnosis:
        files = {}
        for kind, header in HEADERS.items():
            rows = getattr(self, kind.lower())
            if rows:
                file = folder / f"{kind.lower()}.csv"
                file.write_text("\n".join([header, *(",".join(row) for row in rows)]))
                files[kind] = open_source(f"file://{file}", allow_file_urls=True)
        return diagnose_files(files, SCHEMAS, NOW)


HEADERS = {
    "INTERACTIONS": "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE",
    "ITEMS": "ITEM_ID,GENRES,PRICE,DESCRIPTION",
    "USERS": "USER_ID,AGE,GENDER",
}
TEXT, WORDS = '["null","string"],"textual":true', '["null","string"],"categorical":true'
NULL_STRING, NUMBER = '["null","string"]', '["null","double"]'
TYPES = {
    "INTERACTIONS": ('"string"', '"string"', '"long"', NULL_STRING),
    "ITEMS": ('"string"', WORDS, NUMBER, TEXT),
    "USERS": ('"string"', NUMBER, WORDS),
}
SCHEMAS = {
    kind: f'{{"type":"record","name":"{kind.title()}","version":"1.0","fields":['
    + ",".join(
        f'{{"name":"{name}","type":{type_}}}' for name, type_ in zip(header.split(","), TYPES[kind], strict=True)
    )
    + "]}"
    for kind, header in HEADERS.items()
}
