"""A machine of a campaign: one server of ours with a disk, a clock and ways to others that are its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.campaign.postgres import MissingProgram, program
from loadtests.campaign.proxy import Way
from loadtests.campaign.tenants import CONFIG
from loadtests.server import Server

DISK_MB = 128


@dataclass
class Machine:
    """`role` is RECGATE_ROLE. `ways` lead, by a name each, to what it reaches."""

    name: str
    role: str
    folder: Path
    ways: Mapping[str, list[Way]]
    environ: Mapping[str, str]
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        self._mount()
        self.set_clock(0)
        environ = {
            **self.environ,
            "RECGATE_ROLE": self.role,
            "LD_PRELOAD": str(_faketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # which takes 9,000 system calls a second: threads wait by that clock
        }
        self.server = Server(self.folder, workers=1, config=CONFIG, environ=environ)

    @property
    def port(self) -> int:
        return self.server.port

    def _mount(self) -> None:
        """A file system of its own, which can be full."""
        if os.geteuid() != 0:
            raise MissingProgram("a campaign mounts file systems: it must be root")
        self.folder.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(self.folder)]
        subprocess.run([program("mount", "mount"), *options], check=True)

    def fill_disk(self) -> Path:
        """The file that takes all that was left."""
        ballast = self.folder / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 20))
        return ballast

    def set_clock(self, seconds: int) -> None:
        """How far its clock is ahead."""
        self._clock.write_text(f"{seconds:+d}")

    @property
    def _clock(self) -> Path:
        """Beside the folder: a full disk keeps no clock from being moved."""
        return self.folder.with_suffix(".clock")

    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    def stop(self) -> None:
        if self.server.process is not None:
            self.server.stop()
        subprocess.run([program("umount", "mount"), "--lazy", str(self.folder)], check=False)


def _faketime() -> Path:
    """The library that gives a process another clock. Raises `MissingProgram`."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise MissingProgram("libfaketime is not installed: apt-get install faketime")
    return found[0]
