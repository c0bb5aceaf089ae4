"""How many threads torch takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.extras import TORCH, importing


@contextmanager
def one_thread() -> Iterator[None]:
    """Work in one thread: small steps lose more to waking threads than they gain, and on a busy machine large ones wait
    for each other while they hold the processor.

    Measured: the inverse of 6,000 items took 3.2 s of processor time in one thread and 10.4 s in two, beside others.
    """
    with importing(TORCH, "Training needs"):
        import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
