"""What is compared, and who takes part: recgate and its peers, started for one kind of request on one core."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import redis

from loadtests import client, processes, world
from loadtests.peers import BY_NAME, ORIGIN, PEERS, Peer, written
from loadtests.server import free_port, serving

HIT, MISS = "/recommend-items/shop/for-you/u%05d", "/recommend-items/shop/fresh/u%05d"
ELSEWHERE = "/recommend-items/outside/elsewhere/u%05d"
GUARDED = Path(__file__).with_name("guarded.yaml")
BASE = "nginx"
READY_S = 15.0
SAID = 2_000  # the most of its log that a failure shows
EVERYBODY = tuple(peer.name for peer in PEERS)

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
    "Accept": "application/json, text/plain, */*",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "https://www.shop.example/women/shoes?page=2",
    "Cookie": "session=5f0c1ae2b7d94c0f8e6d; consent=all; currency=EUR; _ga=GA1.2.1234567890.1700000000",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Ch-Ua": '"Chromium";v="142", "Not_A Brand";v="99"',
}
KEY = {"X-Api-Key": "loadtests-key"}


class Workers(NamedTuple):
    count: int
    pin: bool = False  # each to a core and the connections that arrive there, which only recgate can do


@dataclass(frozen=True)
class Kind:
    """`path` is asked of recgate. `cached` are the peers that answer what they have kept, `passing` those that make an
    answer for every request. `headers` go with every request to everybody."""

    title: str
    path: str
    how: str  # recgate answers
    cached: tuple[str, ...] = (BASE,)
    passing: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    config: Path = world.CONFIG
    environ: Mapping[str, str] = field(default_factory=dict)
    redis: bool = False
    workers: tuple[Workers, ...] = (Workers(1),)

    @property
    def hit(self) -> bool:
        return self.path == HIT


KINDS = {
    "plain": Kind("a hit: no authentication, no experiment, two headers", HIT, "its cache", EVERYBODY),
    "full": Kind(
        "a hit: key, ETag, Age, experiment with exposure and metrics; ten headers of a browser",
        HIT,
        "its cache",
        EVERYBODY,
        headers={**BROWSER, **KEY},
        config=GUARDED,
    ),
    "l2": Kind("a hit in Redis", HIT, "Redis", environ={"CACHE_MEGABYTES": "1"}, redis=True),
    "miss": Kind("nobody has cached it: the engine answers", MISS, "its engine", passing=(BASE, "Litestar", "FastAPI")),
    "origin": Kind("nobody has cached it: an origin over HTTP answers", ELSEWHERE, "upstream http", passing=(BASE,)),
    "workers": Kind(
        "a hit as in full: two workers and one, each with its share of the load on its core",
        HIT,
        "its cache",
        headers={**BROWSER, **KEY},
        config=GUARDED,
        workers=(Workers(1), Workers(2), Workers(2, pin=True)),
    ),
}


class Contestant(NamedTuple):
    name: str
    how: str  # it answers
    port: int
    pid: int
    path: str
    load_cores: tuple[int, ...]  # on which the load for it is made
    redis_port: int = 0  # of the second tier that must have its answers

    @property
    def program(self) -> str:
        return self.name.split(",")[0]

    @property
    def ours(self) -> bool:
        return self.program == "recgate"


@contextlib.contextmanager
def contestants(kind: Kind, folder: Path, recipe_data: Path, peers: Collection[str]) -> Iterator[list[Contestant]]:
    """recgate first: its answer to one user is what the others serve to all. `peers`: only these take part."""
    load_cores = shares(KINDS["plain"], Workers(1))[1]
    with contextlib.ExitStack() as stack:
        origin_port = free_port()
        environ = {**kind.environ, "ORIGIN": f"http://127.0.0.1:{origin_port}"}
        redis_port = stack.enter_context(redis_server(folder, load_cores)) if kind.redis else 0
        if redis_port:
            environ["RECGATE_REDIS_URL"] = f"redis://127.0.0.1:{redis_port}/0"
        found = []
        for workers in kind.workers:
            own, load = shares(kind, workers)
            given = recipe_data, workers.count, own, kind.config, environ, workers.pin
            server = stack.enter_context(serving(*given))
            name = named("recgate", kind, workers)
            found.append(Contestant(name, kind.how, server.port, server.running.pid, kind.path, load, redis_port))
        answer = folder / "origin" / "answer.json"
        origin = written(ORIGIN, answer.parent, origin_port)
        known = HIT if kind.config == GUARDED else MISS
        answer.write_bytes(asyncio.run(client.get(found[0].port, known % 0, kind.headers)).body)
        argv = ORIGIN.argv(origin, origin_port)
        stack.enter_context(started(argv, folder / "origin.log", load_cores, partial(answers, origin_port), {}))
        taking_part = [BY_NAME[name] for name in peers if name in (*kind.cached, *kind.passing)]
        for peer, workers in product(taking_part, (each for each in kind.workers if not each.pin)):
            own, load = shares(kind, workers)
            port, place = free_port(), folder / f"{peer.name}-{workers.count}"
            argv, log = argv_of(peer, place, port, origin_port, workers.count), place.with_suffix(".log")
            ready, given = partial(answers, port), {"ANSWER": str(answer)}
            pid = stack.enter_context(started(argv, log, own, ready, given))
            found += roles(kind, peer, workers, Contestant("", "", port, pid, "", load))
        yield found


def named(program: str, kind: Kind, workers: Workers) -> str:
    if len(kind.workers) == 1:
        return program
    return f"{program}, {workers.count} worker{'s' * (workers.count > 1)}{', pinned' * workers.pin}"


def shares(kind: Kind, workers: Workers) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The server's cores, one a worker, and those of the load: another, but where workers are compared. There each has
    its share of the load on its own core, or the one worker would have twice the processor that each of two has."""
    cores = tuple(sorted(os.sched_getaffinity(0)))
    own = cores[: workers.count]
    return own, cores[-1:] if len(kind.workers) == 1 else own


