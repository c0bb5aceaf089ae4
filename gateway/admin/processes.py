"""The processes of a server, the replicas of its log and the workers of other machines, each with how far it is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from engine import Job, Owner, ReplicaEntry, WorkerEntry
from gateway.admin.view import View
from gateway.telemetry import ProcessNumbers

PROC = Path("/proc")
TICK_S = 0.01 if not hasattr(os, "sysconf") else 1 / os.sysconf("SC_CLK_TCK")
PAGE = 4096 if not hasattr(os, "sysconf") else os.sysconf("SC_PAGE_SIZE")
ALIVE_S = 10.0  # since a worker's last heartbeat
NAMED = ("jobs", "sources")  # processes that say by their name what they are
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class ProcessState(View, frozen=True, kw_only=True):
    """A process of this server. What it does not have, or the system does not tell, is null."""

    name: str
    kind: str
    pid: int | None
    alive: bool
    started_at: float | None = None
    cpu_s: float | None = None
    resident_bytes: int | None = None
    event_lag_s: float | None = None
    applied: int | None = None
    behind: int | None = None
    config_version: str | None = None
    config_fingerprint: str | None = None
    is_current: bool | None = None
    written_s: float | None = None


class ReplicaState(View, frozen=True, kw_only=True):
    """A process that answers from the same log; `here`: of this machine. `behind` counts the records that it has not
    said to have heard of. Where Redis carries the news it says so once a second, and those of the last two seconds do
    not count."""

    id: str
    here: bool
    lease_s: float
    heard: int
    behind: int


class JobWorkerState(View, frozen=True, kw_only=True):
    """A worker of another machine; `jobs` are the numbers of those that it does."""

    host: str
    pid: int
    kinds: str
    places: int
    silent_s: float
    alive: bool
    jobs: list[int]


class LogState(View, frozen=True, kw_only=True):
    last: int
    applied: int
    behind: int
    lag_s: float


class ProcessesView(View, frozen=True, kw_only=True):
    at: float
    release: str
    server: str
    processes: list[ProcessState]
    replicas: list[ReplicaState]
    job_workers: list[JobWorkerState]
    log: LogState
    jobs_processor_share: float | None


@dataclass(frozen=True)
class SystemProcess:
    """A process as the system knows it."""

    name: str
    pid: int
    started_at: float
    cpu_s: float
    resident_bytes: int


@dataclass(frozen=True)
class ProcessParts:
    """The parts that the view is made from: `system` are the processes that live, `numbers` what some of them write."""

    at: float
    server: str
    supervisor: int | None
    fingerprint: str
    system: Sequence[SystemProcess]
    numbers: Sequence[ProcessNumbers]
    replicas: Sequence[ReplicaEntry]
    place: str  # of the replicas of this machine
    has_fan_out: bool  # they hear of events by Redis
    workers: Sequence[WorkerEntry]
    running: Sequence[Job]
    log_last: int
    log_applied: int
    lag_s: float


def processes(parts: ProcessParts) -> ProcessesView:
    share = next((each.numbers for each in parts.numbers if "recgate_jobs_processor_share" in each.numbers), None)
    return ProcessesView(
        at=parts.at,
        release=version("recgate"),
        server=parts.server,
        processes=states(parts),
        replicas=[
            ReplicaState(
                id=each.id,
                here=each.place == parts.place,
                lease_s=each.lease_s,
                heard=each.heard,
                behind=max((each.due if parts.has_fan_out else parts.log_last) - each.heard, 0),
            )
            for each in parts.replicas
        ],
        job_workers=[job_worker(each, parts.running) for each in parts.workers],
        log=LogState(
            last=parts.log_last,
            applied=parts.log_applied,
            behind=max(parts.log_last - parts.log_applied, 0),
            lag_s=parts.lag_s,
        ),
        jobs_processor_share=None if share is None else share["recgate_jobs_processor_share"][0][1][0],
    )


def states(parts: ProcessParts) -> list[ProcessState]:
    """The processes that live, and those that have written numbers and live no longer."""
    numbers = {each.pid: each for each in parts.numbers if each.pid}
    rows = [state(each, numbers.pop(each.pid, None), parts) for each in parts.system]
    silent = [each for each in numbers.values() if not parts.system or not each.is_alive]
    return rows + [
        ProcessState(
            name=each.name,
            kind="worker",
            pid=each.pid,
            alive=each.is_alive and not parts.system,
            written_s=parts.at - each.written,
        )
        for each in silent
    ]


def state(process: SystemProcess, written: ProcessNumbers | None, parts: ProcessParts) -> ProcessState:
    alive = ProcessState(
        name=process.name,
        kind=kind_of(process, parts.supervisor),
        pid=process.pid,
        alive=True,
        started_at=process.started_at,
        cpu_s=process.cpu_s,
        resident_bytes=process.resident_bytes,
    )
    if written is None:
        return alive
    applied, lag = number_in(written, "recgate_log_applied"), number_in(written, "recgate_event_lag_seconds")
    (config_version, fingerprint), *_ = labels_in(written, "recgate_config_in_use") or [("", "")]
    return msgspec.structs.replace(
        alive,
        event_lag_s=lag,
        applied=None if applied is None else round(applied),
        behind=None if applied is None else max(parts.log_last - round(applied), 0),
        config_version=config_version or None,
        config_fingerprint=fingerprint or None,
        is_current=fingerprint == parts.fingerprint if fingerprint else None,
        written_s=parts.at - written.written,
    )


def job_worker(entry: WorkerEntry, running: Sequence[Job]) -> JobWorkerState:
    return JobWorkerState(
        host=entry.host,
        pid=int(entry.name.split(":")[2]),
        kinds=entry.kinds,
        places=entry.places,
        silent_s=entry.silent_s,
        alive=entry.silent_s <= ALIVE_S,
        jobs=[job.id for job in running if (owner := Owner.of(job.owner)) is not None and owner.process == entry.name],
    )


def kind_of(process: SystemProcess, supervisor: int | None) -> str:
    if process.pid == supervisor:
        return "supervisor"
    if process.name in NAMED:
        return process.name
    return "worker" if supervisor is None or process.name.startswith("worker-") else "fork server"


def number_in(process: ProcessNumbers, name: str) -> float | None:
    rows = process.numbers.get(name, [])
    return rows[0][1][0] if rows else None


def labels_in(process: ProcessNumbers, name: str) -> list[tuple[str, ...]]:
    return [tuple(labels) for labels, _ in process.numbers.get(name, [])]


# ---- what the system knows


def system_processes(supervisor: int | None) -> list[SystemProcess]:
    """A server's processes by the number of its supervisor, or this one alone; empty where the system does not tell."""
    if supervisor is None:
        own = system_process(os.getpid())
        return [] if own is None else [own]
    try:
        children = (PROC / f"{supervisor}/task/{supervisor}/children").read_text().split()
    except OSError:
        return []
    living = [system_process(pid) for pid in (supervisor, *map(int, children))]
    return [each for each in living if each is not None]


