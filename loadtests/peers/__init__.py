"""Whom recgate is measured against: a configuration each, tuned for small answers, one core each.

@FOLDER@, @PORT@, @ORIGIN@ and @WORKERS@ in a configuration are filled in when it is written.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Peer:
    """`program` must be installed, by the Debian `package`; `modules` by the extra `bench`."""

    name: str
    config: str  # a file beside this one
    argv: Callable[[Path, int], list[str]]  # of the written configuration and the port
    test: Callable[[Path], list[str]] | None = None  # the command that finds faults in the configuration
    program: str = ""
    package: str = ""
    modules: tuple[str, ...] = ()
    cached: str = ""  # how it answers what it has kept
    passed: str = ""  # and what it must not keep; empty: it takes no part in that


def _nginx(config: Path, *more: str) -> list[str]:
    return ["nginx", "-e", "stderr", "-p", str(config.parent), "-c", str(config), *more]


def _varnish(config: Path, *more: str) -> list[str]:
    # one pool, and threads for all connections from the start
    tuned = ["-p", "thread_pools=1", "-p", "thread_pool_min=128", "-p", "vsl_mask=-Debug"]
    return ["varnishd", "-n", str(config.parent / "work"), "-j", "none", "-f", str(config), *tuned, *more]


def _uvicorn(config: Path, port: int) -> list[str]:
    argv = [sys.executable, "-m", "uvicorn", f"loadtests.peers.{config.stem}:app", "--port", str(port)]
    return [*argv, "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]


ORIGIN = Peer(
    name="origin",
    config="origin.conf",
    argv=lambda config, _: _nginx(config),
    test=lambda config: _nginx(config, "-t"),
    program="nginx",
    package="nginx",
)
PEERS = (
    Peer(
        name="nginx",
        config="nginx.conf",
        argv=lambda config, _: _nginx(config),
        test=lambda config: _nginx(config, "-t"),
        program="nginx",
        package="nginx",
        cached="proxy_cache, tuned",
        passed="proxy_pass to a file",
    ),
    Peer(
        name="haproxy",
        config="haproxy.cfg",
        argv=lambda config, _: ["haproxy", "-db", "-q", "-f", str(config)],
        test=lambda config: ["haproxy", "-c", "-q", "-f", str(config)],
        program="haproxy",
        package="haproxy",
        cached="its cache",
    ),
    Peer(
        name="Varnish",
        config="varnish.vcl",
        argv=lambda config, port: _varnish(config, "-F", "-a", f"127.0.0.1:{port}", "-s", "malloc,512m"),
        test=lambda config: _varnish(config, "-C"),
        program="varnishd",
        package="varnish",
        cached="its cache",
    ),
    Peer(
        name="Litestar",
        config="litestar_cached.py",
        argv=_uvicorn,
        modules=("litestar",),
        cached="its response cache",
        passed="handler returns a constant",
    ),
    Peer(
        name="FastAPI",
        config="fastapi_cached.py",
        argv=_uvicorn,
        modules=("fastapi", "fastapi_cache"),
        cached="fastapi-cache2 in memory",
        passed="handler returns a constant",
    ),
)
BY_NAME = {peer.name: peer for peer in PEERS}


class Missing(click.ClickException):
    """Something that the measurement needs is not installed."""

    def __init__(self, names: Iterable[str], command: str) -> None:
        super().__init__(f"not installed: {', '.join(names)}; install with: {command}")


def check_installed(peers: Iterable[Peer], programs: dict[str, str]) -> None:
    """`programs`: more of them, with their packages. Raises `Missing` with the command that installs what is absent."""
    peers = tuple(peers)
    wanted = {**programs, **{peer.program: peer.package for peer in peers if peer.program}}
    absent = {name: package for name, package in wanted.items() if shutil.which(name) is None}
    if absent:
        raise Missing(absent, f"apt-get install {' '.join(dict.fromkeys(absent.values()))}")
    modules = [module for peer in peers for module in peer.modules if find_spec(module) is None]
    if modules:
        raise Missing(modules, "pip install -e '.[bench]'")


def written(peer: Peer, folder: Path, port: int, origin: int = 0, workers: int = 1) -> Path:
    """The configuration with its words filled in, in `folder`, where its program keeps everything else too."""
    text = (HERE / peer.config).read_text()
    for word, value in (("FOLDER", folder), ("PORT", port), ("ORIGIN", origin), ("WORKERS", workers)):
        text = text.replace(f"@{word}@", str(value))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # its workers may run as somebody else
    file = folder / peer.config
    file.write_text(text)
    return file


def fault(peer: Peer, config: Path) -> str:
    """What its program finds wrong with a configuration; empty: nothing."""
    if peer.test is None:
        return ""
    done = subprocess.run(peer.test(config), capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr or done.stdout
