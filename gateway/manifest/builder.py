"""Resources gathered from a file, whatever its format: checked, told apart, put into order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.document.report import Report, choices, inside
from gateway.manifest.declared import Declared, Key, key_of
from gateway.manifest.kinds import DATASET_TYPES, KINDS, ORDER, ResourceKind, parts_of
from gateway.manifest.shapes import checked_members, members_of, refuse_missing


class DeclarationBuilder:
    def __init__(self, report: Report, role_arn: str) -> None:
        self.report, self.role_arn = report, role_arn
        self._resources: dict[Key, Declared] = {}

    def ordered(self) -> tuple[Declared, ...]:
        return tuple(sorted(self._resources.values(), key=lambda each: ORDER[each.kind.noun]))

    def members(self, noun: str, data: object, place: str) -> dict[str, Any]:
        """The checked members of a resource's part of the file."""
        kind = KINDS[noun]
        if not isinstance(data, Mapping):
            self.report.refuse(place, f"must be a map of keys: a {kind.words}")
            return {}
        if noun == "schema" and isinstance(data.get("schema"), dict):
            data = {**data, "schema": json.dumps(data["schema"])}
        members = checked_members(kind, data, place, self.report, frozenset(parts_of(noun)))
        for member in kind.references:
            if isinstance(members.get(member), str):
                members[member] = members[member].rpartition("/")[2]  # a name is as good as an ARN
        if isinstance(members.get("filterExpression"), str):
            members["filterExpression"] = members["filterExpression"].strip()
        return members

    def add(
        self, noun: str, members: Mapping[str, Any], place: str, parent: Key | None = None, *, derived: bool = False
    ) -> Key:
        """Declare a resource. Reports what it lacks, and a second one of its name."""
        kind = KINDS[noun]
        refuse_missing(kind, members, place, self.report)
        self._check_dataset_type(noun, members, place)
        key = key_of(kind, parent, members)
        line = self.report.line(place)
        resource = Declared(kind, key, parent, members, place, line, self._initial(kind, members), derived)
        if key in self._resources:
            first = self._resources[key]
            where = f"line {first.line}" if first.line else first.place
            self.report.refuse(place, f"the {resource.label} is declared before, at {where}")
        else:
            self._resources[key] = resource
        return key

    def let_train(self, solution: Key, place: str) -> None:
        """Declare that the solution has a version, for what needs one."""
        key = ("solutionVersion", *solution[1:])
        if key not in self._resources:
            kind = KINDS["solutionVersion"]
            members = {"trainingMode": "FULL"}
            self._resources[key] = Declared(kind, key, solution, members, place, self.report.line(place))

    def change(self, key: Key, **members: Any) -> None:
        if key in self._resources:
            resource = self._resources[key]
            self._resources[key] = replace(resource, members={**resource.members, **members})

    def _initial(self, kind: ResourceKind, members: Mapping[str, Any]) -> dict[str, Any]:
        if kind.noun == "metricAttribution":
            output = members.get("metricsOutputConfig")
            if isinstance(output, dict) and "roleArn" not in output:
                return {"metricsOutputConfig": {**output, "roleArn": self.role_arn}}
        if kind.is_job and "roleArn" in members_of(kind) and "roleArn" not in members:
            return {"roleArn": self.role_arn}
        return {}

    def _check_dataset_type(self, noun: str, members: Mapping[str, Any], place: str) -> None:
        named = members.get("datasetType")
        if noun == "dataset" and isinstance(named, str) and named.upper() not in DATASET_TYPES:
            self.report.refuse(
                inside(place, "datasetType"), f"{named!r} is not {choices(named.upper(), DATASET_TYPES)}"
            )
