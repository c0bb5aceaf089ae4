"""The faults of a campaign: each does its worst, and is over when the cluster serves again.

Where nobody but the system mends it, a fault returns the moment of its worst; else it has mended it itself.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

from loadtests import processes
from loadtests.campaign.cluster import APART, Cluster
from loadtests.campaign.postgres import program
from loadtests.campaign.proxy import Way

Fault = Callable[[Cluster, random.Random], float | None]
HELD_S = (0.5, 3.0)  # how long a state of things lasts that is mended by us
CLOCK_SEEN_S = 1.5  # until a process has heard of its new clock
SYNCS = "fdatasync,fsync"


def a_worker(cluster: Cluster, chance: random.Random) -> float:
    """A worker of a gateway or an engine is killed."""
    server = chance.choice(cluster.machines).server
    for pid in server.worker_pids():
        _kill(pid)
    at = time.monotonic()
    cluster.wait_until(server.whole, "the worker was not started again")
    return at


def all_processes(cluster: Cluster, chance: random.Random) -> float:
    """All processes of a gateway or an engine are killed, and it is started again."""
    server = chance.choice(cluster.machines).server
    for pid in server.family():
        _kill(pid)
    server.running.wait()
    at = time.monotonic()
    server.start()
    return at


def the_jobs(cluster: Cluster, chance: random.Random) -> float:
    """The job process of an engine is killed."""
    server = chance.choice(cluster.engines).server
    gone = server.job_pids()
    for pid in gone:
        _kill(pid)
    at = time.monotonic()
    cluster.wait_until(lambda: server.whole() and server.job_pids() != gone, "the job process was not started again")
    return at


def a_stopped_machine(cluster: Cluster, chance: random.Random) -> None:
    """All processes of a gateway or an engine are stopped for a time, as on a machine that hangs."""
    family = chance.choice(cluster.machines).server.family()
    for pid in family:
        _send(pid, signal.SIGSTOP)
    _hold(chance)
    for pid in family:
        _send(pid, signal.SIGCONT)


def postgres_leader(cluster: Cluster, chance: random.Random) -> float:
    """PostgreSQL's leader is killed; its standby leads."""
    leader = cluster.postgres.leader()
    pid = None if leader is None else leader.postmaster()
    if pid is not None:
        _kill(pid)
    return time.monotonic()


def valkey_master(cluster: Cluster, chance: random.Random) -> float:
    """A master of Valkey is killed; its replica takes its place, and it comes back empty, as a replica."""
    node = cluster.valkey.a_master()
    node.kill()
    at = time.monotonic()
    cluster.wait_until(cluster.valkey.has_masters, "no replica took the place of Valkey's master")
    node.start()
    return at


def valkey_emptied(cluster: Cluster, chance: random.Random) -> None:
    """All that Valkey holds is gone."""
    cluster.valkey.empty()


def s3_killed(cluster: Cluster, chance: random.Random) -> None:
    """S3 is killed, and comes back."""
    cluster.s3.kill()
    _hold(chance)
    cluster.s3.start()


def s3_slow(cluster: Cluster, chance: random.Random) -> None:
    """Each packet to and from S3 takes half a second."""
    _slow([way for ways in cluster.ways("storage") for way in ways], 0.5, chance)


def database_cut(cluster: Cluster, chance: random.Random) -> None:
    """An engine's connections to PostgreSQL are cut."""
    for way in chance.choice(cluster.ways("database")):
        cluster.proxy.cut(way)


def database_slow(cluster: Cluster, chance: random.Random) -> None:
    """Each packet between an engine and PostgreSQL takes a fifth of a second."""
    _slow(chance.choice(cluster.ways("database")), 0.2, chance)


def database_silent(cluster: Cluster, chance: random.Random) -> None:
    """Nothing passes between an engine and PostgreSQL, and nobody is told."""
    _silence(chance.choice(cluster.ways("database")), chance)


def engine_cut(cluster: Cluster, chance: random.Random) -> None:
    """A gateway's connections to an engine are cut."""
    cluster.proxy.cut(chance.choice(chance.choice(cluster.ways("engines"))))


def engine_slow(cluster: Cluster, chance: random.Random) -> None:
    """Each packet between a gateway and an engine takes a fifth of a second."""
    _slow([chance.choice(chance.choice(cluster.ways("engines")))], 0.2, chance)


def engine_silent(cluster: Cluster, chance: random.Random) -> None:
    """Nothing passes between a gateway and an engine, and nobody is told."""
    _silence([chance.choice(chance.choice(cluster.ways("engines")))], chance)


def clock_moved(cluster: Cluster, chance: random.Random) -> None:
    """The clock of a gateway or an engine is put forward or back, by up to five minutes, and right again."""
    machine = chance.choice(cluster.machines)
    machine.set_clock(chance.choice((-300, -5, 5, 300)))
    time.sleep(CLOCK_SEEN_S)
    _hold(chance)
    machine.set_clock(0)
    time.sleep(CLOCK_SEEN_S)


def disk_full(cluster: Cluster, chance: random.Random) -> None:
    """The disk of a gateway or an engine has no byte left."""
    ballast = chance.choice(cluster.machines).fill_disk()
    _hold(chance)
    ballast.unlink()


def sync_fails(cluster: Cluster, chance: random.Random) -> None:
    """PostgreSQL's leader is told by its disk that what it wrote may be lost (EIO from fdatasync and fsync)."""
    leader = cluster.postgres.leader()
    pid = None if leader is None else leader.postmaster()
    if pid is None:
        return
    argv = [program("strace", "strace"), "-f", "-qq", "-o", "/dev/null", "-e", f"inject={SYNCS}:error=EIO"]
    argv += [part for each in processes.family(pid) for part in ("-p", str(each))]
    with subprocess.Popen([*argv, "-e", f"trace={SYNCS}"]) as strace:
        cluster.wait_until(lambda: leader is None or leader.postmaster() != pid, "PostgreSQL lives on unsynced")
        strace.terminate()


FAULTS: tuple[Fault, ...] = (
    a_worker,
    all_processes,
    the_jobs,
    a_stopped_machine,
    postgres_leader,
    valkey_master,
    valkey_emptied,
    s3_killed,
    s3_slow,
    database_cut,
    database_slow,
    database_silent,
    engine_cut,
    engine_slow,
    engine_silent,
    clock_moved,
    disk_full,
    sync_fails,
)
BETWEEN = (engine_cut, engine_slow, engine_silent)  # gateways and engines


def happens(fault: Fault, shape: str) -> bool:
    """True where the shape has what it breaks."""
    return shape == APART or fault not in BETWEEN


def _slow(ways: Sequence[Way], seconds: float, chance: random.Random) -> None:
    for way in ways:
        way.delay_s = seconds
    _hold(chance)
    for way in ways:
        way.delay_s = 0.0


def _silence(ways: Sequence[Way], chance: random.Random) -> None:
    for way in ways:
        way.is_silent = True
    _hold(chance)
    for way in ways:
        way.is_silent = False


def _kill(pid: int) -> None:
    _send(pid, signal.SIGKILL)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _hold(chance: random.Random) -> None:
    time.sleep(chance.uniform(*HELD_S))
