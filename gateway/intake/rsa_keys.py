"""Public keys of partners that sign by RSA. cryptography takes 20 ms to be imported, which only those who have such a
partner pay for."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from gateway.document.report import Report, inside

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


def check_public_keys(texts: Sequence[str], place: str, report: Report) -> None:
    if not texts:
        report.refuse(inside(place, "publicKeys"), "is missing: nothing could be known by its signature")
    for index, text in enumerate(texts):
        if public_key(text) is None:
            report.refuse(inside(place, "publicKeys", index), "is no public key of RSA in PEM")


@lru_cache(maxsize=64)
def public_key(text: str) -> RSAPublicKey | None:
    """The key that a PEM is; None for another text."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) else None


def is_signed(message: bytes, signature: str, keys: Sequence[str]) -> bool:
    """Tell whether a signature, in base64, is of the message, by RSA (PKCS #1) over SHA-256 and one of the keys."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        signed = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    for key in filter(None, map(public_key, keys)):
        try:
            key.verify(signed, message, PKCS1v15(), SHA256())
        except InvalidSignature:
            continue
        return True
    return False
