"""Failures on demand: what a test wants to go wrong, how often, and with what answer."""

from __future__ import annotations

from dataclasses import dataclass

ERRORS = {  # of Amazon Personalize, and the status of each
    "ThrottlingException": 429,
    "LimitExceededException": 429,
    "ServiceUnavailableException": 503,
    "InternalServerException": 500,
    "InvalidInputException": 400,
    "ResourceNotFoundException": 404,
    "ResourceInUseException": 409,
}
TIMEOUT, RESET = "timeout", "reset"


@dataclass
class Failure:
    """`error` is one of ERRORS, "timeout" (no answer for `seconds`) or "reset" (the connection breaks); `times` counts
    down, None: always."""

    operation: str
    error: str
    times: int | None
    seconds: float

    def __post_init__(self) -> None:
        if self.error not in (*ERRORS, TIMEOUT, RESET):
            raise ValueError(f"{self.error} is no failure; it is one of {', '.join((*ERRORS, TIMEOUT, RESET))}")
        if self.times is not None and self.times < 1:
            raise ValueError(f"times is {self.times}; it is at least 1, or None for always")

    def fits(self, operation: str) -> bool:
        return self.operation in (operation, "*") and self.times != 0

    def use(self) -> None:
        if self.times is not None:
            self.times -= 1
