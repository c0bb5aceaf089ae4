"""Values in Redis are sealed to their keys: a reply that is damaged or belongs to another key can't be opened."""

from __future__ import annotations

import os
from hashlib import blake2b

FORMAT = 5  # of all that is stored: another one has other keys, so replicas of two releases never meet
NONCE = 12


class Unsealed(Exception):
    """The value is not the one that was stored under this key."""


class Seal:
    """AES-GCM: its tag of 128 bits covers the value and its key. Values can be made and read only with the secret; if
    none is set, the cipher's key follows from this file.

    `mark` identifies the format and the secret, without revealing it; it is a part of every key.
    """

    def __init__(self, secret: str = "") -> None:
        from cryptography.exceptions import InvalidTag  # 20 ms, which only those who have a Redis pay for
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        derived = blake2b(secret.encode(), digest_size=20, person=b"recgate-redis").digest()
        cipher = AESGCM(derived[:16])
        self._encrypt, self._decrypt, self._invalid = cipher.encrypt, cipher.decrypt, InvalidTag
        self.mark = f"{FORMAT}.{derived[16:].hex()}"

    def sealed(self, key: bytes, payload: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._encrypt(nonce, payload, key)

    def opened(self, key: bytes, raw: bytes) -> bytes:
        """The payload that was stored under the key. Raises `Unsealed`."""
        try:
            return self._decrypt(raw[:NONCE], raw[NONCE:], key)
        except (self._invalid, ValueError, TypeError) as error:  # it is too short, or no bytes
            raise Unsealed from error
