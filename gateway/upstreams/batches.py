"""Questions to the engine, answered together: one hop to a thread and back for all that wait, not one for each.

While a batch is answered, the questions of that time wait for the next; so batches grow with the load, and a question
that comes alone is answered alone, at once. Used from the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

from gateway.errors import Busy

Q = TypeVar("Q")
A = TypeVar("A")

LANES = 1  # batches under way at once: a second would only take questions and the processor from the first
MOST = 32  # questions of one batch
MOST_WAITING = 4_000  # beyond these nobody would wait long enough


class Batches(Generic[Q, A]):
    """`answer(questions)` gives each its answer or the error that it is to end with, in a thread."""

    def __init__(
        self, answer: Callable[[Sequence[Q]], Sequence[A | Exception]], threads: Executor, lanes: int = LANES
    ) -> None:
        self._answer, self._threads, self._lanes = answer, threads, lanes
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._under_way = 0
        self._called = False  # whether `_send` comes at the end of this tick

    async def ask(self, question: Q) -> A:
        """Raises `Busy` where too many wait."""
        if len(self._waiting) >= MOST_WAITING:
            raise Busy("EngineBusy", "too many questions wait for the engine; ask again in a second", 1)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[A] = loop.create_future()
        self._waiting.append((question, future))
        if not self._called:
            self._called = True
            loop.call_soon(self._send, loop)
        return await future

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        self._called = False
        while self._waiting and self._under_way < self._lanes:
            taken = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            batch = [each for each in taken if not each[1].done()]  # who hung up needs no answer
            if batch:
                self._under_way += 1
                self._threads.submit(self._work, loop, batch)

    def _work(self, loop: asyncio.AbstractEventLoop, batch: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        questions = [question for question, _ in batch]
        try:
            answers = self._answer(questions)
        except Exception as error:  # whosesoever it is, the others must not suffer for it
            answers = [error] if len(batch) == 1 else [self._alone(question) for question in questions]
        loop.call_soon_threadsafe(self._land, loop, batch, answers)

    def _alone(self, question: Q) -> A | Exception:
        try:
            return self._answer([question])[0]
        except Exception as error:
            return error

    def _land(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: Sequence[tuple[Q, asyncio.Future[A]]],
        answers: Sequence[A | Exception],
    ) -> None:
        self._under_way -= 1
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        self._send(loop)
