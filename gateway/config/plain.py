"""A part of the document as the plain data that it was, for payloads and operators: nothing inherited, nothing that was
not said, no secret."""

from __future__ import annotations

from typing import Any

from gateway.document.values import Part, fields_of, is_secret

HIDDEN = "***"


def plain(part: Part) -> dict[str, Any]:
    fields = fields_of(type(part))
    values = {name: getattr(part, field.name) for name, field in fields.items()}
    stated = {name: value for name, value in values.items() if name in fields and value != fields[name].default}
    tag = part.__struct_config__.tag
    tagged = {str(part.__struct_config__.tag_field): tag} if tag is not None else {}
    result = {name: _plain(value, is_secret(fields[name].type)) for name, value in stated.items()}
    return {**tagged, **{name: value for name, value in result.items() if value not in (None, [], {})}}


def _plain(value: Any, hidden: bool = False) -> Any:
    if hidden and isinstance(value, str):
        return HIDDEN
    if isinstance(value, Part):
        return plain(value)
    if isinstance(value, dict):
        return {key: _plain(each, hidden) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
