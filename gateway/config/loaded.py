"""The configuration in use: what a request's plan is, and 404 with the choices where nothing is configured."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any

import msgspec

from gateway.ask import Ask
from gateway.config import document, inherit
from gateway.config.decode import decoded
from gateway.config.environment import filled, with_home
from gateway.config.experiments import epoch
from gateway.config.place import place_of
from gateway.config.source import source
from gateway.context.viewer import Viewers
from gateway.document.redis_url import SECRET, URL, fault_of, fault_of_secret
from gateway.document.report import ConfigError, Fault, Report
from gateway.document.values import plain
from gateway.encoding import LEAST_BODY, Coding, CodingChoice, choose_coding
from gateway.errors import NotConfigured
from gateway.intake import PARTNERS, parts_of
from gateway.intake.base import PartnerAccount, PartnerAccounts, accounts_of
from gateway.plan.experiment import Experiment
from gateway.plan.flag import AnyFlag, flags
from gateway.plan.plan import (
    AccessKey,
    Alias,
    ApiKey,
    ApiKeys,
    Auth,
    Cors,
    EventSource,
    EventTarget,
    Namespace,
    Oidc,
    OperatorKey,
    OperatorKeys,
    Plan,
    RateLimits,
    Unsigned,
)

MEGABYTE = 1024 * 1024
SHOWN = 20  # names that a 404 lists


@dataclass(frozen=True)
class Config:
    name: str  # where it was read from
    version: str  # X-Personalization-Config-Version, "" for none
    fingerprint: str  # of the whole document: differs wherever an answer may differ
    namespaces: Mapping[str, Namespace]
    aws: document.Aws = field(repr=False)
    access_keys: Mapping[str, AccessKey]  # by id
    unsigned: Unsigned  # counts where there are no access keys
    auth: Auth
    admin: OperatorKeys | None  # None: callers of this machine
    ui: document.Ui
    cors: Cors
    cache_bytes: int  # of each worker
    body_bytes: int  # of request bodies that each worker holds at once
    document: Mapping[str, Any]  # as it was said, without its secrets
    rate_limits: RateLimits
    compressed_from: int | None  # bytes of an answer; None: none is compressed
    outbox_bytes: int  # of disk, for events on their way
    partners: Mapping[str, PartnerAccounts]  # by the partner's name: those that some namespace takes events of
    viewers: Viewers
    title: str
    description: str
    warnings: tuple[Fault, ...]

    @cached_property
    def flags(self) -> Mapping[str, AnyFlag]:
        """Experiments, and recommenders that name one, by the keys that other protocols know them by."""
        return flags(self.namespaces)

    @cached_property
    def query_names(self) -> frozenset[str]:
        """Parameters of the query string that rules and origins of this configuration read."""
        spaces = self.namespaces.values()
        variations = [each for space in spaces for plan in space.plans.values() for each in plan.variations]
        fields = [
            *(each for space in spaces for each in space.event_context),
            *(each for variation in variations for each in variation.fields),
            *(each for experiment in self.experiments for each in experiment.fields),
        ]
        return frozenset().union(*(each.queries for each in fields), *(each.parameters for each in variations))

    @cached_property
    def aliases(self) -> Mapping[str, tuple[Plan, Alias]]:
        """Recommenders by the paths that they have beside their own."""
        plans = (plan for space in self.namespaces.values() for plan in space.plans.values())
        return {alias.path: (plan, alias) for plan in plans for alias in plan.aliases}

    def is_large(self, size: int) -> bool:
        """True of an answer that is compressed for callers that accept it."""
        return self.compressed_from is not None and size >= self.compressed_from

    def coding_for(self, accepted: str, size: int) -> Coding | None:
        """The coding of an answer of this size, for callers that accept this; None: it goes out as it is."""
        choice = self.choose_coding(accepted)
        return choice.coding if size >= LEAST_BODY and (choice.is_required or self.is_large(size)) else None

    def choose_coding(self, accepted: str) -> CodingChoice:
        return CodingChoice() if self.compressed_from is None else choose_coding(accepted)

    @property
    def targets(self) -> list[EventTarget]:
        """The event targets beside the engine, of all namespaces."""
        return [
            target
            for namespace in self.namespaces.values()
            for target in (*namespace.elsewhere, *namespace.exposure_targets)
        ]

    @property
    def sources(self) -> list[EventSource]:
        """The event sources of all namespaces."""
        return [source for namespace in self.namespaces.values() for source in namespace.event_sources]

    @property
    def experiments(self) -> list[Experiment]:
        return [each for namespace in self.namespaces.values() for each in namespace.experiments]

    def plan_for(self, ask: Ask) -> Plan:
        namespace = self.namespaces.get(ask.namespace)
        if namespace is None:
            configured = listed(self.namespaces)
            raise NotConfigured("RecommenderNotConfigured", f"no namespace {ask.namespace!r}; configured: {configured}")
        plan = namespace.plans.get((ask.action, ask.recommender))
        if plan is None:
            raise NotConfigured("RecommenderNotConfigured", elsewhere(ask, namespace))
        if not plan.variations:
            where = f"{ask.action}/{ask.recommender} of namespace {ask.namespace!r}"
            raise NotConfigured("NoVariationsConfigured", f"{where} has no variations")
        return plan

    def namespace(self, key: str) -> Namespace:
        """The namespace that takes events under this key."""
        namespace = self.namespaces.get(key)
        if namespace is None:
            raise NotConfigured("NamespaceNotFound", f"no namespace {key!r}; configured: {listed(self.namespaces)}")
        if not namespace.event_targets:
            raise NotConfigured("NamespaceEventTargetsNotFound", f"namespace {key!r} has no eventTargets of events")
        return namespace


def elsewhere(ask: Ask, namespace: Namespace) -> str:
    here = [name for action, name in namespace.plans if action == ask.action]
    others = sorted({action for action, name in namespace.plans if name == ask.recommender})
    also = f"; there is one under {', '.join(others)}" if others else ""
    where = f"{ask.action} of namespace {ask.namespace!r}"
    return f"no recommender {ask.recommender!r} under {where}; configured: {listed(here)}{also}"


def listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return (", ".join(ordered[:SHOWN]) or "none") + more


def load(where: Path | str, environ: Mapping[str, str] = os.environ) -> Config:
    """Reads a configuration from a file or a URL; raises ConfigError with everything that is wrong."""
    place = place_of(str(where))
    return parse(place.read().text, place.name, environ)


def parse(text: str, name: str = "configuration", environ: Mapping[str, str] = os.environ) -> Config:
    """A configuration from its text: JSON where `name` ends so, or else YAML or JSON."""
    read = source(text, name)
    report = Report(read.lines, environ)
    root = decoded(filled(with_home(read.data, environ), environ), document.Root, "", report)
    check_environment(report)
    if report.faults:
        raise ConfigError(name, tuple(sorted(report.faults, key=lambda fault: fault.line)))
    return frozen(root, name, report)


def check_environment(report: Report) -> None:
    """Check what the environment says of Redis, which every worker needs as it needs the document."""
    for name, wrong in ((URL, fault_of), (SECRET, fault_of_secret)):
        value = report.environ.get(name)
        if value and (fault := wrong(value)):
            report.faults.append(Fault(name, fault))


def frozen(root: document.Root, name: str, report: Report) -> Config:
    return Config(
        name=name,
        version=root.version,
        fingerprint=hashlib.sha256(msgspec.json.encode(root)).hexdigest()[:16],
        namespaces=inherit.namespaces(root),
        aws=root.aws,
        access_keys={key.access_key_id: access_key(key) for key in root.aws.access_keys or ()},
        unsigned=unsigned(root),
        auth=auth(root.auth),
        admin=None if root.admin is None else OperatorKeys(tuple(map(operator_key, root.admin.keys))),
        ui=root.ui,
        cors=Cors(frozenset(root.cors.origins), root.cors.credentials),
        cache_bytes=root.cache.megabytes * MEGABYTE,
        body_bytes=root.bodies.megabytes * MEGABYTE,
        document=plain(root),
        rate_limits=RateLimits(root.rate_limits.per_key, root.rate_limits.per_address),
        compressed_from=root.compression.min_bytes if root.compression.enabled else None,
        outbox_bytes=root.outbox.max_bytes,
        partners=partners(root),
        viewers=Viewers(root.trusted_proxies, None if root.geoip is None else Path(root.geoip.file)),
        title=root.title,
        description=root.description,
        warnings=tuple(sorted(report.warnings, key=lambda fault: fault.line)),
    )


def partners(root: document.Root) -> dict[str, PartnerAccounts]:
    accounts: dict[str, list[PartnerAccount]] = {}
    for key, namespace in root.namespaces.items():
        for name, part in parts_of(namespace.intake).items():
            accounts.setdefault(name, []).append(PARTNERS[name].account(key, part))
    published = publishable(root.auth)
    return {name: accounts_of(each, published) for name, each in accounts.items()}


def publishable(part: document.AnyAuth) -> dict[str, str]:
    """The namespaces of publishable keys by the keys' digests. Partners do not end with a key's expiration."""
    keys = part.keys if isinstance(part, document.ApiKeyAuth) else ()
    return {
        key.sha256.lower(): key.namespaces[0]
        for key in keys
        if key.publishable and key.namespaces and key.expiration is None and "events" in (key.actions or ("events",))
    }


def access_key(part: document.AccessKey) -> AccessKey:
    return AccessKey(part.account_id, part.secret_access_key, part.session_token, epoch(part.expiration, inf))


def unsigned(root: document.Root) -> Unsigned:
    """Rights of unsigned callers. None has them on the wire by default while REST callers must prove who they are."""
    is_guarded = not isinstance(root.auth, document.NoAuth)
    control = root.aws.unsigned_callers or ("none" if is_guarded else "local")
    return Unsigned(control, "anyone" if control == "local" and not is_guarded else control)


def auth(part: document.AnyAuth) -> Auth:
    match part:
        case document.ApiKeyAuth():
            return ApiKeys(tuple(api_key(each) for each in part.keys))
        case document.OidcAuth():
            audiences = (part.audience,) if isinstance(part.audience, str) else part.audience
            return Oidc(
                issuer=part.issuer,
                audiences=audiences,
                algorithms=part.algorithms,
                jwks_url=part.jwks_url,
                subject_must_be_user=part.subject_must_be_user,
                user_claim=part.user_claim,
                skew_s=part.clock_skew,
            )
        case _:
            return None


def operator_key(part: document.AdminKey) -> OperatorKey:
    namespaces = None if part.namespaces is None else frozenset(part.namespaces)
    return OperatorKey(part.name, part.sha256.lower(), part.role, namespaces, epoch(part.expiration, inf))


def api_key(part: document.ApiKey) -> ApiKey:
    namespaces = None if part.namespaces is None else frozenset(part.namespaces)
    actions = None if part.actions is None else frozenset[str](part.actions)
    return ApiKey(part.name, part.sha256.lower(), namespaces, actions, epoch(part.expiration, inf), part.publishable)