def system_process(pid: int) -> SystemProcess | None:
    try:
        name, _, rest = (PROC / str(pid) / "stat").read_text().partition("(")[2].rpartition(")")
        boot = next(line for line in (PROC / "stat").read_text().splitlines() if line.startswith("btime"))
    except (OSError, StopIteration):
        return None
    fields = rest.split()
    if fields[0] == "Z":
        return None
    cpu_s = (int(fields[11]) + int(fields[12])) * TICK_S
    return SystemProcess(name, pid, int(boot.split()[1]) + int(fields[19]) * TICK_S, cpu_s, int(fields[21]) * PAGE)


def memory_limit() -> int | None:
    """The bytes that the container may use, or else the machine has."""
    for path in map(Path, CGROUP_LIMITS):
        if path.exists() and (text := path.read_text().strip()).isdecimal() and int(text) < 1 << 60:
            return int(text)
    try:
        return os.sysconf("SC_PHYS_PAGES") * PAGE
    except (ValueError, OSError, AttributeError):
        return None


def resident_bytes(system: Sequence[SystemProcess]) -> int | None:
    return sum(each.resident_bytes for each in system) or None


def silent(numbers: Sequence[ProcessNumbers]) -> list[str]:
    """The names of workers that write no numbers any more, and that no process of the same name has replaced."""
    alive = {each.name for each in numbers if each.is_alive}
    return sorted({each.name for each in numbers if not each.is_alive and each.pid} - alive)
