"""Writes as functions of their own, so that a process that may not run for a while can leave them to one that does.

Whoever writes holds the lock that all events wait for. A process that is stopped in that moment, or gets no share of
the processor, would hold it for as long: so the job process of a server, and commands beside one, hand each write over
whole, as the name of a function and its arguments, and the server does it (see `engine.storage.write_server`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, get_type_hints

import msgspec
import sqlalchemy as sa

from engine.errors import EngineError, JobStopped, Unavailable

if TYPE_CHECKING:
    from engine.engine import Engine

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
Call = tuple[str, tuple[msgspec.Raw, ...]]  # a write's name, its arguments
Outcome = tuple[str, str, msgspec.Raw]  # an error's class and words, or two times nothing, and the result

# name -> function, types of arguments, of the result
_writes: dict[str, tuple[Callable[..., Any], list[Any], Any]] = {}
_call = msgspec.msgpack.Decoder(Call)
_outcome = msgspec.msgpack.Decoder(Outcome)


def write(function: Callable[Concatenate[Engine, P], T]) -> Callable[Concatenate[Engine, P], T]:
    """Registers a write: arguments and result are what msgspec can encode, and are given in order.

    The function is done whole by one process: this one, or the one that this engine hands its writes to, whose engine
    it then gets. What it raises of the engine's errors reaches the caller; anything else becomes `Unavailable`.
    """
    name = f"{function.__module__}:{function.__qualname__}"
    _writes[name] = (function, [], None)

    @wraps(function)
    def call(engine: Engine, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if engine.forwarder is None:
            return function(engine, *args, **kwargs)
        assert not kwargs, f"{name} takes its arguments in order"
        outcome = engine.forwarder.exchange(msgspec.msgpack.encode((name, args)))
        if outcome is None:
            return function(engine, *args, **kwargs)
        error, message, result = _outcome.decode(outcome)
        if error:
            raise _errors().get(error, Unavailable)(message)
        decoded: T = msgspec.msgpack.decode(result, type=_typed(name)[2])
        return decoded

    return call


def perform_call(engine: Engine, call: bytes) -> bytes:
    """A call that another process handed over; its outcome."""
    error, message, result = "", "", b"\xc0"
    try:
        name, arguments = _call.decode(call)
        function, types, _ = _typed(name)
        values = [msgspec.msgpack.decode(raw, type=kind) for raw, kind in zip(arguments, types, strict=True)]
        result = msgspec.msgpack.encode(function(engine, *values))
    except (EngineError, JobStopped) as refusal:
        error, message = type(refusal).__name__, str(refusal)
    except sa.exc.OperationalError as failure:
        error, message = "Unavailable", f"the database can't be written: {failure.orig}"
    except Exception as failure:
        log.exception("a write that was handed over failed")
        error, message = "Unavailable", f"{type(failure).__name__}: {failure}"
    return msgspec.msgpack.encode((error, message, msgspec.Raw(result)))


def _typed(name: str) -> tuple[Callable[..., Any], list[Any], Any]:
    """A write with the types that its function names. Raises `LookupError` where there is no such write."""
    module = name.partition(":")[0]
    if name not in _writes and module.startswith("engine."):
        import_module(module)
    if name not in _writes:
        raise LookupError(f"there is no write {name}")
    function, types, result = _writes[name]
    if not types:
        hints = get_type_hints(function)
        result = hints.pop("return")
        types = list(hints.values())[1:]
        _writes[name] = function, types, result
    return function, types, result


def _errors() -> dict[str, type[Exception]]:
    kinds: list[type[Exception]] = [EngineError, JobStopped]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return {kind.__name__: kind for kind in kinds}
