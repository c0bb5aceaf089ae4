"""Checks of who may call."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import maxminddb

from gateway.config import document, experiments
from gateway.context.viewer import Places
from gateway.document.report import Report, checks, inside


@checks
def check_access_key(part: document.AccessKey, place: str, report: Report) -> None:
    experiments.seconds(part.expiration, inside(place, "expiration"), report)


@checks
def check_aws(part: document.Aws, place: str, report: Report) -> None:
    at = inside(place, "accessKeys")
    if part.access_keys is not None and not part.access_keys:
        report.refuse(at, "has no key: nobody could call; without 'accessKeys' aws.unsignedCallers says who can")
    if part.access_keys and part.unsigned_callers not in (None, "none"):
        report.refuse(inside(place, "unsignedCallers"), "with 'accessKeys' every caller must sign: remove one of both")
    for name, times in Counter(key.access_key_id for key in part.access_keys or ()).items():
        if times > 1:
            report.refuse(at, f"has the accessKeyId {name!r} {times} times")


@checks
def check_api_keys(part: document.ApiKeyAuth, place: str, report: Report) -> None:
    if not part.keys:
        report.refuse(inside(place, "keys"), "has no key: nobody could call; without 'auth' anyone can")
    for name, times in Counter(key.sha256.lower() for key in part.keys).items():
        if times > 1:
            report.refuse(inside(place, "keys"), f"has the same key {times} times: {name[:8]}…")


@checks
def check_api_key(part: document.ApiKey, place: str, report: Report) -> None:
    experiments.seconds(part.expiration, inside(place, "expiration"), report)


@checks
def check_admin(part: document.Admin, place: str, report: Report) -> None:
    at = inside(place, "keys")
    if not part.keys:
        report.refuse(at, "has no key: nobody could call; without 'admin' callers of this machine can")
    for digest, times in Counter(key.sha256.lower() for key in part.keys).items():
        if times > 1:
            report.refuse(at, f"has the same key {times} times: {digest[:8]}…")


@checks
def check_admin_key(part: document.AdminKey, place: str, report: Report) -> None:
    experiments.seconds(part.expiration, inside(place, "expiration"), report)
    if part.namespaces is not None and not part.namespaces:
        report.refuse(inside(place, "namespaces"), "names none: leave it out for all of them")


@checks
def check_oidc(part: document.OidcAuth, place: str, report: Report) -> None:
    if not part.audience:
        report.warn(place, "names no 'audience': tokens that the issuer made for other applications count, too")
    if part.issuer.startswith("http:"):
        report.warn(inside(place, "issuer"), "is not https: whoever is between may make tokens of its own")


@checks
def check_cors(part: document.CorsPart, place: str, report: Report) -> None:
    if part.credentials and not part.origins:
        report.refuse(place, "'credentials' are for origins that are listed: name them in 'origins'")


@checks
def check_geoip(part: document.GeoIp, place: str, report: Report) -> None:
    try:
        Places(Path(part.file))
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        report.refuse(inside(place, "file"), f"can't be read as a GeoIP file: {error}")
