"""The plan: what has to be made, changed and deleted so that there is what a file declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.document.report import ConfigError, Fault, choices
from gateway.manifest.declared import Declared, Key, ResourceFile, label_of
from gateway.manifest.inventory import Existing, Inventory, numbered, schema_in
from gateway.manifest.kinds import DELETABLE, KINDS, VERSION, ResourceKind

Action = Literal["create", "change", "replace", "delete"]
AGAIN = {
    "import": ("datasetImportJob",),
    "training": ("solutionVersion",),
    "batch": ("batchInferenceJob", "batchSegmentJob"),
}
SIGNS = {"create": "+", "change": "~", "replace": "±", "delete": "-"}
DELETION = (*DELETABLE, "datasetGroup", "schema")
UNIQUE = ("filter", "solution", "campaign", "recommender")  # kinds whose names are unique in an account
EMPTY: tuple[Any, ...] = (None, False, "", {}, [])
RENAME = "give it another name, and --prune deletes this one"


@dataclass(frozen=True)
class ApplyOptions:
    prune: bool = False
    prune_groups: bool = False
    replace: bool = False
    again: frozenset[str] = frozenset()  # of AGAIN


@dataclass(frozen=True)
class Difference:
    member: str  # with dots where it is a member's
    before: Any
    after: Any


@dataclass(frozen=True)
class PlanStep:
    action: Action
    kind: ResourceKind
    key: Key
    declared: Declared | None = None
    existing: Existing | None = None
    differences: tuple[Difference, ...] = ()
    name: str = ""  # of a job that is done again
    reason: str = ""

    @property
    def label(self) -> str:
        label = label_of(self.kind, self.key)
        return f"{label} as {self.name}" if self.name and self.name != self.key[-1] else label


@dataclass(frozen=True)
class ApplyPlan:
    manifest: ResourceFile
    steps: tuple[PlanStep, ...]
    existing: Mapping[Key, Existing] = field(default_factory=dict)  # those declared that are there

    @property
    def deletes(self) -> bool:
        return any(step.action in ("delete", "replace") for step in self.steps)


def plan(manifest: ResourceFile, inventory: Inventory, options: ApplyOptions) -> ApplyPlan:
    """Raises `ConfigError` with all that can't be reached from what there is, each with its place in the file."""
    planning = _Planning(manifest, inventory, options)
    steps = [step for declared in manifest.resources for step in planning.steps_for(declared)]
    steps += planning.deletions(steps)
    if planning.faults:
        raise ConfigError(manifest.name, tuple(sorted(planning.faults, key=lambda fault: fault.line)))
    return ApplyPlan(manifest, tuple(steps), planning.existing)


