"""An inventory of what there is, read as it is asked for: each list and each resource once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gateway.manifest.client import Call, is_busy, is_leaving, pages
from gateway.manifest.declared import Declared, Key, key_of, label_of
from gateway.manifest.kinds import DELETABLE, KINDS, ResourceKind
from gateway.manifest.shapes import listed_key

FAILED = ("CREATE FAILED", "CREATE STOPPED")


@dataclass(frozen=True)
class Existing:
    """A resource that is there, with its members as Describe shows them, names in place of ARNs."""

    kind: ResourceKind
    key: Key
    arn: str
    members: Mapping[str, Any]

    @property
    def label(self) -> str:
        return label_of(self.kind, self.key)

    @property
    def status(self) -> str:
        return str(self.members.get("status", "ACTIVE"))

    @property
    def has_failed(self) -> bool:
        return self.status in FAILED

    @property
    def is_busy(self) -> bool:
        update: dict[str, Any] = self.members.get(f"latest{self.kind.title}Update") or {}
        return is_busy(self.status) or is_busy(str(update.get("status", "")))

    @property
    def is_leaving(self) -> bool:
        return is_leaving(self.status)


class Inventory:
    def __init__(self, call: Call) -> None:
        self._call = call
        self._lists: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._described: dict[str, dict[str, Any]] = {}

    # ---- what is asked for

    def find(self, declared: Declared) -> Existing | None:
        """The resource that a declared one would be; of a job the newest of its name that is not failed, or else the
        newest."""
        kind = declared.kind
        if kind.noun == "solutionVersion":
            return self._version(declared)
        if kind.is_job:
            return self._job(declared)
        listed = self._listed_for(kind, declared.group)
        candidates = map(self._existing_of(kind, declared.group), listed)
        return next((each for each in candidates if each.key == declared.key), None)

    def every(self, noun: str, group: str) -> Iterator[Existing]:
        """All of a kind in a dataset group."""
        kind = KINDS[noun]
        yield from map(self._existing_of(kind, group), self._listed_for(kind, group))

    def every_deletable(self, group: str) -> Iterator[Existing]:
        for noun in DELETABLE:
            yield from self.every(noun, group)

    def jobs(self, noun: str, parent: Key) -> list[Existing]:
        """The jobs of a dataset, or the batch jobs and versions of a solution, oldest first."""
        kind, arn = KINDS[noun], self._parent_arn(parent)
        if arn is None:
            return []
        if noun.startswith("batch"):
            versions = [each["solutionVersionArn"] for each in self._listed("solutionVersion", "solutionArn", arn)]
            listed = [each for version in versions for each in self._listed(noun, "solutionVersionArn", version)]
        else:
            listed = self._listed(noun, "datasetArn" if noun == "datasetImportJob" else "solutionArn", arn)
        entries = sorted(listed, key=lambda each: each["creationDateTime"])
        return [self._existing(kind, each[kind.arn_member], parent) for each in entries]

    def holder_of(self, kind: ResourceKind, name: str) -> str | None:
        """The ARN of the resource that has this name, in whichever dataset group."""
        listed = self._listed(kind.noun, "", "")
        return next((each[kind.arn_member] for each in listed if each.get(kind.named_by) == name), None)

    def job_names(self, kind: ResourceKind) -> set[str]:
        """The names of all jobs of a kind: none can be used twice in an account."""
        return {str(each.get(kind.named_by, "")) for each in self._listed(kind.noun, "", "")}

    def schema_users(self, schema: str) -> list[str]:
        """The ARNs of all datasets that have a schema."""
        datasets = self._listed("dataset", "", "")
        described = (self._describe("dataset", each["datasetArn"]) for each in datasets)
        return [each["datasetArn"] for each in described if last(each["schemaArn"]) == schema]

    @cached_property
    def groups(self) -> list[str]:
        return [each["name"] for each in self._listed("datasetGroup", "", "")]

    @cached_property
    def schemas(self) -> dict[str, str]:
        return {each["name"]: each["schemaArn"] for each in self._listed("schema", "", "")}

    @cached_property
    def recipes(self) -> list[str]:
        return [each["name"] for each in pages(self._call, "ListRecipes", "recipes")]

    def group_arn(self, group: str) -> str | None:
        listed = self._listed("datasetGroup", "", "")
        return next((each["datasetGroupArn"] for each in listed if each["name"] == group), None)

    def version_of(self, arn: str) -> str:
        """The name of a solution version."""
        return str(self._describe("solutionVersion", arn).get("name", ""))

    def tags_of(self, arn: str) -> dict[str, str]:
        tags = self._call("ListTagsForResource", resourceArn=arn)["tags"]
        return {each["tagKey"]: each["tagValue"] for each in tags if not each["tagKey"].startswith("aws:")}

    def existing(self, noun: str, arn: str, parent: Key | None) -> Existing:
        return self._existing(KINDS[noun], arn, parent)

    # ---- how it is read

    def _listed_for(self, kind: ResourceKind, group: str) -> list[dict[str, Any]]:
        """The list of a kind, of a dataset group where it is in one."""
        if not kind.parent:
            return self._listed(kind.noun, "", "")
        arn = self.group_arn(group)
        if arn is None:
            return []
        if kind.noun != "campaign":
            return self._listed(kind.noun, "datasetGroupArn", arn)
        solutions = [each["solutionArn"] for each in self._listed("solution", "datasetGroupArn", arn)]
        return [each for solution in solutions for each in self._listed("campaign", "solutionArn", solution)]

    def _listed(self, noun: str, member: str, arn: str) -> list[dict[str, Any]]:
        operation = f"List{KINDS[noun].title}s"
        if (operation, arn) not in self._lists:
            members = {member: arn} if member else {}
            self._lists[operation, arn] = list(pages(self._call, operation, listed_key(operation), **members))
        return self._lists[operation, arn]

    def _describe(self, noun: str, arn: str) -> dict[str, Any]:
        if arn not in self._described:
            kind = KINDS[noun]
            described = self._call(f"Describe{kind.title}", **{kind.arn_member: arn})[noun]
            if noun == "metricAttribution":
                metrics = pages(self._call, "ListMetricAttributionMetrics", "metrics", metricAttributionArn=arn)
                described = {**described, "metrics": list(metrics)}
            self._described[arn] = described
        return self._described[arn]

    def _existing_of(self, kind: ResourceKind, group: str) -> Any:
        parent = ("datasetGroup", group) if kind.parent else None
        return lambda listed: self._existing(kind, listed[kind.arn_member], parent)

    def _existing(self, kind: ResourceKind, arn: str, parent: Key | None) -> Existing:
        members = dict(self._describe(kind.noun, arn))
        for member in kind.references:
            if members.get(member):
                members[member] = last(members[member])
        if kind.noun == "campaign":
            members["solution"] = last(members["solutionVersionArn"].rpartition("/")[0])
        key = key_of(kind, parent, members)
        return Existing(kind, key, arn, members)

    def _parent_arn(self, parent: Key) -> str | None:
        kind = KINDS[parent[0]]
        listed = map(self._existing_of(kind, parent[1]), self._listed_for(kind, parent[1]))
        return next((each.arn for each in listed if each.key == parent), None)

    def _version(self, declared: Declared) -> Existing | None:
        """The version of the declared name; else the newest one that is ACTIVE, or is being trained."""
        versions = self.jobs(declared.kind.noun, declared.parent or ())
        if declared.name:
            return next((each for each in reversed(versions) if each.members.get("name") == declared.name), None)
        usable = [each for each in versions if each.status == "ACTIVE"] or [each for each in versions if each.is_busy]
        return usable[-1] if usable else None

    def _job(self, declared: Declared) -> Existing | None:
        """The newest job of the declared name, or of that name with a number."""
        pattern = numbered(declared.name)
        jobs = self.jobs(declared.kind.noun, declared.parent or ())
        named = [each for each in jobs if pattern.fullmatch(each.members["jobName"])]
        return named[-1] if named else None


def numbered(name: str) -> re.Pattern[str]:
    """A job that is done again has a number behind its name, from 2 on."""
    return re.compile(re.escape(name) + r"(-([2-9]|[1-9]\d+))?")


def last(arn: str) -> str:
    return arn.rpartition("/")[2]


def schema_in(text: str) -> object:
    """A schema as data, so that two spellings of one are equal."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
