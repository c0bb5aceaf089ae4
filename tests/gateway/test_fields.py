"""Which fields of metadata a caller is told, and in which language."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.fields import form_of, selected

FORMS = [
    ("title", ("title", "")),
    ("title_de", ("title", "de")),
    ("TITLE_DE", ("TITLE", "de")),
    ("titleDe", ("title", "de")),
    ("title_de_at", ("title", "de-at")),
    ("titleDeAt", ("title", "de-at")),
    ("title_fr", ("title_fr", "")),  # no language of this shop
    ("made", ("made", "")),
    ("_de", ("_de", "")),
    ("De", ("De", "")),
]


@pytest.mark.parametrize(("key", "form"), FORMS)
def test_what_a_key_is_a_form_of(key: str, form: tuple[str, str]) -> None:
    assert form_of(key, ("de", "de-AT", "en")) == form


ROW = {
    "title": "lamp",
    "title_de": "Lampe",
    "title_de_AT": "Lamperl",
    "price": 5,
    "about_en": "a lamp",
    "note_de": None,
}
PLAIN = {"price": 5, "about": "a lamp"}
TOLD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, ROW),
    ({"columns": ["PRICE", "TITLE"]}, {"price": 5, "title": "lamp"}),
    ({"columns": ["titleDe"]}, {"title_de": "Lampe"}),
    ({"fields": ["price"]}, {"price": 5}),
    ({"fields": ["price", "unknown"]}, {"price": 5}),
    ({"columns": ["title"], "fields": ["price"]}, {}),  # nobody is told more than is configured
    ({"locale": "de"}, ROW),  # without locales a name is a name
    ({"locales": ("de", "de-AT", "en")}, {**PLAIN, "title": "lamp"}),
    ({"locales": ("de", "de-AT", "en"), "locale": "de"}, {**PLAIN, "title": "Lampe"}),
    ({"locales": ("de", "de-AT", "en"), "locale": "DE_at"}, {**PLAIN, "title": "Lamperl"}),
    ({"locales": ("de", "de-AT", "en"), "locale": "de-CH"}, {**PLAIN, "title": "Lampe"}),
    ({"locales": ("de", "de-AT", "en"), "locale": "fr"}, {**PLAIN, "title": "lamp"}),
    ({"locales": ("de", "de-AT", "en"), "locale": "de", "columns": ["TITLE"]}, {"title": "Lampe"}),
    ({"locales": ("de", "de-AT", "en"), "locale": "de", "fields": ["about"]}, {"about": "a lamp"}),
]


@pytest.mark.parametrize(("asked", "found"), TOLD)
def test_what_is_told(asked: dict[str, Any], found: dict[str, Any]) -> None:
    given = {"columns": (), "fields": (), "locales": (), "locale": "", **asked}
    assert selected([ROW, None], **given) == [found, None]
