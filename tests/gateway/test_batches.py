"""Questions that wait are answered together; each gets its own answer or error, and nobody another's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.errors import Busy
from gateway.upstreams.batches import MOST, MOST_WAITING, Batches


class Doubling:
    """Doubles numbers; refuses odd hundreds, and breaks at -1, whatever else it is asked with."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.open = threading.Event()
        self.open.set()

    def __call__(self, questions: Sequence[int]) -> list[int | Exception]:
        self.open.wait(10)
        self.batches.append(len(questions))
        if -1 in questions:
            raise ArithmeticError("-1")
        return [ValueError(str(each)) if each % 200 == 100 else 2 * each for each in questions]


async def asked(batches: Batches[int, int], numbers: Sequence[int]) -> list[int | BaseException]:
    return await asyncio.gather(*(batches.ask(number) for number in numbers), return_exceptions=True)


def test_those_of_one_tick_go_together_and_get_what_is_theirs() -> None:
    answer = Doubling()
    with ThreadPoolExecutor(2) as threads:
        found = asyncio.run(asked(Batches(answer, threads), range(10)))
    assert found == [2 * number for number in range(10)]
    assert answer.batches == [10]


def test_one_that_is_refused_or_breaks_harms_no_other() -> None:
    answer = Doubling()
    with ThreadPoolExecutor(2) as threads:
        found = asyncio.run(asked(Batches(answer, threads), [1, 100, -1, 3]))
    assert (found[0], found[3]) == (2, 6)
    assert isinstance(found[1], ValueError) and isinstance(found[2], ArithmeticError)


def test_batches_grow_while_others_are_answered() -> None:
    answer = Doubling()

    async def crowd(batches: Batches[int, int]) -> list[int | BaseException]:
        answer.open.clear()
        first = asyncio.create_task(batches.ask(0))
        await asyncio.sleep(0.01)
        others = [asyncio.create_task(batches.ask(number)) for number in range(1, 3 * MOST)]
        await asyncio.sleep(0.01)
        others[0].cancel()
        answer.open.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    with ThreadPoolExecutor(2) as threads:
        found = asyncio.run(crowd(Batches(answer, threads, lanes=1)))
    assert isinstance(found[1], asyncio.CancelledError)
    assert found[2:] == [2 * number for number in range(2, 3 * MOST)]
    assert answer.batches == [1, MOST - 1, MOST, MOST - 1]  # who hung up took a place, and no time


def test_too_many_are_refused_and_the_others_answered() -> None:
    answer = Doubling()
    with ThreadPoolExecutor(2) as threads:
        found = asyncio.run(asked(Batches(answer, threads), range(1, MOST_WAITING + 3)))
    assert [type(each) for each in found[-2:]] == [Busy, Busy]
    assert found[:99] == [2 * number for number in range(1, 100)]


def test_nobody_gets_anothers_answer_under_load() -> None:
    async def users(batches: Batches[int, int]) -> None:
        async def user(number: int) -> None:
            for turn in range(20):
                wanted = 2 * (number * 1_000 + turn)
                assert await batches.ask(wanted // 2) == wanted
                await asyncio.sleep(0 if turn % 3 else 0.001)

        await asyncio.gather(*(user(number) for number in range(0, 100, 2)))

    with ThreadPoolExecutor(2) as threads:
        asyncio.run(users(Batches(lambda numbers: [2 * number for number in numbers], threads)))


@pytest.mark.parametrize("lanes", [1, 2])
def test_so_many_are_under_way_at_once(lanes: int) -> None:
    going, most, lock = 0, 0, threading.Lock()

    def answer(numbers: Sequence[int]) -> list[int | Exception]:
        nonlocal going, most
        with lock:
            going, most = going + 1, max(most, going + 1)
        threading.Event().wait(0.002)
        with lock:
            going -= 1
        return list(numbers)

    with ThreadPoolExecutor(4) as threads:
        asyncio.run(asked(Batches(answer, threads, lanes), range(10 * MOST)))
    assert most == lanes
