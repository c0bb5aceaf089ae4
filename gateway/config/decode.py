"""Plain data as the document's structs: level by level, so that each fault has its place and none hides another."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from gateway.config.checks import check
from gateway.config.environment import FromEnvironment, Unset
from gateway.document.report import Report, choices, inside
from gateway.document.values import Part, fields_of, is_secret

Form = Any  # a type annotation of a struct's field
KINDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def decoded(data: object, form: Form, place: str, report: Report) -> Any:
    """The value, or None when the report says why not; a null in the document counts as absent."""
    if isinstance(data, Unset):
        report.refuse(place, data)
        return None
    bare, base = bared(form), base_of(form)
    if isinstance(base, type) and issubclass(base, Part):
        return a_struct(data, get_args(bare) or (bare,), place, report)
    if base is dict:
        key_form, value_form = get_args(bare)
        return a_map(data, key_form, value_form, place, report)
    if base is tuple:
        return a_list(data, get_args(bare)[0], place, report)
    parts = tuple(each for each in get_args(bare) if isinstance(each, type) and issubclass(each, Part))
    if parts and isinstance(data, dict):  # or a single value
        return a_struct(data, parts, place, report)
    return a_value(data, form, place, report)


@lru_cache(maxsize=1024)
def bared(form: Form) -> Form:
    """The form without what is said about it and without null, which is dropped before."""
    origin: Any = get_origin(form)
    if origin is Annotated:
        return bared(get_args(form)[0])
    if origin in (Union, types.UnionType):
        members = tuple(each for each in get_args(form) if each is not type(None))
        return bared(members[0]) if len(members) == 1 else Union[members]  # noqa: UP007 - made at run time
    return form


def base_of(form: Form) -> Form:
    bare = bared(form)
    return base_of(get_args(bare)[0]) if get_origin(bare) is Union else get_origin(bare) or bare


# --- maps of fixed keys


def a_struct(data: object, members: tuple[type[Part], ...], place: str, report: Report) -> Part | None:
    if not isinstance(data, dict):
        report.refuse(place, f"must be a map of keys, not {shown(data)}")
        return None
    entries = {key: value for key, value in data.items() if value is not None}
    struct = member(entries, members, place, report)
    if struct is None:
        return None
    before = len(report.faults)
    values = fields(entries, struct, place, report)
    if len(report.faults) > before:
        return None
    part = struct(**values)
    check(part, place, report)
    return part if len(report.faults) == before else None


def member(entries: dict[str, Any], members: tuple[type[Part], ...], place: str, report: Report) -> type[Part] | None:
    """The struct of a union that the map's `type` names."""
    tag_field = members[0].__struct_config__.tag_field
    if tag_field is None:
        return members[0]
    by_tag = {str(each.__struct_config__.tag): each for each in members}
    if tag_field not in entries:
        report.refuse(place, f"{tag_field!r} is required; {choices('', by_tag)}")
        return None
    tag = str(entries[tag_field])
    if tag in by_tag:
        return by_tag[tag]
    report.refuse(inside(place, tag_field), f"unknown {tag_field} {tag!r}; {choices(tag, by_tag)}")
    return None


def fields(entries: dict[str, Any], struct: type[Part], place: str, report: Report) -> dict[str, Any]:
    declared = fields_of(struct)
    tag_field = struct.__struct_config__.tag_field
    names = [*declared, tag_field] if tag_field else [*declared]
    for key in entries:
        if key in names:
            continue
        if struct.extra:
            report.warn(inside(place, key), f"unknown key {key!r}: nothing reads it")
        else:
            report.refuse(place, f"unknown key {key!r}; {choices(key, names)}", key)
    missing = [name for name, field in declared.items() if field.required and name not in entries]
    for name in missing:
        report.refuse(place, f"{name!r} is required")
    return {
        field.name: decoded(entries[name], field.type, inside(place, name), report)
        for name, field in declared.items()
        if name in entries
    }


# --- maps of free keys, and lists


