"""Trained models on disk: a folder of `.npy` arrays and `about.json`, written whole or not at all, never a pickle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from engine.data.columns import load_array
from engine.recipe import Model
from engine.storage.artifact_store import ArtifactStore
from engine.storage.folders import read_json


def save(model: Model, store: ArtifactStore, path: str, made_from: tuple[Model, str] | None = None) -> None:
    """Write a model; what an interrupted training left in the place is replaced.

    Arrays that it shares with the model it was `made_from`, which has that path, are on disk once.
    """
    base, base_path = made_from or (Model({}), "")
    with store.whole(path, base_path) as partial:
        at = store.fetch(base_path) if base_path else partial
        for name, array in model.arrays.items():
            if base.arrays.get(name) is array:
                (partial / f"{name}.npy").hardlink_to(at / f"{name}.npy")
            else:
                np.save(partial / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
        (partial / "about.json").write_text(json.dumps({"arrays": list(model.arrays), "about": model.about}))


def load(folder: Path) -> Model:
    """Memory-map a model; its pages are shared by all workers. Raises `FileNotFoundError` where there is none, and
    `Damaged`."""
    index = read_json(folder / "about.json")
    return Model({name: load_array(folder / f"{name}.npy") for name in index["arrays"]}, index["about"])
