"""The JSON Schema of the document; `config/schema.json` is this text."""

from __future__ import annotations

import json

import msgspec

from gateway.config.document import Root


def schema() -> str:
    described = msgspec.json.schema(Root)
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "recgate configuration"}
    return json.dumps({**dialect, **described}, indent=2) + "\n"
