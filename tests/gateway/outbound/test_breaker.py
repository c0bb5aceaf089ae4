"""The circuit breaker, by a clock of its own, over a real socket."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from gateway.errors import UpstreamProblem
from gateway.outbound import Outbound, OutboundRequest, Peer, Transport
from gateway.plan.plan import Limits
from tests.gateway.outbound.wire import Caller, plain, run, until, wire
from tests.gateway.serve.world import Clock

LIMITS = Limits(timeout_s=20.0, retries=0, failures=3, open_s=30.0)
STATUSES = {200: b"200 OK", 404: b"404 Not Found", 500: b"500 Failed"}
ROWS = [  # (seconds later, what the peer would answer, what comes of it)
    pytest.param([(0, 500, 502)] * 3 + [(0, 200, 503), (29, 200, 503), (1, 200, 200), (0, 200, 200)], id="recovers"),
    pytest.param([(0, 500, 502)] * 3 + [(30, 500, 502), (29, 200, 503), (1, 200, 200)], id="fails again"),
    pytest.param([(0, 500, 502)] * 2 + [(0, 200, 200)] + [(0, 500, 502)] * 3 + [(0, 200, 503)], id="in a row"),
    pytest.param([(0, 500, 502)] * 2 + [(0, 404, 404)] + [(0, 500, 502)] * 3 + [(0, 200, 503)], id="an answer"),
    pytest.param([(0, 500, 502)] * 3 + [(30, 404, 404), (0, 200, 200)], id="recovers by an answer"),
]


@pytest.mark.parametrize("rows", ROWS)
def test_a_peer_is_left_alone(rows: list[tuple[int, int, int]]) -> None:
    clock = Clock()

    async def story() -> None:
        async def answer(caller: Caller) -> None:
            caller.send(plain(b"", STATUSES[status]))

        async with wire(answer) as origin, aclosing(Transport()) as transport:
            outbound, outcomes = Outbound(transport, clock), []
            for later, status, _ in rows:  # noqa: B007 - the peer reads the status
                clock.tick(later)
                outcomes.append(await asked(outbound, origin.url))
            assert outcomes == [outcome for *_, outcome in rows]

    run(story)


def test_one_request_finds_out_whether_it_is_well() -> None:
    clock, released = Clock(), asyncio.Event()

    async def story() -> None:
        async def answer(caller: Caller) -> None:
            if len(origin.asked) <= 3:
                caller.send(plain(b"", STATUSES[500]))
                return
            await released.wait()
            caller.send(plain(b""))

        async with wire(answer) as origin, aclosing(Transport()) as transport:
            outbound = Outbound(transport, clock)
            assert await asyncio.gather(*(asked(outbound, origin.url) for _ in range(3))) == [502] * 3
            clock.tick(30)
            first = asyncio.create_task(asked(outbound, origin.url))
            await until(lambda: len(origin.asked) == 4)
            assert [await asked(outbound, origin.url) for _ in range(5)] == [503] * 5
            released.set()
            assert await first == 200
            assert await asyncio.gather(*(asked(outbound, origin.url) for _ in range(5))) == [200] * 5

    run(story)


def test_callers_who_hang_up_break_no_circuit() -> None:
    async def story() -> None:
        async def answer(caller: Caller) -> None:
            if len(origin.asked) > 3:
                caller.send(plain(b""))

        async with wire(answer) as origin, aclosing(Transport()) as transport:
            outbound = Outbound(transport, Clock())
            waiting = [asyncio.create_task(asked(outbound, origin.url)) for _ in range(3)]
            await until(lambda: len(origin.asked) == 3)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            assert await asked(outbound, origin.url) == 200

    run(story)


async def asked(outbound: Outbound, url: str) -> int:
    try:
        return (await outbound.ask(Peer("origin", "Http", LIMITS), OutboundRequest("GET", url, {}, None))).status
    except UpstreamProblem as problem:
        return problem.status
