"""A file that declares resources, read: our own format, or that of AWS's retired solution (`parameter_file`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gateway.config.source import parsed
from gateway.document.report import ConfigError, Report, choices, counted, inside
from gateway.manifest.builder import DeclarationBuilder
from gateway.manifest.declared import Key, ResourceFile
from gateway.manifest.kinds import ResourceKind, parts_of
from gateway.manifest.parameter_file import ParameterFile
from gateway.manifest.places import DataPlaces

ROLE = "arn:aws:iam::000000000000:role/recgate"  # for an engine that asks for one, and lets nobody in by it
LOCATIONS = (  # members that say where files are
    ("dataSource", "dataLocation"),
    ("jobInput", "s3DataSource", "path"),
    ("jobOutput", "s3DataDestination", "path"),
    ("metricsOutputConfig", "s3DataDestination", "path"),
)


@dataclass(frozen=True)
class ReadingOptions:
    """Things that a file leaves to its caller: where data lies, and the role that reads it."""

    files: str | None = None  # of a parameter file; None: where it lies
    role_arn: str | None = None


def read_manifest(text: str, path: Path, options: ReadingOptions | None = None) -> ResourceFile:
    """Raises `ConfigError` with all faults, each with its line and place."""
    options = options or ReadingOptions()
    document = parsed(text, path.name)
    report = Report(document.lines)
    data = document.data
    if not isinstance(data, Mapping) or not data:
        report.refuse("", "must be a map with `datasetGroups`, or a parameter file with `datasetGroup`")
        data = {}
    builder = DeclarationBuilder(report, options.role_arn or _role_in(data, report))
    if "datasetGroup" in data:
        ParameterFile(builder, DataPlaces.of(options.files, path)).read(data)
    elif not report.faults:
        _OwnFormat(builder, path.parent).read(data)
    if report.faults:
        raise ConfigError(path.name, tuple(sorted(report.faults, key=lambda fault: fault.line)))
    return ResourceFile(path.name, builder.ordered(), tuple(report.warnings))


def _role_in(data: Mapping[str, Any], report: Report) -> str:
    role = data.get("roleArn")
    if role is not None and not isinstance(role, str):
        report.refuse("roleArn", "must be the ARN of a role")
    return role if isinstance(role, str) else ROLE


class _OwnFormat:
    def __init__(self, builder: DeclarationBuilder, folder: Path) -> None:
        self._builder, self._report, self._folder = builder, builder.report, folder

    def read(self, data: Mapping[str, Any]) -> None:
        parts = parts_of("")
        for key in data:
            if key not in parts and key != "roleArn":
                self._report.refuse("", f"there is no {key!r} here; {choices(key, [*parts, 'roleArn'])}", key)
        self._read_parts("", data, "", None)

    def _read_parts(self, noun: str, data: Mapping[str, Any], place: str, parent: Key | None) -> None:
        for key, kind in parts_of(noun).items():
            part = data.get(key)
            if part is None and (key not in data or not kind.is_single):
                continue
            if kind.is_single:
                self._read_one(kind, part or {}, inside(place, key), parent)
            elif isinstance(part, list):
                for at, each in enumerate(part):
                    self._read_one(kind, each, inside(place, key, at), parent)
            else:
                self._report.refuse(
                    inside(place, key), f"must be a list: {counted(2, kind.words)} or more may be in it"
                )

    def _read_one(self, kind: ResourceKind, data: Any, place: str, parent: Key | None) -> None:
        members = self._builder.members(kind.noun, data, place)
        for path in LOCATIONS:
            self._locate(members, *path)
        key = self._builder.add(kind.noun, members, place, parent)
        if not isinstance(data, Mapping):
            return
        self._read_parts(kind.noun, data, place, key)
        if kind.noun == "solution" and (needy := _needy(data)):
            self._builder.let_train(key, inside(place, needy))

    def _locate(self, members: dict[str, Any], first: str, *others: str) -> None:
        """Put the URL of a file in place of a path, which is as seen from the declaring file."""
        value = members.get(first)
        if others and isinstance(value, dict):
            self._locate(value, *others)
        elif isinstance(value, str) and "://" not in value:
            path = (self._folder / value).resolve()
            slash = "/" if value.endswith("/") or path.is_dir() else ""
            members[first] = f"file://{quote(str(path))}{slash}"


def _needy(solution: Mapping[str, Any]) -> str:
    """The key of a solution's part that needs a trained version; "" if none does."""
    keys = ("campaigns", "batchInferenceJobs", "batchSegmentJobs")
    return next((key for key in keys if solution.get(key)), "")
