"""A server's processes share what the first of them has loaded: what nobody uses must not be in there."""

from __future__ import annotations

import subprocess
import sys

LOADED = """
import gc, sys
import click
from gateway import needless
from gateway.__main__ import main
main.get_command(click.Context(main), "serve")
import gateway.processes.worker
unused = {*needless.MODULES, "opentelemetry", "redis", "rich", "torch"}
print(sorted(unused & {name for name in sys.modules}), gc.isenabled())
"""


def test_serving_loads_none_of_what_nobody_uses() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=60, check=True)
    assert loaded.stdout.split("\n") == ["[] True", ""]
