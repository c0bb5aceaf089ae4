"""A part of the document as the plain data that it was, for payloads and operators: nothing inherited, nothing that was
not said, no secret."""

from __future__ import annotations

from typing import Any

from gateway.document.values import Part, fields_of, is_secret

HIDDEN = "***"


def plain(part: Part) -> dict[str, Any]:
    tag = part.__struct_config__.tag
    result: dict[str, Any] = {} if tag is None else {str(part.__struct_config__.tag_field): tag}
    for name, field in fields_of(type(part)).items():
        value = getattr(part, field.name)
        if value != field.default and (data := _plain(value, is_secret(field.type))) not in (None, [], {}):
            result[name] = data
    return result


def _plain(value: Any, hidden: bool = False) -> Any:
    if hidden and isinstance(value, str):
        return HIDDEN
    if isinstance(value, Part):
        return plain(value)
    if isinstance(value, dict):
        return {key: _plain(each, hidden) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
