"""Partners as operators see them: what came in, and what of it is not stored, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.admin.view import View
from gateway.config import Config
from gateway.intake import PARTNERS
from gateway.telemetry import Totals


class DroppedParts(View, frozen=True, kw_only=True):
    """Parts of messages that are not stored: the partner's name for them, and the reason."""

    name: str
    reason: str
    count: int


class PartnerView(View, frozen=True, kw_only=True):
    """One namespace's partner. `stored` counts records by kind since the server began; names of what was dropped are
    sorted by how often."""

    namespace: str
    partner: str
    keys: int
    paths: list[str]
    stored: Mapping[str, int]
    dropped: list[DroppedParts]


class PartnersView(View, frozen=True, kw_only=True):
    partners: list[PartnerView]


def partners(config: Config, totals: Totals, sees: Callable[[str], bool]) -> PartnersView:
    accounts = [
        account
        for accounts in config.partners.values()
        for account in accounts.by_namespace.values()
        if sees(account.namespace)
    ]
    stored, dropped = totals.get("recgate_intake_records", {}), totals.get("recgate_intake_dropped", {})
    return PartnersView(
        partners=[
            PartnerView(
                namespace=account.namespace,
                partner=account.partner,
                keys=len(account.part.keys),
                paths=sorted({each.path for each in PARTNERS[account.partner].endpoints}),
                stored={
                    kind: round(values[0])
                    for (namespace, partner, kind), values in stored.items()
                    if (namespace, partner) == (account.namespace, account.partner)
                },
                dropped=sorted(
                    (
                        DroppedParts(name=name, reason=reason, count=round(values[0]))
                        for (namespace, partner, reason, name), values in dropped.items()
                        if (namespace, partner) == (account.namespace, account.partner)
                    ),
                    key=lambda each: (-each.count, each.name, each.reason),
                ),
            )
            for account in accounts
        ]
    )
