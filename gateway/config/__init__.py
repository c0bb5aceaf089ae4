"""The configuration: `load` reads a file, everything wrong is one `ConfigError`, and a `Config` answers with plans."""

from gateway.config.caching import policy_for, user_kind
from gateway.config.history import ConfigurationHistory
from gateway.config.loaded import Config, load, parse
from gateway.config.place import place_of
from gateway.config.watch import Watch
from gateway.document.report import ConfigError, Fault

__all__ = [
    "Config",
    "ConfigError",
    "ConfigurationHistory",
    "Fault",
    "Watch",
    "load",
    "parse",
    "place_of",
    "policy_for",
    "user_kind",
]
