"""The configuration: `load` reads a file, everything wrong is one `ConfigError`, and a `Config` answers with plans."""

from gateway.config.caching import policy_for, user_kind
from gateway.config.loaded import Config, load, parse
from gateway.config.report import ConfigError, Fault

__all__ = ["Config", "ConfigError", "Fault", "load", "parse", "policy_for", "user_kind"]
