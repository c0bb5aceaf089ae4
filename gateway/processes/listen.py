"""The port of a server: a listening socket for each of its workers."""

from __future__ import annotations

import ctypes
import socket
import sys
import time
from collections.abc import Sequence

BIND_S = 1.5  # how long a port in use may take to come free, after a crash for example
RETRY_S = 0.1
BACKLOG = 2048

# linux/filter.h: an instruction's code and jumps, and what it is about where that is always the same.
_SO_ATTACH_REUSEPORT_CBPF = 51
_LOAD_CORE = (0x20, 0, 0, 0xFFFFF000 + 36)  # of the processor that runs this
_SKIP_UNLESS = (0x15, 0, 1)  # it is equal
_RETURN = (0x06, 0, 0)
_NOBODY = 0xFFFFFFFF  # no socket has this number


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("then", ctypes.c_uint8), ("else", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def bind(host: str, port: int) -> socket.socket:
    """A listening socket that nobody else has. Raises `OSError` where the address can't be had."""
    deadline = time.monotonic() + BIND_S
    while True:
        try:
            return _listening(host, port)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_S)


def bind_each(host: str, port: int, count: int) -> list[socket.socket]:
    """A socket for each worker, among which the kernel shares out the connections. (From one socket, the worker that
    was asleep last would take nearly everything.) The supervisor keeps them, so that the successor of a
    killed worker finds the connections that wait. Only Linux shares out; elsewhere it is one socket for all. Raises as
    `bind` does."""
    first = bind(host, port)  # before it may be shared, so that a second server is refused as by any port in use
    if count == 1 or sys.platform != "linux":
        return [first] * count
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    port = first.getsockname()[1]
    return [first, *(_listening(host, port, shared=True) for _ in range(count - 1))]


def give_by_core(sockets: Sequence[socket.socket], cores: Sequence[int]) -> None:
    """Gives a connection to that of `bind_each`'s sockets at whose core its packets arrive. `cores` has one a socket,
    or none; chance decides for any other core. The bytes that the kernel has read then lie in the cache of the worker
    that answers (Linux only; SO_ATTACH_REUSEPORT_CBPF in socket(7))."""
    if len(sockets) < 2 or not cores:
        return
    program = [_Instruction(*_LOAD_CORE)]
    for number, core in enumerate(cores):
        program += [_Instruction(*_SKIP_UNLESS, core), _Instruction(*_RETURN, number)]
    program.append(_Instruction(*_RETURN, _NOBODY))
    instructions = (_Instruction * len(program))(*program)
    filter_program = _Program(len(program), ctypes.pointer(instructions[0]))
    sockets[0].setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, bytes(filter_program))


def _listening(host: str, port: int, *, shared: bool = False) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