def a_map(data: object, key_form: Form, form: Form, place: str, report: Report) -> dict[str, Any] | None:
    if not isinstance(data, dict):
        report.refuse(place, f"must be a map of keys, not {shown(data)}")
        return None
    values = {}
    for key, value in data.items():
        if refusal := refused(key, key_form):
            report.refuse(place, f"a key {refusal}", key)
        if key == "":
            report.warn(place, "has an empty key: nothing can ask for it")
        # a name with nothing under it is still there
        values[key] = decoded({} if value is None else value, form, inside(place, str(key)), report)
    return values


def a_list(data: object, form: Form, place: str, report: Report) -> tuple[Any, ...] | None:
    if not isinstance(data, list):
        report.refuse(place, f"must be a list, not {shown(data)}")
        return None
    return tuple(decoded(value, form, inside(place, index), report) for index, value in enumerate(data))


# --- single values


def a_value(data: object, form: Form, place: str, report: Report) -> Any:
    if isinstance(data, FromEnvironment):
        data = adapted(str(data), form)
    if isinstance(data, dict) and (missing := next(_unset_in(data), None)):
        report.refuse(place, missing)
        return None
    refusal = refused(data, form)
    if refusal and isinstance(data, float) and data.is_integer() and not refused(int(data), form):
        return msgspec.convert(int(data), form)  # JSON knows one kind of number: 10.0 is whole
    if refusal:
        report.refuse(place, refusal)
        return None
    if isinstance(data, dict):
        return msgspec.json.decode(msgspec.json.encode(data, enc_hook=str))  # as JSON has it: dates become texts
    return msgspec.convert(data, form)


def _unset_in(data: object) -> Iterator[Unset]:
    """Texts of an object that the environment had nothing for."""
    if isinstance(data, Unset):
        yield data
    elif isinstance(data, dict | list):
        for each in data.values() if isinstance(data, dict) else data:
            yield from _unset_in(each)


def adapted(text: str, form: Form) -> object:
    """The environment's text as the type that its place asks for."""
    if not refused(text, form):
        return text
    try:
        return msgspec.convert(text, form, strict=False)
    except msgspec.ValidationError:
        return text


def refused(data: object, form: Form) -> str:
    """The reason why this place cannot have the value, with what to write instead; "" if it can."""
    try:
        msgspec.convert(data, form)
    except msgspec.ValidationError:
        return reason(data, form)
    return ""


def reason(data: object, form: Form) -> str:
    bare = bared(form)
    if get_origin(bare) is Literal:
        return f"cannot be {shown(data)}; {choices(data, map(str, get_args(bare)))}"
    if is_secret(form):
        return f"{described(form)}, in quotes"
    kinds = get_args(bare) or (bare,)
    wanted = described(form) or "must be " + " or ".join(KINDS[kind] for kind in kinds)
    return f"{wanted}, not {shown(data)}{hint(data, kinds)}"


def described(form: Form) -> str:
    metas = (meta for each in (form, *get_args(form)) for meta in getattr(each, "__metadata__", ()))
    description = next((meta.description for meta in metas if meta.description), "")
    return f"must be {description[:1].lower()}{description[1:].rstrip('.')}" if description else ""


def hint(data: object, kinds: tuple[type, ...]) -> str:
    if isinstance(data, bool) and str in kinds:
        return " (YAML reads yes, no, on and off as true and false: write it in quotes)"
    if isinstance(data, int | float) and str in kinds:
        return f' (write it in quotes: "{data}")'
    if isinstance(data, str) and str not in kinds and any(fits(data, kind) for kind in kinds):
        return f" (write it without quotes: {data})"
    return ""


def fits(text: str, kind: Callable[[str], object]) -> bool:
    if kind is bool:
        return text in ("true", "false")
    try:
        kind(text)
    except ValueError:
        return False
    return True


def shown(data: object) -> str:
    named = {dict: "a map", list: "a list", type(None): "nothing", bool: str(data).lower()}
    return named.get(type(data)) or (repr(data) if len(repr(data)) <= 80 else repr(data)[:77] + "…")