class _Planning:
    def __init__(self, manifest: ResourceFile, inventory: Inventory, options: ApplyOptions) -> None:
        self._manifest, self._inventory, self._options = manifest, inventory, options
        self._declared = {each.key: each for each in manifest.resources}
        self._again = {noun for each in options.again for noun in AGAIN[each]}
        self._trained: set[Key] = set()  # versions that will be new
        self.existing: dict[Key, Existing] = {}
        self.faults: list[Fault] = []

    def steps_for(self, declared: Declared) -> Iterator[PlanStep]:
        self._check_references(declared)
        existing = self._inventory.find(declared)
        if declared.kind.is_job:
            yield from self._job_steps(declared, existing)
        elif existing is None or existing.is_leaving:
            self._refuse_taken(declared, existing)
            yield PlanStep("create", declared.kind, declared.key, declared, existing)
        elif existing.has_failed:
            reason = f"is {existing.status}: {existing.members.get('failureReason', 'no reason is known')}"
            yield PlanStep("replace", declared.kind, declared.key, declared, existing, reason=reason)
        else:
            self.existing[declared.key] = existing
            yield from self._change_steps(declared, existing)

    def _refuse_taken(self, declared: Declared, existing: Existing | None) -> None:
        if existing is not None or declared.kind.noun not in UNIQUE:
            return
        holder = self._inventory.holder_of(declared.kind, declared.name)
        if holder is not None:
            words = f"the name is taken by {holder}, which is in another dataset group"
            self.faults.append(declared.fault(f"{declared.label}: {words}", declared.kind.named_by))

    # ---- jobs

    def _job_steps(self, declared: Declared, existing: Existing | None) -> Iterator[PlanStep]:
        kind = declared.kind
        if existing is None:
            self._trained.add(declared.key)
            yield PlanStep("create", kind, declared.key, declared, name=declared.name)
            return
        self.existing[declared.key] = existing
        differences = list(self._differences(declared, existing))
        if differences and not declared.is_name_derived and kind.noun != "solutionVersion":
            self._refuse_changes(declared, differences, "a job is done once: give it another jobName to do it again")
        if existing.is_busy:
            return
        reason = ""
        if existing.has_failed:
            reason = f"the one before is {existing.status}: {existing.members.get('failureReason', '')}"
        elif kind.noun in self._again:
            reason = "again"
        elif differences and declared.is_name_derived:
            reason = f"{differences[0].member} was {differences[0].before}"
        if reason:
            self._trained.add(declared.key)
            yield PlanStep("create", kind, declared.key, declared, name=self._next_name(declared), reason=reason)

    def _next_name(self, declared: Declared) -> str:
        if not declared.name:  # versions need none
            return ""
        if declared.kind.noun == "solutionVersion":
            versions = self._inventory.jobs(declared.kind.noun, declared.parent or ())
            taken = {str(each.members.get("name")) for each in versions}
        else:
            taken = self._inventory.job_names(declared.kind)
        taken |= {each.name for each in self._declared.values() if each.kind is declared.kind}
        number = max(_number(name, declared.name) for name in taken) + 1
        return f"{declared.name}-{number}"

    # ---- changes in place

    def _change_steps(self, declared: Declared, existing: Existing) -> Iterator[PlanStep]:
        kind = declared.kind
        differences = [*self._differences(declared, existing), *self._version_change(declared, existing)]
        fixed = [each for each in differences if not _may_change(kind, each.member, existing)]
        if fixed and kind.is_leaf and self._options.replace:
            yield PlanStep("replace", kind, declared.key, declared, existing, tuple(differences))
            return
        if fixed:
            self._refuse_changes(declared, fixed, _fix(kind))
        differences += self._tag_change(declared, existing)
        if differences:
            yield PlanStep("change", kind, declared.key, declared, existing, tuple(differences))

    def _refuse_changes(self, declared: Declared, differences: list[Difference], fix: str) -> None:
        for each in differences:
            words = f"{each.member} can't be changed: it is {each.before!r}, not {each.after!r}. {fix}"
            self.faults.append(declared.fault(f"{declared.label}: {words}", each.member))

    def _differences(self, declared: Declared, existing: Existing) -> Iterator[Difference]:
        """The members that are declared and not as they are; what is not declared stays as it is."""
        for member, after in declared.members.items():
            before = existing.members.get(member)
            if member == "tags" or (declared.kind.noun == "solutionVersion"):
                continue
            if member == declared.kind.named_by and declared.kind.is_job:
                continue  # it may have a number
            if member == "schema" and schema_in(str(before)) == schema_in(after):
                continue
            if member == "datasetType":
                before, after = str(before).upper(), after.upper()
            if member == "metrics":
                before, after = _by_name(before), _by_name(after)
                gone = before.keys() - after.keys()
                yield from (Difference(f"metrics.{name}", before[name], None) for name in sorted(gone))
            yield from differences_between(member, before, after)

    def _version_change(self, declared: Declared, existing: Existing) -> Iterator[Difference]:
        """A campaign's solution, and its version where the file names it."""
        if declared.kind.noun != "campaign" or declared.parent is None:
            return
        before, solution = existing.members["solution"], declared.parent[-1]
        if before != solution:
            yield Difference(VERSION, before, solution)
            return
        version = self._declared.get(("solutionVersion", *declared.parent[1:]))
        arn = existing.members[VERSION]
        if version is None or syncs(declared.members, existing.members):
            return
        current = "$LATEST" if arn.endswith("$LATEST") else self._inventory.version_of(arn)
        if version.key in self._trained:
            yield Difference(VERSION, current, version.name or "the new one")
        elif version.name and numbered(version.name).fullmatch(current) is None:
            yield Difference(VERSION, current, version.name)

    def _tag_change(self, declared: Declared, existing: Existing) -> list[Difference]:
        if "tags" not in declared.members or not declared.kind.has_tags:
            return []
        before, after = self._inventory.tags_of(existing.arn), tag_map(declared.members["tags"])
        return [] if before == after else [Difference("tags", before, after)]

    # ---- references

    def _check_references(self, declared: Declared) -> None:
        for member, noun in declared.kind.references.items():
            name = declared.members.get(member)
            if not isinstance(name, str):
                continue
            there = self._names(noun, declared.group)
            if name not in there:
                kind = KINDS[noun].words if noun in KINDS else noun
                self.faults.append(declared.fault(f"there is no {kind} {name!r}; {choices(name, set(there))}", member))

    def _names(self, noun: str, group: str) -> list[str]:
        """The names of a kind that the file declares or that are there."""
        if noun == "recipe":
            return self._inventory.recipes
        declared = [
            each.name for each in self._declared.values() if each.kind.noun == noun and each.group in ("", group)
        ]
        if noun == "schema":
            return [*declared, *self._inventory.schemas]
        return [*declared, *(str(each.members["name"]) for each in self._inventory.every(noun, group))]

    # ---- deletions

    def deletions(self, steps: list[PlanStep]) -> list[PlanStep]:
        """Deletes in the order in which none is refused; schemas go with the last dataset that has them."""
        if not (self._options.prune or self._options.prune_groups):
            return []
        doomed: list[Existing] = []
        for group in self._manifest.groups:
            doomed += (each for each in self._inventory.every_deletable(group) if each.key not in self._declared)
        if self._options.prune_groups:
            for group in sorted(set(self._inventory.groups) - set(self._manifest.groups)):
                doomed += self._inventory.every_deletable(group)
                arn = self._inventory.group_arn(group)
                doomed += [self._inventory.existing("datasetGroup", arn, None)] if arn else []
        doomed = [each for each in doomed if not each.is_leaving]
        ordered = sorted(doomed, key=lambda each: DELETION.index(each.kind.noun))
        orphans = self._orphans(ordered, steps)
        return [PlanStep("delete", each.kind, each.key, existing=each) for each in (*ordered, *orphans)]

    def _orphans(self, doomed: list[Existing], steps: list[PlanStep]) -> list[Existing]:
        """The schemas that nobody declares and that no dataset has any more."""
        gone = {each.arn for each in doomed}
        changed = {step.existing.arn for step in steps if step.kind.noun == "dataset" and step.existing}
        if self._options.prune_groups:
            names = sorted(self._inventory.schemas)
        else:
            datasets = [each for each in doomed if each.kind.noun == "dataset"]
            datasets += [step.existing for step in steps if step.kind.noun == "dataset" and step.existing]
            names = sorted({str(each.members["schemaArn"]) for each in datasets})
        orphans = []
        for name in names:
            users = [arn for arn in self._inventory.schema_users(name) if arn not in gone | changed]
            if ("schema", name) not in self._declared and not users:
                orphans.append(self._inventory.existing("schema", self._inventory.schemas[name], None))
        return orphans


