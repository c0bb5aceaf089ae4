"""The configuration: in use, as said and with all that it inherits; its texts, their differences and history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from gateway.admin.view import ListName, View
from gateway.config import Config, ConfigError, Fault
from gateway.config.comparison import PlaceChange, changes, unified
from gateway.config.history import ConfigurationEntry, ConfigurationHistory, etag_of
from gateway.config.masking import masked
from gateway.config.watch import changed_settings
from gateway.config.writing import ConfigurationWriter
from gateway.errors import NotConfigured
from gateway.plan.plan import FilterChoice, Plan, Variation

IN_USE, FILE = "inUse", "file"  # texts that have no entry's id


class FaultView(View, frozen=True, kw_only=True):
    place: str
    message: str
    line: int


class ConfigurationView(View, frozen=True, kw_only=True):
    """`faults` are of a text that lies there and is not in use; `why` says what keeps it from being written here."""

    fingerprint: str
    version: str
    name: str
    warnings: list[str]
    writable: bool
    why: str | None
    etag: str | None
    faults: list[FaultView]
    loaded_at: float | None
    rules: list[dict[str, Any]] | None = None
    document: Mapping[str, Any] | None = None


class EffectiveList(ListName, frozen=True, kw_only=True):
    """One variation with everything that it inherits."""

    variation: str
    upstream: str
    model: str
    weight: float
    cache: dict[str, str]
    filters: list[str]
    promotion: str | None
    rules: list[str]
    diversity: Any
    fatigue: Any
    metadata: str | None
    experiments: list[str]
    fallback: list[str]


class EffectiveView(View, frozen=True, kw_only=True):
    fingerprint: str
    recommenders: list[EffectiveList]


class TextView(View, frozen=True, kw_only=True):
    """The text that lies there; secrets are marks, which a text that is written may have in their place."""

    text: str
    format: str
    etag: str
    name: str


class DifferenceView(View, frozen=True, kw_only=True):
    """Two texts: `from` and `to` name them."""

    before: str
    after: str
    changes: list[PlaceChange]
    unified: str


class ValidationView(View, frozen=True, kw_only=True):
    valid: bool
    faults: list[FaultView]
    warnings: list[FaultView]
    need_restart: list[str]
    diff: DifferenceView


class WrittenView(View, frozen=True, kw_only=True):
    etag: str
    fingerprint: str
    need_restart: list[str]
    changes: list[PlaceChange]


class HistoryView(View, frozen=True, kw_only=True):
    entries: list[ConfigurationEntry]


def configuration(
    config: Config, faults: Sequence[Fault], loaded_at: float | None, text: str | None, why: str | None
) -> ConfigurationView:
    """`text` is the one that lies there, None where none can be read."""
    return ConfigurationView(
        fingerprint=config.fingerprint,
        version=config.version,
        name=config.name,
        warnings=[str(each) for each in config.warnings],
        writable=why is None,
        why=why,
        etag=None if text is None else quoted(etag_of(text)),
        faults=[fault_view(each) for each in faults],
        loaded_at=loaded_at,
    )


def document_for(config: Config, namespaces: frozenset[str] | None) -> Mapping[str, Any]:
    """The document without its secrets; for a tenant its namespaces alone."""
    if namespaces is None:
        return config.document
    spaces = config.document.get("namespaces", {})
    return {"namespaces": {key: each for key, each in spaces.items() if key in namespaces}}


def rules_now(config: Config, now: float, namespaces: frozenset[str] | None = None) -> list[dict[str, Any]]:
    """The merchandising rules in force, by the lists that they rule, and until when (epoch seconds) those are they."""
    shown = []
    for namespace in config.namespaces.values():
        if namespaces is not None and namespace.key not in namespaces:
            continue
        for plan in namespace.plans.values():
            for variation in plan.variations:
                if variation.rules is None or not variation.rules.rules:
                    continue
                current = variation.rules.in_force(now)
                names = [rule.name for rule in current.for_users]
                row: dict[str, Any] = {"list": f"/{plan.action}/{plan.namespace}/{plan.recommender}"}
                row |= {"variation": variation.name, "inForce": names}
                shown.append(row | ({} if current.until == inf else {"until": current.until}))
    return shown


def effective(config: Config, namespaces: frozenset[str] | None) -> EffectiveView:
    spaces = [each for key, each in config.namespaces.items() if namespaces is None or key in namespaces]
    plans = [plan for space in spaces for plan in space.plans.values()]
    rows = [effective_list(plan, variation) for plan in plans for variation in plan.variations]
    return EffectiveView(fingerprint=config.fingerprint, recommenders=rows)


def effective_list(plan: Plan, variation: Variation) -> EffectiveList:
    policies = variation.policies or {}
    return EffectiveList(
        namespace=plan.namespace,
        action=plan.action,
        recommender=plan.recommender,
        variation=variation.name,
        upstream=variation.upstream,
        model=variation.model,
        weight=variation.weight,
        cache={kind: policy.header for kind, policy in policies.items()},
        filters=[filter_words(each) for each in variation.filters],
        promotion=None if variation.promotion is None else variation.promotion.name,
        rules=[] if variation.rules is None else [rule.name for rule in variation.rules.rules],
        diversity=variation.diversity,
        fatigue=variation.fatigue,
        metadata=None if variation.metadata is None else variation.metadata.type,
        experiments=list(plan.experiments),
        fallback=list(plan.fallback),
    )


def filter_words(choice: FilterChoice) -> str:
    return choice.expression or choice.filter or ""


def text_view(text: str, name: str) -> TextView:
    format_ = "json" if name.endswith(".json") or text.lstrip().startswith("{") else "yaml"
    return TextView(text=masked(text), format=format_, etag=quoted(etag_of(text)), name=name)


def validation(writer: ConfigurationWriter, text: str, config: Config) -> ValidationView:
    """What a text would mean in place of the one that lies there."""
    current = writer.current()
    difference = difference_of(("file", masked(current)), ("text", text), config.name)
    try:
        _, new = writer.checked(text, current)
    except ConfigError as error:
        faults = [fault_view(each) for each in error.faults]
        return ValidationView(valid=False, faults=faults, warnings=[], need_restart=[], diff=difference)
    warnings = [fault_view(each) for each in new.warnings]
    restart = changed_settings(config, new)
    return ValidationView(valid=True, faults=[], warnings=warnings, need_restart=restart, diff=difference)


def difference_of(before: tuple[str, str], after: tuple[str, str], name: str) -> DifferenceView:
    """`before` and `after` are names and texts, without their secrets."""
    return DifferenceView(
        before=before[0],
        after=after[0],
        changes=changes(before[1], after[1], name),
        unified=unified(before[1], after[1], (before[0], after[0])),
    )


def difference(
    history: ConfigurationHistory, writer: ConfigurationWriter, config: Config, ends: tuple[str, str]
) -> DifferenceView:
    """`ends` name the two texts: an entry's id, `inUse` or `file`. Raises `NotConfigured` for any other."""
    before, after = (text_named(each, history, writer, config) for each in ends)
    return difference_of((ends[0], before), (ends[1], after), config.name)


def text_named(name: str, history: ConfigurationHistory, writer: ConfigurationWriter, config: Config) -> str:
    if name == FILE:
        return masked(writer.current())
    entry = history.of_fingerprint(config.fingerprint) if name == IN_USE else history.find(name)
    if entry is None and name == IN_USE:  # a history that can't be written
        return masked(writer.current())
    if entry is None:
        message = f"the history has no entry {name!r}; {IN_USE} and {FILE} are what is in use and what lies there"
        raise NotConfigured("EntryNotFound", message)
    return entry.text


def fault_view(fault: Fault) -> FaultView:
    return FaultView(place=fault.place, message=fault.message, line=fault.line)


def quoted(etag: str) -> str:
    return f'"{etag}"'
