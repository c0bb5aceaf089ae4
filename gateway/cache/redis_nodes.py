"""The servers that hold what replicas share: one, whose address Sentinels may tell, or the primaries of a cluster.

A command goes to the server that has its key. One that does not answer is left alone for a moment, and in a cluster the
others go on. Which server has which keys is asked for in the background, never while a request waits.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import Any, Protocol

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import ConnectionPool
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from gateway.cache.redis_connection import MISSING, OutOfStep, RedisConnection, Take

PATIENCE_S = 0.15  # for one command
DOWN_S = 1.0  # after a failure, before the next command
DISCOVERY_S = 5.0  # the longest that a cluster is asked for its servers
MOST_REDIRECTS = 3  # of one command
REDIRECT = re.compile(r"(MOVED|ASK) (\d{1,5}) (\S*):(\d{1,5})")

Command = tuple[bytes, ...]  # its key is the second word
Report = Callable[[str, Exception], None]  # a server's name, and why it did not answer


class RedisNodes(Protocol):
    """The servers behind one URL."""

    def groups(self, names: Sequence[bytes]) -> Sequence[Sequence[bytes]]:
        """The names, those together that one command may ask for."""
        ...

    def send(self, use: str, command: Command, take: Take) -> bool:
        """Send a command over the connection of this use; False if its server is down, and `take` gets nothing."""
        ...

    def is_up(self, now: float) -> bool: ...

    async def close(self) -> None: ...


class RedisNode:
    """One server, with a connection for each use, so that a long command does not hold up a short one."""

    def __init__(
        self,
        name: str,
        source: ConnectionPool | ClusterNode,
        clock: Callable[[], float],
        report: Report,
        redirect: Callable[[Take, str], bool] | None = None,
    ) -> None:
        self.name, self._source, self._clock = name, source, clock
        self._report, self._redirect = report, redirect
        self._connections: dict[str, RedisConnection] = {}
        self.down_until = 0.0

    def connection(self, use: str) -> RedisConnection | None:
        """None while the server is down."""
        if self._clock() < self.down_until:
            return None
        connection = self._connections.get(use)
        if connection is None or connection.is_broken:
            connection = RedisConnection(self._source, PATIENCE_S, self._broke, self._redirect)
            self._connections[use] = connection
        return connection

    def _broke(self, error: Exception) -> None:
        if not isinstance(error, OutOfStep):
            self.down_until = self._clock() + DOWN_S
        self._report(self.name, error)

    async def close(self) -> None:
        self.down_until = inf
        for connection in self._connections.values():
            await connection.close()


class OneServer:
    """The one server of `redis://`, or the primary that Sentinels name when a connection is opened."""

    def __init__(self, redis: Redis, clock: Callable[[], float], report: Report) -> None:
        self._node = RedisNode("Redis", redis.connection_pool, clock, report)

    def groups(self, names: Sequence[bytes]) -> Sequence[Sequence[bytes]]:
        return (names,)

    def send(self, use: str, command: Command, take: Take) -> bool:
        connection = self._node.connection(use)
        if connection is None:
            return False
        connection.send(command, take)
        return True

    def is_up(self, now: float) -> bool:
        return now >= self._node.down_until

    async def close(self) -> None:
        await self._node.close()


class RoutedCommand:
    """A command to a cluster, which another server may have to be asked again."""

    __slots__ = ("command", "redirects", "take", "use")

    def __init__(self, use: str, command: Command, take: Take) -> None:
        self.use, self.command, self.take, self.redirects = use, command, take, 0

    def __call__(self, reply: Any) -> str:
        return self.take(reply)


class ClusterNodes:
    """The primaries of a cluster by the slots of keys. Only servers that the cluster itself has named are sent to."""

    def __init__(self, cluster: RedisCluster, clock: Callable[[], float], report: Report) -> None:
        self._cluster, self._clock, self._report_failure = cluster, clock, report
        self._slots: list[RedisNode | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        self._nodes: dict[str, RedisNode] = {}
        self._discovery: asyncio.Task[None] | None = None
        self._next_discovery = self._down_until = 0.0

    def groups(self, names: Sequence[bytes]) -> Sequence[Sequence[bytes]]:
        by_slot: dict[int, list[bytes]] = {}
        for name in names:
            by_slot.setdefault(key_slot(name), []).append(name)
        return list(by_slot.values())

    def send(self, use: str, command: Command, take: Take) -> bool:
        node = self._slots[key_slot(command[1])]
        if node is None:
            self._discover()
            return False
        connection = node.connection(use)
        if connection is None:
            return False
        connection.send(command, RoutedCommand(use, command, take))
        return True

    def is_up(self, now: float) -> bool:
        return now >= self._down_until

    async def close(self) -> None:
        self._next_discovery = self._down_until = inf
        self._slots = [None] * REDIS_CLUSTER_HASH_SLOTS
        if self._discovery is not None:
            self._discovery.cancel()
            await asyncio.gather(self._discovery, return_exceptions=True)
        for node in self._nodes.values():
            await node.close()

    # ---- a slot's server

    def _redirect(self, sender: str, take: Take, reply: str) -> bool:
        """Send a command again where the reply says; False if it says something else."""
        redirect = REDIRECT.fullmatch(reply)
        if redirect is None or not isinstance(take, RoutedCommand) or int(redirect[2]) >= REDIS_CLUSTER_HASH_SLOTS:
            return False
        host = redirect[3] or sender.rpartition(":")[0]
        node = self._nodes.get(f"{host}:{redirect[4]}")
        if node is None or redirect[1] == "MOVED":
            self._discover()
        take.redirects += 1
        connection = None if node is None or take.redirects > MOST_REDIRECTS else node.connection(take.use)
        if connection is None:
            take(MISSING)
            return True
        if redirect[1] == "MOVED":
            self._slots[int(redirect[2])] = node
        else:
            connection.send((b"ASKING",), _take_asking)
        connection.send(take.command, take)
        return True

    def _discover(self) -> None:
        """Ask the cluster for its servers, in the background and once in a while."""
        if self._clock() >= self._next_discovery:
            self._next_discovery = inf
            self._discovery = asyncio.get_running_loop().create_task(self._ask_for_servers())

    async def _ask_for_servers(self) -> None:
        try:
            async with asyncio.timeout(DISCOVERY_S):
                await self._cluster.initialize()  # nothing after the first time
                await self._cluster.nodes_manager.initialize()
        except Exception as error:  # over odd replies redis-py trips in many ways
            self._down_until = self._clock() + DOWN_S
            self._report_failure("the cluster", error)
        else:
            await self._adopt(self._cluster.nodes_manager.slots_cache)
        self._next_discovery = self._clock() + DOWN_S

    async def _adopt(self, primaries: dict[int, list[ClusterNode]]) -> None:
        nodes: dict[str, RedisNode] = {}
        slots: list[RedisNode | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for slot, (primary, *_) in primaries.items():
            name = primary.name
            if name not in nodes:
                nodes[name] = self._nodes.get(name) or self._node_of(primary)
            slots[slot] = nodes[name]
        gone = [node for name, node in self._nodes.items() if name not in nodes]
        self._nodes, self._slots = nodes, slots
        for node in gone:
            await node.close()

    def _node_of(self, primary: ClusterNode) -> RedisNode:
        return RedisNode(primary.name, primary, self._clock, self._note_failure, partial(self._redirect, primary.name))

    def _note_failure(self, name: str, error: Exception) -> None:
        self._discover()  # another server may have its keys by now
        self._report_failure(name, error)


def _take_asking(reply: Any) -> str:
    return "" if reply is MISSING or reply == b"OK" else "type"


def nodes_of(redis: Redis | RedisCluster, clock: Callable[[], float], report: Report) -> RedisNodes:
    return (ClusterNodes if isinstance(redis, RedisCluster) else OneServer)(redis, clock, report)  # type: ignore[arg-type]
