"""Who waits for the event log hears of its own append, however many end at once and in whatever thread."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future

import pytest

from engine import Unavailable
from gateway.upstreams.durable import Landing


def test_everybody_hears_the_end_of_its_own_append() -> None:
    async def story() -> None:
        landing, appends = Landing(), [Future[int]() for _ in range(300)]
        waiting = [asyncio.create_task(landing.of(each)) for each in appends]

        def end(mine: list[Future[int]]) -> None:
            for each in mine:
                if (number := appends.index(each)) % 7 == 0:
                    each.set_exception(Unavailable(str(number)))
                else:
                    each.set_result(number)

        threads = [threading.Thread(target=end, args=(appends[first::3],)) for first in range(3)]
        for thread in threads:
            thread.start()
        told = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
        assert [str(each) for each in told] == [str(number) for number in range(300)]
        assert [isinstance(each, Unavailable) for each in told] == [number % 7 == 0 for number in range(300)]
        assert await landing.of(appends[1]) == 1  # which has ended before anybody asks

    asyncio.run(story())


def test_who_has_gone_keeps_nobody_from_hearing() -> None:
    async def story() -> None:
        landing, first, second = Landing(), Future[int](), Future[int]()
        gone, waiting = (asyncio.create_task(landing.of(each)) for each in (first, second))
        await asyncio.sleep(0)
        gone.cancel()
        first.set_result(1)
        second.set_result(2)
        assert await asyncio.wait_for(waiting, 10) == 2
        with pytest.raises(asyncio.CancelledError):
            await gone

    asyncio.run(story())
