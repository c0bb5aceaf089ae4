"""What a connection needs of the AWS wire's lists that are kept ready to go out."""

from __future__ import annotations

from typing import Protocol

from gateway.hot.heads import Peer


class WireAnswers(Protocol):
    """See `gateway.aws.hits.WireHits`."""

    @property
    def first(self) -> tuple[bytes, ...]:
        """What bytes begin with that `answer` may be asked with."""

    def expects_body(self, head: bytes) -> bool: ...

    def answer(self, data: bytes, peer: Peer) -> bytes | None: ...


class NoWireAnswers:
    """No list is kept."""

    first: tuple[bytes, ...] = ()

    def expects_body(self, head: bytes) -> bool:
        return False

    def answer(self, data: bytes, peer: Peer) -> bytes | None:
        return None


NO_WIRE = NoWireAnswers()
