"""What comes back from Redis: the value that was stored under that key, or nothing at all."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from gateway.cache.seal import Seal, Unsealed

SEAL = Seal()
KEY, OTHER = b"recgate:ready:5.0:u1", b"recgate:ready:5.0:u2"


def is_refused(seal: Seal, key: bytes, raw: bytes) -> None:
    with pytest.raises(Unsealed):
        seal.opened(key, raw)


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_what_was_stored_comes_back(payload: bytes, key: bytes) -> None:
    assert SEAL.opened(key, SEAL.sealed(key, payload)) == payload


@given(st.binary(max_size=60), st.data())
def test_no_bit_may_change_and_no_byte_be_cut_or_added(payload: bytes, data: st.DataObject) -> None:
    raw = bytearray(SEAL.sealed(KEY, payload))
    place = data.draw(st.integers(0, 8 * len(raw) - 1))
    is_refused(SEAL, KEY, bytes(raw[: place // 8]))
    is_refused(SEAL, KEY, bytes(raw) + b"x")
    raw[place // 8] ^= 1 << (place % 8)
    is_refused(SEAL, KEY, bytes(raw))


@given(st.binary(max_size=200))
def test_bytes_of_a_stranger(raw: bytes) -> None:
    is_refused(SEAL, KEY, raw)


def test_the_value_of_another_key() -> None:
    is_refused(SEAL, KEY, SEAL.sealed(OTHER, b"their list"))


def test_who_has_not_the_secret_can_t_make_a_value() -> None:
    secret, other = Seal("a secret of ours"), Seal("another secret..")
    is_refused(secret, KEY, SEAL.sealed(KEY, b"forged"))
    is_refused(secret, KEY, other.sealed(KEY, b"forged"))
    assert secret.opened(KEY, Seal("a secret of ours").sealed(KEY, b"ours")) == b"ours"
    assert len({secret.mark, other.mark, SEAL.mark}) == 3, (
        "they have keys of their own, so none closes the other's line"
    )
    assert "secret" not in secret.mark
