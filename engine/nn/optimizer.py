"""AdamW (Loshchilov and Hutter, 2019) as torch computes it, without torch's class for it: that loads the compiler of
torch, which takes a second of every training and gives it nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

BETAS = (0.9, 0.98)
DECAY = 0.01
LEAST = 1e-8  # deviation that a gradient is taken to have
STEEPEST = 1.0  # norm of all gradients; longer ones are made as short


class Optimizer:
    """What a network's parameters, all of which a loss depends on, have gathered in the steps so far."""

    def __init__(self, model: nn.Module) -> None:
        self._parameters: list[Tensor] = list(model.parameters())
        self._means, self._squares = ([torch.zeros_like(each) for each in self._parameters] for _ in range(2))
        self._steps = [torch.zeros(()) for _ in self._parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move the parameters against their gradients, which are then none."""
        nn.utils.clip_grad_norm_(self._parameters, STEEPEST)
        adamw(
            self._parameters,
            [each.grad for each in self._parameters if each.grad is not None],
            self._means,
            self._squares,
            [],
            self._steps,
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=rate,
            weight_decay=DECAY,
            eps=LEAST,
            maximize=False,
        )
        for each in self._parameters:
            each.grad = None
