"""Waits for a number in shared memory to change, whichever process changes it: Linux's futex. Elsewhere it sleeps."""

from __future__ import annotations

import ctypes
import errno
import platform
import sys
import time

PAUSE_S = 0.05  # the longest sleep where there is no futex
_WAIT, _WAKE, _ALL_WAITERS = 0, 1, 2**31 - 1
_CALLS = {"x86_64": 202, "aarch64": 98, "riscv64": 422}  # the system call's number, by the kind of processor
_CALL = _CALLS.get(platform.machine()) if sys.platform == "linux" and sys.maxsize > 2**32 else None
_LIBC = ctypes.CDLL(None, use_errno=True)
_ENDS_WAIT = (0, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class Futex:
    """The lower half of a 64-bit number at an address, which both sides map."""

    def __init__(self, address: int) -> None:
        self._address = ctypes.c_void_p(address)

    def wait(self, number: int, seconds: float) -> None:
        """Return when somebody wakes this process, at once if the number is another already, or after the time. It may
        return sooner: the caller looks again."""
        if _CALL is None or self._fails(number, seconds):
            time.sleep(min(PAUSE_S, seconds))

    def wake(self) -> None:
        """Wake all who wait, after the number has changed."""
        if _CALL is not None:
            _LIBC.syscall(_CALL, self._address, _WAKE, _ALL_WAITERS, None, None, 0)

    def _fails(self, number: int, seconds: float) -> bool:
        whole = int(seconds)
        limit = _Timespec(whole, int((seconds - whole) * 1e9))
        expected = ctypes.c_uint32(number & 0xFFFFFFFF)
        ctypes.set_errno(0)
        status = _LIBC.syscall(_CALL, self._address, _WAIT, expected, ctypes.byref(limit), None, 0)
        return status != 0 and ctypes.get_errno() not in _ENDS_WAIT
