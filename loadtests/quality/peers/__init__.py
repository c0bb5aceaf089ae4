"""Whom recgate is measured against: a file each, which is the registry. `base` is the contract; `_NAME` are helpers."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from loadtests.quality.peers.base import Peer

OURS = "recgate"
_NAMES = sorted(each.name for each in iter_modules(__path__) if each.name != "base" and not each.name.startswith("_"))
PEERS: dict[str, Peer] = {name: import_module(f"{__name__}.{name}").PEER for name in _NAMES}
