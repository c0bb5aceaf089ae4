"""Existing resources as a file that declares them, with names in place of ARNs; two exports of the same are alike."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

from engine import ImportOptions
from gateway.manifest.inventory import Existing, Inventory, numbered
from gateway.manifest.kinds import KINDS, ResourceKind
from gateway.manifest.reading import ROLE
from gateway.manifest.shapes import members_of

OURS = "recgate:"  # how the keys of tags begin that the engine heeds or writes
OPTIONS = ImportOptions.__struct_encode_fields__
HEAD = "# Written by recgate export-config: what `recgate apply` makes again.\n"


def exported(inventory: Inventory, groups: Sequence[str]) -> dict[str, Any]:
    """A document that declares these dataset groups with all in them, and their schemas."""
    writer = _Writer(inventory)
    parts = [writer.group(name) for name in sorted(groups)]
    schemas = [writer.schema(name) for name in sorted(writer.schemas)]
    return {**({"schemas": schemas} if schemas else {}), "datasetGroups": parts}


def as_yaml(document: dict[str, Any]) -> str:
    return HEAD + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """Writes a value again where it is used again: no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Writer:
    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self.schemas: set[str] = set()

    def group(self, name: str) -> dict[str, Any]:
        arn = self._inventory.group_arn(name)
        assert arn is not None
        part = self._members(self._inventory.existing("datasetGroup", arn, None))
        part["datasets"] = [self._dataset(each) for each in self._every("dataset", name)]
        for noun in ("eventTracker", "metricAttribution"):
            for each in self._every(noun, name):
                part[noun] = self._members(each)
        part["filters"] = [self._members(each) for each in self._every("filter", name)]
        part["solutions"] = [self._solution(each, name) for each in self._every("solution", name)]
        part["recommenders"] = [self._members(each) for each in self._every("recommender", name)]
        return {key: value for key, value in part.items() if value}

    def schema(self, name: str) -> dict[str, Any]:
        part = self._members(self._inventory.existing("schema", self._inventory.schemas[name], None))
        try:
            part["schema"] = json.loads(part["schema"])
        except json.JSONDecodeError:
            return part
        return part

    def _dataset(self, dataset: Existing) -> dict[str, Any]:
        part = self._members(dataset)
        self.schemas.add(part["schemaArn"])
        jobs = [each for each in self._inventory.jobs("datasetImportJob", dataset.key) if each.status == "ACTIVE"]
        whole = [at for at, each in enumerate(jobs) if each.members.get("importMode", "FULL") == "FULL"]
        current = [self._members(each) for each in jobs[whole[-1] if whole else 0 :]]
        return {**part, **_filled("datasetImportJobs", [each for each in _newest(current) if _is_there(each)])}

    def _solution(self, solution: Existing, group: str) -> dict[str, Any]:
        part = self._members(solution)
        versions = self._inventory.jobs("solutionVersion", solution.key)
        if any(each.status == "ACTIVE" for each in versions):
            part["solutionVersion"] = {"trainingMode": "FULL"}
        campaigns = [each for each in self._every("campaign", group) if each.members["solution"] == solution.key[-1]]
        part |= _filled("campaigns", [self._members(each) for each in campaigns])
        for noun in ("batchInferenceJob", "batchSegmentJob"):
            jobs = [each for each in self._inventory.jobs(noun, solution.key) if each.status == "ACTIVE"]
            newest = _newest([self._members(each) for each in jobs])
            part |= _filled(KINDS[noun].key, sorted(newest, key=lambda each: str(each["jobName"])))
        return part

    def _every(self, noun: str, group: str) -> Iterator[Existing]:
        existing = [each for each in self._inventory.every(noun, group) if not (each.is_leaving or each.has_failed)]
        yield from sorted(existing, key=lambda each: each.key)

    def _members(self, existing: Existing) -> dict[str, Any]:
        """The members that Create takes, without those that say nothing."""
        kind = existing.kind
        members = {name: existing.members.get(name) for name in members_of(kind) if name != "tags"}
        part = {
            name: value for name, value in members.items() if value not in (None, "", {}, []) and value is not False
        }
        if existing.members.get("performAutoTraining") is False:
            part["performAutoTraining"] = False
        if "metricsOutputConfig" in part:
            part["metricsOutputConfig"] = _without_role(part["metricsOutputConfig"])
        part = _without_role(part)
        if kind.has_tags and (tags := _declarable(kind, self._inventory.tags_of(existing.arn))):
            part["tags"] = [{"tagKey": key, "tagValue": value} for key, value in sorted(tags.items())]
        return _named_first(kind, part)


def _named_first(kind: ResourceKind, part: dict[str, Any]) -> dict[str, Any]:
    name = {kind.named_by: part[kind.named_by]} if kind.named_by in part else {}
    return {**name, **part}


def _without_role(part: dict[str, Any]) -> dict[str, Any]:
    """A part without a role that stands for none."""
    is_placeholder = str(part.get("roleArn", "")).startswith(ROLE.rpartition("/")[0])
    return {name: value for name, value in part.items() if name != "roleArn" or not is_placeholder}


def _declarable(kind: ResourceKind, tags: dict[str, str]) -> dict[str, str]:
    """The tags without those by which the engine tells how an import went."""
    if kind.noun != "datasetImportJob":
        return tags
    return {key: value for key, value in tags.items() if not key.startswith(OURS) or key.removeprefix(OURS) in OPTIONS}


def _filled(key: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: parts} if parts else {}


def _newest(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The jobs without those that were done again: the newest of each, without its number."""
    bases: dict[str, dict[str, Any]] = {}
    for job in jobs:
        name = str(job["jobName"])
        base = next((each for each in bases if numbered(each).fullmatch(name)), name)
        bases[base] = {**job, "jobName": base}
    return list(bases.values())


def _is_there(job: dict[str, Any]) -> bool:
    """False for files of this machine that are gone, such as those that came by standard input."""
    location = str(job["dataSource"].get("dataLocation", ""))
    return not location.startswith("file://") or Path(unquote(location.removeprefix("file://"))).exists()
