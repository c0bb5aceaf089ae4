"""Appends of all requests, written and fsynced in groups by one thread."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import BinaryIO

from gateway.outbox.segments import Position, frame, path_of

GROUP_BYTES = 8 * 1024 * 1024  # that share one fsync, at most

PendingWrite = tuple[bytes, Future[None]]


class Writer:
    """Appends records to segments. All up to the position `end` is on disk; `committed` is called in its thread
    after it moved. The next segment begins at `segment_bytes`, and after a failure."""

    def __init__(self, folder: Path, end: Position, segment_bytes: int, committed: Callable[[], object]) -> None:
        self._folder, self._segment_bytes, self._committed = folder, segment_bytes, committed
        self.end = end
        self._file: BinaryIO | None = None
        self._waiting: queue.SimpleQueue[PendingWrite | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="outbox-writer", daemon=True)
        self._thread.start()

    def append(self, data: bytes) -> Future[None]:
        """A future that is done when the record is on disk, or has an `OSError`. It can't be cancelled."""
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        self._waiting.put((frame(data), future))
        return future

    def close(self) -> None:
        """Write all that was appended, and close the segment."""
        self._waiting.put(None)
        self._thread.join()
        if self._file is not None:
            self._file.close()

    def _run(self) -> None:
        while (part := self._waiting.get()) is not None:
            group, size = [part], len(part[0])
            with contextlib.suppress(queue.Empty):
                while size < GROUP_BYTES:
                    more = self._waiting.get_nowait()
                    if more is None:
                        self._waiting.put(None)
                        break
                    group.append(more)
                    size += len(more[0])
            self._commit(group)

    def _commit(self, group: Sequence[PendingWrite]) -> None:
        try:
            self._write(b"".join(data for data, _ in group))
        except OSError as error:
            for _, future in group:
                future.set_exception(error)
            return
        self._committed()
        for _, future in group:
            future.set_result(None)

    def _write(self, data: bytes) -> None:
        number, offset = self.end
        if self._file is not None and offset + len(data) > self._segment_bytes:
            self._end_segment()
            number, offset = self.end
        try:
            file = self._file or self._open(number)
            written = 0
            while written < len(data):
                written += file.write(data[written:])
            os.fdatasync(file.fileno())
        except OSError:
            if self._file is not None:
                with contextlib.suppress(OSError):  # or its reader finds the torn frame
                    self._file.truncate(offset)
            self._end_segment()
            raise
        self.end = Position(number, offset + len(data))

    def _open(self, number: int) -> BinaryIO:
        file = self._file = path_of(self._folder, number).open("xb", buffering=0)
        for folder in (self._folder, *self._folder.parents[:2]):  # or it may not be there after a power cut
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return file

    def _end_segment(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
        self.end = Position(self.end.segment + 1, 0)
