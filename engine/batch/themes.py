"""A theme for a list of items: a few words that say what they have in common and others have not (specification §7.2).

Categories and words of the items' names and texts are weighed by how much more often the items have them than the
catalogue: share × log(share / share of the catalogue), what each adds to the divergence of the two; a word counts the
more, the nearer it is in meaning (`engine.text.embedding`) to these items than to the catalogue. An item's relevance is
the cosine between the meanings of the theme and of what is said about the item.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np

from engine.batch.inference import InferenceOutput
from engine.data.columns import Floats
from engine.data.group import Group
from engine.data.schema import Field
from engine.serving.serve import DECIMALS
from engine.text.embedding import embed

SAMPLE = 2_000  # items that stand for the catalogue
LONGEST = 2_000  # characters of a text that are read
CATEGORIES, WORDS = 2, 2  # the most of each in a theme
CHOICE = 12  # words whose meaning is looked at
NEARLY = 0.5  # of the first's weight: what a further one needs
NOTHING = "Similar items"  # the theme of items that nothing is said about
WORD = re.compile(r"[^\W\d_]{3,}")


class Themed(msgspec.Struct, frozen=True, rename="camel"):
    """Items by relevance to the theme, most relevant first."""

    recommended_items: tuple[str, ...]
    theme: str
    items_theme_relevance_scores: tuple[float, ...]


class ItemText(NamedTuple):
    categories: frozenset[str]
    words: frozenset[str]  # in lower case
    text: str


class Themes:
    """The themes of a group's items, which have these fields; `name` (any case) is the one with an item's name."""

    def __init__(self, group: Group, fields: Iterable[Field], name: str) -> None:
        strings = [field for field in fields if field.type == "string"]
        self._names = [field.name for field in strings if field.name.upper() == name.upper()]
        self._texts = [field.name for field in strings if field.textual and field.name not in self._names]
        self._categories = [field.name for field in strings if field.categorical and field.name not in self._names]
        self._group = group
        self._text = lru_cache(maxsize=4 * SAMPLE)(self._read)
        count = len(group.items)
        sample = np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(int)) if count else ()
        self._usual = [self._text(int(index)) for index in sample]
        self._usual_categories = Counter(category for text in self._usual for category in text.categories)
        self._usual_meaning = _mean(embed([each.text for each in self._usual]))
        self._usual_words = Counter(word for text in self._usual for word in text.words)

    def of(self, items: Sequence[str]) -> Themed:
        texts = [self._text(self._group.items.find(item)) for item in items]
        meanings = embed([each.text for each in texts])
        theme = self._theme(texts, meanings)
        relevance = meanings @ embed([theme])[0]
        order = np.argsort(-relevance, kind="stable").tolist()
        scores = tuple(round(float(relevance[place]), DECIMALS) for place in order)
        return Themed(tuple(items[place] for place in order), theme, scores)

    def _read(self, index: int) -> ItemText:
        def of(columns: list[str]) -> list[str]:
            values = (self._group.item_table.value(index, column) for column in columns)
            return [str(value)[:LONGEST] for value in values if value]

        names, texts = of(self._names), of(self._texts)
        categories = [part.strip() for value in of(self._categories) for part in value.split("|") if part.strip()]
        words = {word.lower() for text in (*names, *texts) for word in WORD.findall(text)}
        return ItemText(frozenset(categories), frozenset(words), ". ".join((*names, ", ".join(categories), *texts)))

    def _theme(self, texts: Sequence[ItemText], meanings: Floats) -> str:
        categories = _best(self._distinctive([each.categories for each in texts], self._usual_categories), CATEGORIES)
        named = {word.lower() for category in categories for word in WORD.findall(category)}
        spoken = [each.words - named for each in texts]
        words = _best(self._weighted_by_meaning(self._distinctive(spoken, self._usual_words), meanings), WORDS)
        theme = ": ".join(part for part in (" and ".join(categories), ", ".join(words)) if part)
        return theme[:1].upper() + theme[1:] if theme else NOTHING

    def _distinctive(self, terms_of: Sequence[frozenset[str]], usual: Mapping[str, int]) -> dict[str, float]:
        """The weight with which each term tells these items from others; a term is one of two items or more."""
        counts = Counter(term for terms in terms_of for term in terms)
        weights = {}
        for term, often in counts.items():
            share, usually = often / len(terms_of), (usual.get(term, 0) + 1) / (len(self._usual) + 2)
            if often >= min(2, len(terms_of)) and share > usually:
                weights[term] = share * math.log(share / usually)
        return weights

    def _weighted_by_meaning(self, weights: Mapping[str, float], meanings: Floats) -> dict[str, float]:
        """The most telling words, weighed by their meaning as well; those of no special meaning to these items go."""
        words = sorted(weights, key=lambda word: (-weights[word], word))[:CHOICE]
        nearer = embed(words) @ (_mean(meanings) - self._usual_meaning)
        return {word: weights[word] * float(near) for word, near in zip(words, nearer, strict=True) if near > 0}


def _mean(meanings: Floats) -> Floats:
    """(WIDTH,) the mean of the vectors; zero without any."""
    return np.asarray(meanings.sum(axis=0) / max(len(meanings), 1), np.float32)


def _best(weights: Mapping[str, float], most: int) -> list[str]:
    """The terms of the greatest weights, greatest first."""
    best = sorted(weights, key=lambda term: (-weights[term], term))[:most]
    return [term for term in best if weights[term] >= NEARLY * weights[best[0]]]


def themed(answer: Callable[[bytes], InferenceOutput], themes: Themes) -> Callable[[bytes], Themed]:
    return lambda line: themes.of(answer(line).recommended_items)
