"""The gateway's one error tree. A `Problem` becomes a REST body (the triple of specification §1.8) or an AWS body in
one function each; foreign exceptions become `Problem`s in one place per family.

    Problem(status, type, code)
    ├── Invalid            400  the request breaks a rule
    ├── Unauthenticated    401  the caller has not said who it is, or has not proved it
    ├── Denied             403  the caller is not who it claims to be, or may not do this
    ├── NotConfigured      404  the configuration has no such thing
    ├── TooSlow            408  the rest of the request did not come in time
    ├── Conflict           409  the state of things does not allow it
    ├── Outdated           412  it is about a state that has passed
    ├── TooLarge           413  the body is over the limit
    ├── UnknownEncoding    415  the body is compressed in a way that is not read
    ├── Faulty             422  a text is not what it must be; `faults` say where and why
    ├── Unconditional      428  the caller does not say which state it has seen
    ├── TooMany            429  the caller asks too often
    ├── HeadTooLarge       431  the fields, or the target before them, are over the limit
    ├── Busy               503  not now: what must be kept can't be kept
    │   └── Overloaded          more is asked than can be answered in time
    └── UpstreamProblem         the answerer refused or failed, with its own code
        └── UpstreamTimeout 504
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import engine

RETRY_AFTER_S = 1


class Problem(Exception):
    def __init__(self, message: str, *, status: int, type: str, code: str) -> None:  # noqa: A002 - the wire's word
        super().__init__(message)
        self.message, self.status, self.type, self.code = message, status, type, code

    def triple(self) -> dict[str, Any]:
        return {"type": self.type, "code": self.code, "message": self.message}


class Invalid(Problem):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, status=400, type="Validation", code=code)


class Unauthenticated(Problem):
    """`challenge` is what WWW-Authenticate says: a scheme and its parameters."""

    def __init__(self, code: str, message: str, challenge: str) -> None:
        super().__init__(message, status=401, type="Authorization", code=code)
        self.challenge = challenge


class Denied(Problem):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, status=403, type="Authorization", code=code)


class NotConfigured(Problem):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, status=404, type="Configuration", code=code)


class TooSlow(Problem):
    def __init__(self, message: str) -> None:
        super().__init__(message, status=408, type="Validation", code="RequestTimeout")


class Conflict(Problem):
    def __init__(self, type: str, code: str, message: str) -> None:  # noqa: A002 - the wire's word
        super().__init__(message, status=409, type=type, code=code)


class Outdated(Problem):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, status=412, type="Configuration", code=code)


class Faulty(Problem):
    def __init__(self, code: str, message: str, faults: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(message, status=422, type="Configuration", code=code)
        self.faults = faults

    def triple(self) -> dict[str, Any]:
        return {**super().triple(), "faults": self.faults}


class Unconditional(Problem):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, status=428, type="Validation", code=code)


class TooLarge(Problem):
    def __init__(self, message: str) -> None:
        super().__init__(message, status=413, type="Validation", code="RequestTooLarge")


class UnknownEncoding(Problem):
    def __init__(self, message: str) -> None:
        super().__init__(message, status=415, type="Validation", code="UnsupportedContentEncoding")


class TooMany(Problem):
    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message, status=429, type="Throttling", code="TooManyRequests")
        self.retry_after_s = retry_after_s


class HeadTooLarge(Problem):
    def __init__(self, message: str) -> None:
        super().__init__(message, status=431, type="Validation", code="HeadTooLarge")


class Busy(Problem):
    def __init__(self, code: str, message: str, retry_after_s: int) -> None:
        super().__init__(message, status=503, type="Events", code=code)
        self.retry_after_s = retry_after_s


class Overloaded(Busy):
    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__("Overloaded", message, retry_after_s)
        self.type = "Overload"


class UpstreamProblem(Problem):
    pass


class UpstreamTimeout(UpstreamProblem):
    def __init__(self, message: str) -> None:
        super().__init__(message, status=504, type="Upstream", code="UpstreamTimeout")


def problem_of(error: engine.EngineError) -> Problem:
    """The engine's error with its AWS code."""
    if isinstance(error, engine.Throttled):
        return TooMany(error.message, RETRY_AFTER_S)
    return UpstreamProblem(error.message, status=error.status, type="Personalize", code=error.code)


class as_problems:  # noqa: N801 - reads like a function; as a generator it would take three times as long
    """Within it the engine's errors become `Problem`s, their AWS codes kept."""

    __slots__ = ()

    def __enter__(self) -> None:
        return

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, engine.EngineError):
            raise problem_of(error) from error
