"""A part of the document as the plain data that it was, for payloads: nothing inherited, nothing that was not said."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.config.document import Part


def plain(part: Part) -> dict[str, Any]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(part)}
    said = {name: getattr(part, field.name) for name, field in fields.items()}
    kept = {name: value for name, value in said.items() if name in fields and value != fields[name].default}
    tag = part.__struct_config__.tag
    tagged = {str(part.__struct_config__.tag_field): tag} if tag is not None else {}
    return {**tagged, **{name: _plain(value) for name, value in kept.items() if value not in (None, (), {})}}


def _plain(value: Any) -> Any:
    if isinstance(value, Part):
        return plain(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
