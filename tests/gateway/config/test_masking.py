"""Secrets in a configuration's text: nobody sees them, and a text that is sent back has them again."""

from __future__ import annotations

import pytest

from gateway.config import ConfigError
from gateway.config.masking import masked, unmasked

TEXT = """\
aws:
  accessKeys:
    - {accessKeyId: AKID1, secretAccessKey: "very-secret", accountId: "000000000000"}  # one
    - accessKeyId: AKID2
      secretAccessKey: other-secret
      sessionToken: >-
        long
        token
      accountId: "000000000000"
    - {accessKeyId: AKID3, secretAccessKey: "${FROM_OUTSIDE}", accountId: "000000000000"}
namespaces:
  shop:
    recommenders:
      recommend-items:
        home: {variations: {far: {type: http, url: "https://far.example", headers: {authorization: Bearer xyz}}}}
"""
SECRETS = ("very-secret", "other-secret", "long\n", "token\n", "Bearer xyz")


def test_no_secret_is_seen_and_all_else_is() -> None:
    text = masked(TEXT)
    assert not [each for each in SECRETS if each in text]
    assert "${FROM_OUTSIDE}" in text and "accessKeyId: AKID2" in text and "# one" in text
    assert text.count("***") == 2 * 4


def test_a_text_that_is_sent_back_has_its_secrets_again() -> None:
    assert unmasked(masked(TEXT), TEXT, "shop.yaml") == TEXT
    changed = masked(TEXT).replace("AKID1", "AKID9")
    assert unmasked(changed, TEXT, "shop.yaml") == TEXT.replace("AKID1", "AKID9")


def test_a_mark_of_no_secret_is_refused_with_its_line() -> None:
    text = masked(TEXT).replace("***", "***", 1)
    foreign = text.replace(text[text.index("***") + 3 : text.index("***") + 11], "00000000")
    with pytest.raises(ConfigError) as raised:
        unmasked(foreign, TEXT, "shop.yaml")
    (fault,) = raised.value.faults
    assert fault.line == 3 and "no longer" in fault.message


def test_a_text_that_is_no_yaml_is_masked_line_by_line() -> None:
    text = masked("aws: {accessKeys: [{secretAccessKey: very-secret\n  sessionToken: abc\n")
    assert "very-secret" not in text and "abc" not in text


def test_json() -> None:
    text = '{\n\t"aws": {"accessKeys": [{"secretAccessKey": "very-secret"}]}\n}'
    assert "very-secret" not in masked(text)
    assert unmasked(masked(text), text, "shop.json") == text


def test_lists_of_secrets_are_masked_and_lists_of_maps_by_that_name_are_not() -> None:
    text = masked("auth: {keys: [{name: web, sha256: abc}]}\nintake: {segment: {keys: [one, '${TWO}'], }}\n")
    assert "name: web, sha256: abc" in text and "${TWO}" in text
    assert "one" not in text
