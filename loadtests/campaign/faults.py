"""The faults of a campaign: each does its worst, mends it, and is over when the cluster serves again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable

from loadtests import processes
from loadtests.campaign.cluster import Cluster
from loadtests.campaign.postgres import program

Fault = Callable[[Cluster, random.Random], None]
HELD_S = (0.5, 3.0)  # how long a state of things lasts that is mended by us
CLOCK_SEEN_S = 1.5  # until a process has heard of its new clock
SYNCS = "fdatasync,fsync"


def a_worker(cluster: Cluster, chance: random.Random) -> None:
    """A worker is killed."""
    server = chance.choice(cluster.replicas)
    for pid in server.worker_pids():
        _kill(pid)
    cluster.wait_until(server.whole, "the worker was not started again")


def a_whole_replica(cluster: Cluster, chance: random.Random) -> None:
    """All processes of a replica are killed, and it is started again."""
    server = chance.choice(cluster.replicas)
    family = server.family()
    for pid in family:
        _kill(pid)
    server.running.wait()
    server.start()


def the_jobs(cluster: Cluster, chance: random.Random) -> None:
    """The job process of a replica is killed."""
    server = chance.choice(cluster.replicas)
    gone = server.job_pids()
    for pid in gone:
        _kill(pid)
    cluster.wait_until(lambda: server.whole() and server.job_pids() != gone, "the job process was not started again")


def a_stopped_replica(cluster: Cluster, chance: random.Random) -> None:
    """All processes of a replica are stopped for a time, as on a machine that hangs."""
    family = chance.choice(cluster.replicas).family()
    for pid in family:
        _send(pid, signal.SIGSTOP)
    _hold(chance)
    for pid in family:
        _send(pid, signal.SIGCONT)


def postgres_leader(cluster: Cluster, chance: random.Random) -> None:
    """PostgreSQL's leader is killed; its standby leads."""
    leader = cluster.postgres.leader()
    pid = None if leader is None else leader.postmaster()
    if pid is not None:
        _kill(pid)


def valkey_master(cluster: Cluster, chance: random.Random) -> None:
    """A master of Valkey is killed, and comes back empty, as a replica."""
    node = cluster.valkey.a_master()
    node.kill()
    time.sleep(3.0)  # in which a replica takes its place
    node.start()


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
    for way in cluster.s3_ways:
        way.delay_s = 0.5
    _hold(chance)
    for way in cluster.s3_ways:
        way.delay_s = 0.0


def database_cut(cluster: Cluster, chance: random.Random) -> None:
    """A replica's connections to PostgreSQL are cut."""
    for way in chance.choice(cluster.database_ways):
        cluster.proxy.cut(way)


def database_slow(cluster: Cluster, chance: random.Random) -> None:
    """Each packet between a replica and PostgreSQL takes a fifth of a second."""
    ways = chance.choice(cluster.database_ways)
    for way in ways:
        way.delay_s = 0.2
    _hold(chance)
    for way in ways:
        way.delay_s = 0.0


def database_silent(cluster: Cluster, chance: random.Random) -> None:
    """Nothing passes between a replica and PostgreSQL, and nobody is told."""
    ways = chance.choice(cluster.database_ways)
    for way in ways:
        way.is_silent = True
    _hold(chance)
    for way in ways:
        way.is_silent = False


def clock_moved(cluster: Cluster, chance: random.Random) -> None:
    """A replica's clock is put forward or back, by up to five minutes, and right again."""
    number = chance.randrange(len(cluster.replicas))
    cluster.set_clock(number, chance.choice((-300, -5, 5, 300)))
    time.sleep(CLOCK_SEEN_S)
    _hold(chance)
    cluster.set_clock(number, 0)
    time.sleep(CLOCK_SEEN_S)


def disk_full(cluster: Cluster, chance: random.Random) -> None:
    """The disk of a replica's folder has no byte left."""
    ballast = cluster.fill_disk(chance.randrange(len(cluster.replicas)))
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
    a_whole_replica,
    the_jobs,
    a_stopped_replica,
    postgres_leader,
    valkey_master,
    valkey_emptied,
    s3_killed,
    s3_slow,
    database_cut,
    database_slow,
    database_silent,
    clock_moved,
    disk_full,
    sync_fails,
)


def _kill(pid: int) -> None:
    _send(pid, signal.SIGKILL)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _hold(chance: random.Random) -> None:
    time.sleep(chance.uniform(*HELD_S))
