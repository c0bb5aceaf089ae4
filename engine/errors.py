"""The engine's one error tree; the gateway translates it once, by `code` and `status`.

    EngineError
    ├── InvalidInput           a value, or a combination of values, breaks a rule
    │   ├── InvalidNextToken   a page token that we never gave out
    │   └── MissingExtra       it needs a library that is not installed here
    ├── NotFound               no such resource
    ├── AlreadyExists          the name is taken
    ├── InUse                  something depends on it, or its state forbids the call
    ├── LimitExceeded          a quota
    │   ├── TooManyTags
    │   └── TooManyTagKeys
    ├── Throttled              too much waits already; try again
    └── Unavailable            the engine can't answer now (a model still loading, the disk full)
        ├── Damaged            what lies on disk is not what was written there
        ├── StorageFault           the storage of snapshots and models can't be reached, or refuses
        ├── NotFetched             a snapshot or model is yet to come from there
        ├── RecipeFault        a recipe of an installed package can't be used, or is gone
        └── WriterGone         the server that this process handed its writes to has ended

`code` is the AWS exception's name, `status` the HTTP status of the runtime and events services
(specification §1.2; the control plane answers 400 for all of them but Unavailable).
"""

from typing import ClassVar


class EngineError(Exception):
    code: ClassVar[str] = "InternalFailure"
    status: ClassVar[int] = 500

    @property
    def message(self) -> str:
        return str(self)


class InvalidInput(EngineError):
    code = "InvalidInputException"
    status = 400


class InvalidNextToken(InvalidInput):
    code = "InvalidNextTokenException"


class MissingExtra(InvalidInput):
    """A library is needed that an extra of the package brings; the message names both, and the command."""


class NotFound(EngineError):
    code = "ResourceNotFoundException"
    status = 404


class AlreadyExists(EngineError):
    code = "ResourceAlreadyExistsException"
    status = 400


class InUse(EngineError):
    code = "ResourceInUseException"
    status = 409


class LimitExceeded(EngineError):
    code = "LimitExceededException"
    status = 400


class TooManyTags(LimitExceeded):
    code = "TooManyTagsException"


class TooManyTagKeys(LimitExceeded):
    code = "TooManyTagKeysException"


class Throttled(EngineError):
    code = "ThrottlingException"
    status = 429


class Unavailable(EngineError):
    code = "ServiceUnavailableException"
    status = 503


class Damaged(Unavailable):
    """The content of a file is not what was written there; the message names the file, the loss and the way out."""


class StorageFault(Unavailable):
    """The storage of snapshots and models can't be reached, or refuses; the message names it, the reason, the fix."""

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        """A `lasting` one does not pass by itself: somebody has to change something."""
        super().__init__(message)
        self.lasting = lasting


class NotFetched(Unavailable):
    """A snapshot or model is yet to come from the storage to this machine."""


class RecipeFault(Unavailable):
    """A recipe of an installed package can't be used, or is gone; the message names it, its package and the reason."""


class WriterGone(Unavailable):
    pass


class JobStopped(Exception):
    """A job was cancelled, or its process is asked to end: no error of the engine's, and nobody's to answer."""


class SnapshotOvertaken(JobStopped):
    """Another job has published a snapshot of the same group since this one read it."""
