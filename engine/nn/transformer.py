"""A causal transformer over one user's items: item and position embeddings, pre-norm blocks, tied output.

After SASRec (Kang and McAuley, 2018), with the loss over the whole catalogue that later work found to matter more
than the architecture. Every parameter is stacked over layers, so a trained model is a dozen named arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class TransformerShape:
    items: int
    length: int = 50  # T, the items of a history that are read
    dim: int = 64
    heads: int = 2
    layers: int = 1  # on MovieLens-100K a second one doubled the time and gained .002
    dropout: float = 0.3


class Transformer(nn.Module):
    def __init__(self, shape: TransformerShape, generator: torch.Generator) -> None:
        super().__init__()
        self.shape, self.generator = shape, generator
        L, D = shape.layers, shape.dim

        def drawn(*size: int, std: float = 0.02) -> nn.Parameter:
            return nn.Parameter(torch.randn(*size, generator=generator) * std)

        self.items = drawn(shape.items, D)
        self.positions = drawn(shape.length, D)
        self.bias = nn.Parameter(torch.zeros(shape.items))
        self.qkv, self.qkv_bias = drawn(L, 3 * D, D, std=D**-0.5), nn.Parameter(torch.zeros(L, 3 * D))
        self.out, self.out_bias = drawn(L, D, D), nn.Parameter(torch.zeros(L, D))
        self.up, self.up_bias = drawn(L, 4 * D, D, std=D**-0.5), nn.Parameter(torch.zeros(L, 4 * D))
        self.down, self.down_bias = drawn(L, D, 4 * D), nn.Parameter(torch.zeros(L, D))
        self.norm1, self.norm2, self.norm = (nn.Parameter(_unit(n, D)) for n in (L, L, 1))

    def forward(self, history: Tensor) -> Tensor:
        """history (B, T) item ids, padded on the right → (B, T, D) what each position expects next."""
        x = self.items[history] + self.positions[: history.shape[1]]  # (B, T, D)
        x = self._drop(x)
        for layer in range(self.shape.layers):
            x = x + self._drop(self._attend(layer, _norm(x, self.norm1[layer])))
            x = x + self._drop(self._feed(layer, _norm(x, self.norm2[layer])))
        return _norm(x, self.norm[0])

    def _attend(self, layer: int, x: Tensor) -> Tensor:
        B, T, D = x.shape
        qkv = functional.linear(x, self.qkv[layer], self.qkv_bias[layer])  # (B, T, 3 D)
        q, k, v = qkv.view(B, T, 3, self.shape.heads, -1).permute(2, 0, 3, 1, 4)  # each (B, heads, T, D / heads)
        # padding is in the future of every item
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return functional.linear(mixed.transpose(1, 2).reshape(B, T, D), self.out[layer], self.out_bias[layer])

    def _feed(self, layer: int, x: Tensor) -> Tensor:
        hidden = functional.relu(functional.linear(x, self.up[layer], self.up_bias[layer]))  # (B, T, 4 D)
        return functional.linear(hidden, self.down[layer], self.down_bias[layer])

    def _drop(self, x: Tensor) -> Tensor:
        # torch's own dropout draws from a global generator, which concurrent trainings would share
        if not self.training or not self.shape.dropout:
            return x
        share = 1 - self.shape.dropout
        return x * (torch.rand(x.shape, generator=self.generator) < share) / share


def _unit(layers: int, dim: int) -> Tensor:
    """(layers, 2, dim) gains of one and offsets of zero."""
    return torch.stack((torch.ones(layers, dim), torch.zeros(layers, dim)), dim=1)


def _norm(x: Tensor, gain: Tensor) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], gain[0], gain[1], 1e-5)
