"""Guesses of schemas from a file's header and a sample of its rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.data.formats import header_hint
from engine.data.readers import RowForm, header_of, reader_of
from engine.data.report import FlawLedger
from engine.data.reserved import DATASET_TYPES, KEYS, ReservedField, rules_for
from engine.data.schema import dataset_type_of, parse_schema, plain
from engine.data.source import ImportSource
from engine.errors import InvalidInput

PLAIN = RowForm()
SAMPLE_ROWS = 2000  # of a source's first file

_INT = re.compile(r"-?(0|[1-9]\d{0,17})", re.ASCII)
_FLOAT = re.compile(r"-?\d*\.?\d+([eE][-+]?\d+)?", re.ASCII)
_FEW = 1000  # distinct values that a categorical column should not exceed (specification §2.3)


def guess_schema(source: ImportSource, dataset_type: str, form: RowForm = PLAIN) -> str:
    """A schema as JSON text that fits the first file of a source. Raises `InvalidInput` where none can."""
    header, rows = _sample(source, form)
    wanted = [rule.name for rule in rules_for(dataset_type_of(dataset_type), None).values() if rule.required]
    names = set(map(plain, header))
    if missing := [name for name in wanted if plain(name) not in names]:
        hint = header_hint(header, source.files[0].name, wanted)
        raise InvalidInput(f"Input CSV is missing the following columns:[{', '.join(missing)}]. {hint}")
    try:
        return infer_schema(dataset_type, header, rows)
    except InvalidInput as error:
        raise InvalidInput(f"No schema fits {source.files[0].name}: {error.message}") from error


def grown_schema(schema: str, source: ImportSource, form: RowForm = PLAIN) -> str:
    """The schema with the columns of a source that it lacks, all of which may be null.

    Raises `InvalidInput` where the columns can't be in it.
    """
    record = json.loads(schema)
    header, rows = _sample(source, form)
    present = {plain(field["name"]) for field in record["fields"]}
    type_ = dataset_type_of(record["name"])
    guessed = json.loads(infer_schema(type_, header, rows))["fields"]
    new = [
        {**field, "type": _union(field["type"], isinstance(field["type"], str))}
        for field in guessed
        if plain(field["name"]) not in present
    ]
    if any(field.get("textual") for field in record["fields"]):  # of which there is one at most
        new = [{name: value for name, value in field.items() if name != "textual"} for field in new]
    return json.dumps({**record, "fields": [*record["fields"], *new]})


def _sample(source: ImportSource, form: RowForm) -> tuple[list[str], list[list[str]]]:
    """The header and the first rows of the first file. Raises `InvalidInput` where it can't be read."""
    with source.open(source.files[0]) as stream:
        reader = reader_of(stream, source.files[0].name, FlawLedger(), form)
        header = header_of(reader, source.files[0].name, form)
        rows: list[list[str]] = []
        for block in reader.blocks(len(header)):
            rows += block.rows
            if len(rows) >= SAMPLE_ROWS:
                break
        return header, rows[:SAMPLE_ROWS]


def infer_schema(
    dataset_type: str, header: Sequence[str], sample_rows: Iterable[Sequence[str]], domain: str | None = None
) -> str:
    """A schema as JSON text that fits a CSV's header and sample. Raises `InvalidInput` where none can.

    Reserved names get their reserved type; columns without a name (an exported index) are left out.
    """
    type_ = dataset_type_of(dataset_type)
    rules = {plain(rule.name): rule for rule in rules_for(type_, domain).values()}
    columns = list(zip(*(row for row in sample_rows if len(row) == len(header)), strict=True)) or [()] * len(header)
    rows = [
        _reserved(rules[plain(name)], cells) if plain(name) in rules else _guess(name, cells)
        for name, cells in zip(header, columns, strict=True)
        if name
    ]
    if type_ == "ITEMS":
        _mark_textual(rows, dict(zip(header, columns, strict=True)))
    _mark_metadata(rows, KEYS.get(type_))
    record = {
        "type": "record",
        "name": DATASET_TYPES[type_],
        "namespace": "com.amazonaws.personalize.schema",
        "fields": rows,
        "version": "1.0",
    }
    text = json.dumps(record)
    parse_schema(text, domain)
    return text


def _reserved(rule: ReservedField, cells: Sequence[str]) -> dict[str, Any]:
    row = {"name": rule.name, "type": _union(rule.type, rule.nullable and "" in cells)}
    return {**row, rule.flag: True} if rule.flag else row


def _union(type_: str, nullable: bool) -> str | list[str]:
    return ["null", type_] if nullable else type_


def _guess(name: str, cells: Sequence[str]) -> dict[str, Any]:
    filled = [cell for cell in cells if cell]
    row: dict[str, Any] = {"name": name, "type": "string"}
    if not filled:
        return {"name": name, "type": ["null", "string"]}
    if all(map(_INT.fullmatch, filled)):
        row["type"] = "long"
    elif all(map(_FLOAT.fullmatch, filled)) and not any(_padded(cell) for cell in filled):
        row["type"] = "double"
    elif {cell.lower() for cell in filled} <= {"true", "false"}:
        row["type"] = "boolean"
    elif _is_categorical(filled):
        row["categorical"] = True
    return {**row, "type": _union(row["type"], len(filled) < len(cells))}


def _padded(cell: str) -> bool:
    """The cell is a code such as 00123 rather than a number."""
    return len(cell) > 1 and cell[0] == "0" and cell[1].isdigit()


def _is_categorical(filled: Sequence[str]) -> bool:
    if max(map(len, filled)) > _FEW:
        return False
    distinct = len(set(filled))
    return any("|" in cell for cell in filled) or (
        distinct <= _FEW and distinct <= max(20, len(filled) // 2) and _mean_length(filled) < 60
    )


def _mean_length(cells: Sequence[str]) -> float:
    return sum(map(len, cells)) / max(1, len(cells))


def _plain_strings(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if "string" in row["type"] and not row.get("categorical") and not row.get("textual"):
            yield row


def _mark_textual(rows: Sequence[dict[str, Any]], columns: Mapping[str, Sequence[str]]) -> None:
    """The longest free text, if any is long, becomes the one textual field."""
    if any(row.get("textual") for row in rows):
        return
    lengths = {row["name"]: _mean_length(columns.get(row["name"], ())) for row in _plain_strings(rows)}
    for row in rows:
        if lengths.get(row["name"], 0) >= 60 and lengths[row["name"]] == max(lengths.values()):
            row["textual"] = True
            return


def _mark_metadata(rows: Sequence[dict[str, Any]], key: str | None) -> None:
    """Make the first string categorical where Items or Users have nothing else to learn from."""
    strings = [row for row in _plain_strings(rows) if row["name"] != key]
    if key is not None and len(strings) == len(rows) - 1 and strings:
        strings[0]["categorical"] = True