def argv_of(peer: Peer, folder: Path, port: int, origin: int, workers: int = 1) -> list[str]:
    return peer.argv(written(peer, folder, port, origin, workers), port)


def roles(kind: Kind, peer: Peer, workers: Workers, started: Contestant) -> Iterator[Contestant]:
    """What takes part of a server that was started."""
    name = named(peer.name, kind, workers)
    if peer.name in kind.cached:
        yield started._replace(name=name, how=peer.cached, path=HIT)
    if peer.name in kind.passing:
        yield started._replace(
            name=f"{name}, no cache" if peer.name in kind.cached else name, how=peer.passed, path=MISS
        )


@contextlib.contextmanager
def started(
    argv: Sequence[str], log: Path, cores: Collection[int], ready: Callable[[], bool], environ: Mapping[str, str]
) -> Iterator[int]:
    """Raises `RuntimeError` with what it said where it is not ready in time."""
    with log.open("ab") as out:
        process = processes.spawn(argv, cores, out, environ)
    try:
        deadline = time.monotonic() + READY_S
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{argv[0]} does not answer:\n{log.read_text()[-SAID:]}")
            time.sleep(0.05)
        yield process.pid
    finally:
        processes.stop(process)


def answers(port: int) -> bool:
    try:
        return asyncio.run(client.get(port, MISS % 0)).status == 200
    except OSError:
        return False


@contextlib.contextmanager
def redis_server(folder: Path, cores: Collection[int]) -> Iterator[int]:
    port = free_port()
    argv = ["redis-server", "--port", str(port), "--bind", client.HOST, "--save", "", "--dir", str(folder)]
    with started(argv, folder / "redis.log", cores, partial(pings, port), {}):
        yield port


def pings(port: int) -> bool:
    try:
        with redis.Redis(port=port) as asked:
            return bool(asked.ping())
    except redis.RedisError:
        return False


def found_in_redis(port: int) -> int:
    """How often Redis had what it was asked for."""
    with redis.Redis(port=port) as asked:
        return int(asked.info("stats")["keyspace_hits"])


# ---- before the rounds


def warm(contestant: Contestant, kind: Kind, users: int) -> None:
    """Every user's answer is asked for, so that the rounds find all of them in the cache; twice, since it may be kept
    better once it is asked for again, and Redis is left alone for a second after it was slow. Raises `RuntimeError`
    where one is no answer."""
    for _ in range(2):
        asyncio.run(_warm(contestant, kind, users))