def differences_between(member: str, before: Any, after: Any) -> Iterator[Difference]:
    """Differences of a value: empty is as good as missing, and of a map only the keys that are wanted count."""
    if isinstance(after, Mapping) and isinstance(before, Mapping | None):
        for key, value in after.items():
            yield from differences_between(f"{member}.{key}", (before or {}).get(key), value)
    elif before != after and not (_is_empty(before) and _is_empty(after)):
        yield Difference(member, before, after)


def _is_empty(value: Any) -> bool:
    return any(value is each or (value == each and type(value) is type(each)) for each in EMPTY)


def _may_change(kind: ResourceKind, member: str, existing: Existing) -> bool:
    if kind.noun == "dataset" and existing.key[-1] not in ("ITEMS", "USERS"):
        return False
    return any(member == each or member.startswith(f"{each}.") for each in kind.changeable)


def _fix(kind: ResourceKind) -> str:
    if kind.is_leaf:
        return "--replace deletes it and makes it anew"
    if kind.noun == "schema":
        return "Give the schema another name: a dataset of items or users takes it"
    if kind.noun == "dataset":
        return "Declare another dataset group for it"
    return f"{RENAME[0].upper()}{RENAME[1:]}"


def _by_name(metrics: Any) -> dict[str, Any]:
    return {each["metricName"]: {key: each[key] for key in sorted(each)} for each in metrics or ()}


def _number(name: str, base: str) -> int:
    match = numbered(base).fullmatch(name)
    return int(match[2] or 1) if match else 0


def syncs(declared: Mapping[str, Any], existing: Mapping[str, Any]) -> bool:
    """True if a campaign is to follow its solution's latest version."""
    member = "syncWithLatestSolutionVersion"
    before: dict[str, Any] = existing.get("campaignConfig") or {}
    return bool({**before, **declared.get("campaignConfig", {})}.get(member))


def tag_map(tags: list[dict[str, str]]) -> dict[str, str]:
    return {each["tagKey"]: each["tagValue"] for each in tags}
