"""A blend as one product: one vector an item, of what the sequence model reads and of what all users get alike.

An item's vector is that of the sequence model (dim,), its bias, and its score with everyone in each of the two blends
for users with a history; the vector of a question has the user's, the weight of the biases, and 1 for the blend that
answers it. What is asked without a history, or of a blend without the sequence model, is no product, but then there is
little to save.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.data.columns import Floats
from engine.ensemble.fits import unpacked
from engine.ensemble.members import MEMBERS
from engine.ensemble.mixture import LogitSum, Mixture
from engine.ensemble.training import plan_of
from engine.nearest.cells import Index
from engine.recipe import Model

PREFIX = "index_"  # of the index's arrays among a model's
BLENDS = 2  # those for active and for returning users


def index_of(model: Model) -> Index | None:
    """The index that `engine.ensemble.indexing` made of the model, if it was any good."""
    about = model.about.get("index")
    if about is None:
        return None
    arrays = {name.removeprefix(PREFIX): array for name, array in model.arrays.items() if name.startswith(PREFIX)}
    return Index(arrays, about["share"], about["depth"])


def vectors_of(model: Model, mixtures: Sequence[Mixture]) -> Floats | None:
    """(items, d); None for a plan without exactly one sequence model."""
    columns = plan_of(model).columns
    trained = {column.fit for column in columns if MEMBERS[column.member].vectors is not None}
    if len(trained) != 1:
        return None
    arrays = unpacked(model.arrays, columns)[trained.pop()]
    return np.column_stack((arrays["items"], arrays["bias"], *(each.base for each in mixtures[:BLENDS])))


def vector_of(total: LogitSum, blend: int, width: int) -> Floats | None:
    """(width,) the vector of a question; None where its sum is no such product."""
    if total.dense or len(total.products) != 1:
        return None
    _, vector, bias = total.products[0]
    ones = np.arange(BLENDS) == blend
    extended = np.concatenate((vector, [bias], ones)).astype(np.float32)
    assert len(extended) == width, "made for another sequence model"
    return extended
