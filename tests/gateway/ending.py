"""A child of a supervisor that writes down that it was started, and ends with a status."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str]) -> None:
    story, status = arguments
    with Path(story).open("a") as lines:
        lines.write("started ")
    raise SystemExit(int(status))


if __name__ == "__main__":
    main(sys.argv[1:])
