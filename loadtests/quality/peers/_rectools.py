"""How rectools' transformers are trained and asked: a few epochs at a time, through the library's own methods."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from loadtests.quality.ranking import CUT, Scorer, scores_of_lists
from loadtests.quality.task import Array, Log
from loadtests.quality.tuning import Stage, Watch

GROUP = "quality-rectools"
EPOCHS = 4  # between looks at the validation
MOST_EPOCHS = 160
LENGTH = 100  # of a history, at most; shorter where nearly all are


def length_of(log: Log) -> int:
    """The length that nearly all histories have, to 100: shorter windows cost less and say the same."""
    return int(np.clip(np.quantile(np.diff(log.indptr), 0.98), 10, LENGTH))


def trained(model: Any, log: Log, watch: Watch, *, context: bool = False) -> Iterator[Stage]:
    """A stage every few epochs. With `context`, the model reads the moment of asking."""
    import torch
    from rectools.dataset import Dataset

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    torch.manual_seed(watch.seed)
    np.random.seed(watch.seed)  # which the library draws from
    dataset = Dataset.construct(frame(log))
    for epochs in range(EPOCHS, MOST_EPOCHS + 1, EPOCHS):
        model.fit_partial(dataset, min_epochs=EPOCHS, max_epochs=EPOCHS)
        yield f"{epochs} epochs", scorer(model, dataset, log, context)


def frame(log: Log) -> Any:
    import pandas as pd

    times = pd.to_datetime(log.times, unit="s")
    return pd.DataFrame({"user_id": log.users, "item_id": log.items, "weight": 1.0, "datetime": times})


def scorer(model: Any, dataset: Any, log: Log, context: bool) -> Scorer:
    popularity = log.counts().astype(np.float32)

    def scores(users: Array, now: Array) -> Array:
        import pandas as pd

        able = users[np.isin(users, log.users)]
        more = {}
        if context:
            moments = dict(zip(users.tolist(), now.tolist(), strict=True))
            times = pd.to_datetime([moments[user] for user in able.tolist()], unit="s")
            more["context"] = pd.DataFrame({"user_id": able, "weight": 1.0, "datetime": times})
        lists = model.recommend(able, dataset, CUT, log.hide_seen, on_unsupported_targets="ignore", **more)
        groups = {user: group.to_numpy() for user, group in lists.groupby("user_id", sort=False)["item_id"]}
        return scores_of_lists(groups, users, popularity)

    return scores
