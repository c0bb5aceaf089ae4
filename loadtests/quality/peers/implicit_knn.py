"""implicit's ItemKNN: cosine, TF-IDF or BM25 weights, the nearest k kept."""

from __future__ import annotations

from collections.abc import Iterator

from loadtests.quality.peers._matrix import matrix
from loadtests.quality.peers.base import MINUTES, Peer
from loadtests.quality.task import Log
from loadtests.quality.tuning import Settings, Stage, Watch


def fit(log: Log, settings: Settings, watch: Watch) -> Iterator[Stage]:
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender

    kinds = {"cosine": CosineRecommender, "tfidf": TFIDFRecommender, "bm25": BM25Recommender}
    chosen = matrix(log, "log")
    model = kinds[settings["weights"]](K=settings["K"])
    model.fit(chosen, show_progress=False)
    yield "", lambda users, now: (chosen[users] @ model.similarity).toarray()


GRID = [{"weights": weights, "K": k} for k in (100, 20, 400) for weights in ("cosine", "tfidf", "bm25")]
PEER = Peer("implicit ItemKNN", fit, GRID, group="quality-implicit", weight=MINUTES)
