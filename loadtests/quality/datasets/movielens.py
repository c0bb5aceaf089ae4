"""MovieLens-100K, carried by recbole. GroupLens allows research use and no redistribution."""

from __future__ import annotations

from loadtests.movielens import movielens
from loadtests.quality.datasets.base import DataSet

DATA = DataSet("MovieLens-100K", movielens)
