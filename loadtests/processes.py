"""What the kernel knows of processes: their children, processor time, peak memory and connections (Linux)."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

PROC = Path("/proc")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
STOP_S = 20.0


def cores() -> tuple[tuple[int], tuple[int]]:
    """The core that serves and the core that loads it. Raises `RuntimeError` where there is one only."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise RuntimeError("two processor cores are needed: one that serves, one that makes the load")
    return (allowed[0],), (allowed[-1],)


def spawn(
    argv: Sequence[str],
    cores: Collection[int] = (),
    out: IO[bytes] | None = None,
    environ: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """A process group of its own, kept to these cores where some are given; `out` takes what it says."""
    return subprocess.Popen(
        argv,
        stdout=out,
        stderr=subprocess.STDOUT if out is not None else None,
        env={**os.environ, **(environ or {})},
        start_new_session=True,
        preexec_fn=keep_to(cores) if cores else None,
    )


def keep_to(cores: Collection[int]) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, cores)


@contextlib.contextmanager
def kept_to(cores: Collection[int]) -> Iterator[None]:
    """This thread, for as long."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ask it to end, then make it; its exit status."""
    process.terminate()
    try:
        return process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    parents = {int(path.name): _parent(path) for path in PROC.glob("[0-9]*")}
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def command_line(pid: int) -> list[str]:
    return [part.decode() for part in _read(PROC / str(pid) / "cmdline").split(b"\0")]


def name(pid: int) -> str:
    """As ps and top show it."""
    return _read(PROC / str(pid) / "comm").decode().strip()


def naming(word: str) -> list[int]:
    """The processes with this argument in their command lines."""
    return [int(path.name) for path in PROC.glob("[0-9]*") if word in command_line(int(path.name))]


def cpu_s(pids: Iterable[int]) -> float:
    """Processor time spent so far, in user and system mode."""
    return sum(int(ticks) for pid in pids for ticks in _fields(PROC / str(pid))[11:13]) * TICK_S


def peak_mib(pids: Iterable[int]) -> float:
    """The sum of the greatest resident sizes; pages that processes share count in each."""
    said = (re.search(rb"VmHWM:\s+(\d+) kB", _read(PROC / str(pid) / "status")) for pid in pids)
    return sum(int(found[1]) for found in said if found) / 1024


def pss_mib(pids: Iterable[int]) -> float:
    """The sum of the proportional set sizes now: of a page that n processes share, each counts an n-th."""
    said = (re.search(rb"^Pss:\s+(\d+) kB", _read(PROC / str(pid) / "smaps_rollup"), re.MULTILINE) for pid in pids)
    return sum(int(found[1]) for found in said if found) / 1024


def maps(pid: int, library: str) -> bool:
    """Whether a file with this in its name is part of the process's memory."""
    return library.encode() in _read(PROC / str(pid) / "maps")


def holders(pids: Iterable[int], port: int, peer_ports: Iterable[int]) -> list[int | None]:
    """Which of the processes holds each loopback connection from `port` to a peer's, at the first port's side."""
    inodes = _inodes(port)
    owners = {inode: pid for pid in pids for inode in _sockets(pid)}
    return [owners.get(inodes.get(peer_port, "")) for peer_port in peer_ports]


def _inodes(port: int) -> dict[int, str]:
    """Of the connections of a port, by their peers' ports; a table of thousands of ended ones is read once."""
    told = re.findall(
        rb"^ *\d+: \w+:%04X \w+:(\w+)(?: +\S+){6} +(\d+)" % port, _read(PROC / "net" / "tcp"), re.MULTILINE
    )
    return {int(peer_port, 16): inode.decode() for peer_port, inode in told}


def _sockets(pid: int) -> set[str]:
    found: set[str] = set()
    with contextlib.suppress(OSError):
        for link in (PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):  # closed since it was listed
                found.add(str(link.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found


def _parent(folder: Path) -> int:
    fields = _fields(folder)
    return int(fields[1]) if fields else 0


def _fields(folder: Path) -> list[bytes]:
    """Of `stat`, what follows the name, which may hold anything: state, parent, … ; empty once the process is gone."""
    return _read(folder / "stat").rpartition(b")")[2].split()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
