"""A step by its formula, and what training loads."""

import sys

import numpy as np
import pytest
import torch

from engine.nn.loop import trained
from engine.nn.optimizer import BETAS, DECAY, Optimizer
from engine.nn.transformer import TransformerShape
from engine.recipe import silent
from tests.engine.recipes.worlds import chain


@pytest.mark.parametrize("length", [0.5, 40.0])
def test_steps_by_hand(length: float) -> None:
    """Long gradients are cut to a norm of 1, over all parameters."""
    network = torch.nn.Linear(2, 1)
    optimizer = Optimizer(network)
    weights = torch.cat([each.detach().flatten() for each in network.parameters()]).numpy().astype(float)
    mean, square = np.zeros(3), np.zeros(3)
    for step, rate in enumerate((0.1, 0.02), 1):
        gradient = np.array([0.6, 0.8, 0.0]) * length * (1, -1)[step - 1]
        network.weight.grad, network.bias.grad = torch.tensor(gradient[None, :2]).float(), torch.zeros(1)
        optimizer.step(rate)
        assert network.weight.grad is None and network.bias.grad is None
        gradient /= max(length, 1)
        mean, square = BETAS[0] * mean + 0.1 * gradient, BETAS[1] * square + 0.02 * gradient**2
        towards = mean / (1 - BETAS[0] ** step) / (np.sqrt(square / (1 - BETAS[1] ** step)) + 1e-8)
        weights -= rate * (DECAY * weights + towards)
        found = torch.cat([each.detach().flatten() for each in network.parameters()]).numpy()
        np.testing.assert_allclose(found, weights, atol=1e-5)


def test_training_loads_no_compiler() -> None:
    """The first of torch's own optimizers would: 800 modules, a second and 70 MB in every process that trains."""
    trained(chain(users=20), TransformerShape(items=30, length=4, dim=4), 1, 0, silent)
    assert "torch._dynamo" not in sys.modules