CONNECTIONS = 32  # from each core, of which one of two workers gets none once in a million times


async def _warm(contestant: Contestant, kind: Kind, users: int) -> None:
    async def ask(connection: client.Connection, numbers: Iterator[int]) -> None:
        for number in numbers:
            answer = await connection.get(contestant.path % number, kind.headers)
            if answer.status != 200:
                raise RuntimeError(f"{contestant.name} answers user {number} with {answer.status}: {answer.body!r}")
        connection.close()

    for connections in await _by_process(contestant, kind):
        numbers = iter(range(users))
        await asyncio.gather(*(ask(each, numbers) for each in connections))


async def _by_process(contestant: Contestant, kind: Kind) -> list[list[client.Connection]]:
    """Connections to each process that answers: of recgate's workers each has a cache of its own."""
    connections = []
    for core, _ in product(contestant.load_cores, range(CONNECTIONS)):
        with processes.kept_to([core]):
            connections.append(await client.Connection.open(contestant.port))
        await connections[-1].get(contestant.path % 0, kind.headers)  # so that somebody has accepted it
    ports = [connection.port for connection in connections]
    found = defaultdict(list)
    for holder, connection in zip(
        processes.holders(processes.family(contestant.pid), contestant.port, ports), connections, strict=True
    ):
        found[holder].append(connection)
    return list(found.values())


PROBES = 20  # users whose answers are compared
LEAST_IN_REDIS = 0.75  # of the probed answers
CACHE_HEADERS = ("x-cache", "x-fastapi-cache")


def compare(all_of_them: Sequence[Contestant], kind: Kind, users: int) -> None:
    """Every probed answer is a hit and as long as recgate's; recgate's have all that it promises, from where it should.
    Raises `RuntimeError`."""
    first = all_of_them[0]
    size = len(ask(first, kind, 0).body)
    before = found_in_redis(first.redis_port) if first.redis_port else 0
    for contestant in all_of_them:
        if contestant.path == HIT:
            for user in range(0, users, max(1, users // PROBES)):
                check(contestant, kind, user, size)
    if first.redis_port and found_in_redis(first.redis_port) - before < LEAST_IN_REDIS * PROBES:
        raise RuntimeError("too few answers come from Redis: more users are needed")


def ask(contestant: Contestant, kind: Kind, user: int, more: Mapping[str, str] | None = None) -> client.Answer:
    headers = {**kind.headers, **(more or {})}
    return asyncio.run(client.get(contestant.port, contestant.path % user, headers))


def check(contestant: Contestant, kind: Kind, user: int, size: int) -> None:
    answer = ask(contestant, kind, user)
    problems = [] if answer.status == 200 else [f"status {answer.status}"]
    if len(answer.body) != size:
        problems.append(f"{len(answer.body)} bytes, not {size}")
    if not is_hit(contestant, kind, user, answer):
        problems.append("not a hit")
    if contestant.ours:
        problems += missing(contestant, kind, user, answer)
    if problems:
        raise RuntimeError(f"{contestant.name} is not comparable for user {user}: {', '.join(problems)}")


def is_hit(contestant: Contestant, kind: Kind, user: int, answer: client.Answer) -> bool:
    if "x-made" in answer.headers:
        return ask(contestant, kind, user).headers["x-made"] == answer.headers["x-made"]
    return any(answer.headers.get(name, "").lower() == "hit" for name in CACHE_HEADERS)


def missing(contestant: Contestant, kind: Kind, user: int, answer: client.Answer) -> list[str]:
    """What one of recgate's answers should have, and has not."""
    absent = [name for name in ("etag", "age", "cache-control", "x-recgate-variation") if name not in answer.headers]
    if ask(contestant, kind, user, {"If-None-Match": answer.headers.get("etag", "")}).status != 304:
        absent.append("304 where nothing has changed")
    if kind.config == GUARDED:
        if b"matchedExperiment" not in answer.body:
            absent.append("experiment")
        if ask(contestant, kind, user, {"X-Api-Key": "wrong"}).status != 401:
            absent.append("401 without the key")
    return [f"no {name}" for name in absent]
