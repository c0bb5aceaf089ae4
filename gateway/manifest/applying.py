"""A plan's steps, done in their order. Each waits for what it needs; a failure names the place in the file.

Steps that are done stay done: after a failure the next apply goes on where this one stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.document.report import ConfigError
from gateway.manifest.client import OperationRefused, ResourceClient
from gateway.manifest.declared import Declared, Key
from gateway.manifest.inventory import Inventory
from gateway.manifest.kinds import VERSION
from gateway.manifest.planning import ApplyPlan, PlanStep, syncs

DONE = {"create": "created", "change": "changed", "replace": "replaced", "delete": "deleted"}


class Application:
    def __init__(
        self, client: ResourceClient, inventory: Inventory, plan: ApplyPlan, report: Callable[[str], None]
    ) -> None:
        """`report` takes a line a step that is done."""
        self._client, self._inventory, self._plan, self._report = client, inventory, plan, report
        self._arns = {key: each.arn for key, each in plan.existing.items()}
        self._pending = {key: each.arn for key, each in plan.existing.items() if each.is_busy}
        self._declared = {each.key: each for each in plan.manifest.resources}

    def run(self) -> None:
        """Raises `ConfigError` where a step fails; those before it are done."""
        for step in self._plan.steps:
            if step.action != "delete":
                self._do(step)
        for key in list(self._pending):
            self._wait(key)
        self._delete()

    # ---- one step

    def _do(self, step: PlanStep) -> None:
        declared = step.declared
        assert declared is not None
        for key in self._needs(declared):
            self._wait(key)
        try:
            if step.action == "replace":
                self._remove(step)
            elif step.existing is not None and step.existing.is_leaving:
                self._client.wait_gone(step.kind.noun, step.existing.arn, step.label)
            if step.action == "change":
                self._change(step, declared)
            else:
                self._create(step, declared)
        except OperationRefused as error:
            raise self._failure(declared, error) from error
        self._report(f"{DONE[step.action]}: {step.label}")

    def _create(self, step: PlanStep, declared: Declared) -> None:
        kind = declared.kind
        members = {**declared.members, **declared.initial, **self._references(declared)}
        if kind.implied:
            members[kind.implied] = self._implied(declared)
        if step.name and kind.is_job:
            members[kind.named_by] = step.name
        answer = self._client.call(f"Create{kind.title}", **members)
        self._arns[declared.key] = answer[kind.arn_member]
        if kind.noun != "schema":
            self._pending[declared.key] = answer[kind.arn_member]

    def _change(self, step: PlanStep, declared: Declared) -> None:
        assert step.existing is not None
        members = {each.member.partition(".")[0] for each in step.differences} - {"tags"}
        if members:
            update = self._update(step, declared, members)
            self._client.call(f"Update{step.kind.title}", **{step.kind.arn_member: step.existing.arn}, **update)
            self._pending[declared.key] = step.existing.arn
        for each in step.differences:
            if each.member == "tags":
                self._tag(step.existing.arn, each.before, each.after)

    def _tag(self, arn: str, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        if gone := sorted(before.keys() - after.keys()):
            self._client.call("UntagResource", resourceArn=arn, tagKeys=gone)
        new = [{"tagKey": key, "tagValue": value} for key, value in after.items() if before.get(key) != value]
        if new:
            self._client.call("TagResource", resourceArn=arn, tags=new)

    # ---- members

    def _update(self, step: PlanStep, declared: Declared, members: set[str]) -> dict[str, Any]:
        """The members of an Update operation: maps are whole in it, so what is not declared is as it was."""
        assert step.existing is not None
        before = step.existing.members
        if step.kind.noun == "metricAttribution":
            return self._metrics_update(step, declared, members)
        if step.kind.noun == "solution":
            return _solution_update(step, declared, members)
        update = {each: _merged(before.get(each), declared.members.get(each)) for each in members - {VERSION}}
        if step.kind.noun == "dataset":
            return {"schemaArn": self._references(declared)["schemaArn"]}
        if step.kind.noun == "campaign" and (VERSION in members or syncs(declared.members, before)):
            update[VERSION] = self._implied(declared)
        return update

    def _metrics_update(self, step: PlanStep, declared: Declared, members: set[str]) -> dict[str, Any]:
        assert step.existing is not None
        before = {each["metricName"]: dict(each) for each in step.existing.members.get("metrics", ())}
        after = {each["metricName"]: each for each in declared.members.get("metrics", ())}
        changed = [each for name, each in after.items() if before.get(name) != each]
        gone = [name for name in before if name not in after or before[name] != after[name]]
        update: dict[str, Any] = {}
        if "metrics" in members:
            update = {"addMetrics": changed, "removeMetrics": gone}
        if "metricsOutputConfig" in members:
            output = step.existing.members.get("metricsOutputConfig")
            update["metricsOutputConfig"] = _merged(output, declared.members["metricsOutputConfig"])
        return {key: value for key, value in update.items() if value}

    def _references(self, declared: Declared) -> dict[str, str]:
        """ARNs in place of the names of other resources."""
        references = {}
        for member, noun in declared.kind.references.items():
            if name := declared.members.get(member):
                references[member] = self._arn_of(noun, str(name), declared.group)
        return references

    def _arn_of(self, noun: str, name: str, group: str) -> str:
        if noun == "recipe":
            return f"arn:aws:personalize:::recipe/{name}"
        key = ("schema", name) if noun == "schema" else (noun, group, name)
        if key in self._arns:
            return self._arns[key]
        if noun == "schema":
            return self._inventory.schemas[name]
        return next(each.arn for each in self._inventory.every(noun, group) if each.key == key)

    def _implied(self, declared: Declared) -> str:
        """The ARN that a resource's place in the file tells."""
        assert declared.parent is not None
        if declared.kind.implied != VERSION:
            return self._arns[declared.parent]
        if declared.kind.noun == "campaign" and syncs(declared.members, self._members(declared.key)):
            return f"{self._arns[declared.parent]}/$LATEST"
        return self._arns[("solutionVersion", *declared.parent[1:])]

    def _members(self, key: Key) -> Mapping[str, Any]:
        existing = self._plan.existing.get(key)
        return {} if existing is None else existing.members

    # ---- waiting and deleting

    def _needs(self, declared: Declared) -> list[Key]:
        """Resources that must be there before: kinds of the same dataset group, and only the own solution's version."""
        return [
            each.key
            for each in self._declared.values()
            if each.kind.noun in declared.kind.after
            and each.group == declared.group
            and (each.kind.noun != "solutionVersion" or each.parent == declared.parent)
        ]

    def _wait(self, key: Key) -> None:
        arn = self._pending.pop(key, None)
        if arn is None:
            return
        declared = self._declared[key]
        try:
            self._client.wait(declared.kind.noun, arn, declared.label)
        except OperationRefused as error:
            raise self._failure(declared, error) from error

    def _remove(self, step: PlanStep) -> None:
        assert step.existing is not None
        arn = step.existing.arn
        self._client.call(f"Delete{step.kind.title}", **{step.kind.arn_member: arn})
        self._client.wait_gone(step.kind.noun, arn, step.label)

    def _delete(self) -> None:
        """Kind by kind: the next is refused while something that hangs on it is still there."""
        steps = [step for step in self._plan.steps if step.action == "delete"]
        for at, step in enumerate(steps):
            assert step.existing is not None
            try:
                self._client.call(f"Delete{step.kind.title}", **{step.kind.arn_member: step.existing.arn})
            except OperationRefused as error:
                raise OperationRefused(error.code, f"{step.label}: {error.message}") from error
            self._report(f"deleted: {step.label}")
            if at + 1 == len(steps) or steps[at + 1].kind is not step.kind:
                self._wait_gone([each for each in steps[: at + 1] if each.kind is step.kind])

    def _wait_gone(self, steps: list[PlanStep]) -> None:
        for step in steps:
            assert step.existing is not None
            self._client.wait_gone(step.kind.noun, step.existing.arn, step.label)

    def _failure(self, declared: Declared, error: OperationRefused) -> ConfigError:
        return ConfigError(self._plan.manifest.name, (declared.fault(f"{declared.label}: {error.message}"),))


def _solution_update(step: PlanStep, declared: Declared, members: set[str]) -> dict[str, Any]:
    assert step.existing is not None
    update = {each: declared.members[each] for each in members - {"solutionConfig"}}
    if "solutionConfig" in members:
        before: dict[str, Any] = step.existing.members.get("solutionConfig") or {}
        changed = {each.member.split(".")[1] for each in step.differences if each.member.startswith("solutionConfig.")}
        after = declared.members["solutionConfig"]
        update["solutionUpdateConfig"] = {name: _merged(before.get(name), after[name]) for name in sorted(changed)}
    return update


def _merged(before: Any, after: Any) -> Any:
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return after
    return {**before, **{key: _merged(before.get(key), value) for key, value in after.items()}}
