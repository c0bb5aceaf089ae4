"""Files of JSON Lines in, files of JSON Lines out: every line is answered, by an error where it must be.

Lines are read, answered and written a shard after the other: memory does not grow with the files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from engine.data.destination import open_destination
from engine.data.source import ImportSource, SourceFile, SourceLimits, open_source
from engine.errors import InvalidInput
from engine.recipe import Progress
from engine.words import in_words

INPUT = "Invalid S3 input path"
MOST_FILES = 1000
MOST_BYTES = 1 << 30  # where quotas are AWS's
LONGEST = 1 << 20  # bytes of a line; a longer one becomes several, none of them valid
SHARD = 200  # lines that are answered together
SUFFIX = ".out"  # of a file of answers
BOM = b"\xef\xbb\xbf"

Answer = Callable[[bytes], Any]  # a line → what `output` holds; raises `InvalidInput`, or what msgspec raises
encode = msgspec.json.encode


class AnsweredLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A line of output, as specification §7 has it; without `output` where there is an error."""

    input: msgspec.Raw
    item_attributes: msgspec.Raw | UnsetType = UNSET  # those of a question for a segment by them
    output: Any = UNSET
    error: str | None = None


Wrap = Callable[[AnsweredLine], AnsweredLine]  # what is written in its place


class AnsweredShard(NamedTuple):
    """The lines to write, and how many of them are errors."""

    lines: list[str]
    errors: int


class Spread(Protocol):
    """Does the shards of a file, in their order: `map` one after the other, others side by side."""

    def __call__(
        self, answer: Callable[[list[bytes]], AnsweredShard], shards: Iterable[list[bytes]], /
    ) -> Iterator[AnsweredShard]: ...


@dataclass
class LineCounts:
    lines: int = 0
    errors: int = 0

    def __str__(self) -> str:
        return f"{self.lines:,} lines, {self.errors:,} errors"


@dataclass(frozen=True)
class Files:
    """The source and destination of a job; a file of input is answered whole or fails the job."""

    source: str
    destination: str
    allow_file_urls: bool
    max_bytes: int | None = None
    max_lines: int | None = None  # of a file
    check: Callable[[], None] = lambda: None  # raises where a file must not be put into its place any more

    def answer(self, answer: Answer, progress: Progress, wrap: Wrap | None = None, spread: Spread = map) -> LineCounts:
        """Answer every line. Raises `InvalidInput` where files can't be read or written, or hold too many lines."""
        source = open_source(
            self.source,
            allow_file_urls=self.allow_file_urls,
            limits=SourceLimits(MOST_FILES, self.max_bytes),
            depth="prefix",
            left_out=Outputs(self.source, self.destination),
            nowhere=INPUT,
        )
        counts, names = LineCounts(), output_names(source.files)
        for file, name in zip(source.files, names, strict=True):
            with open_destination(self.destination, name, allow_file_urls=self.allow_file_urls) as out:
                for shard in spread(partial(answered_shard, answer, wrap), _shards(self._lines(source, file))):
                    out.writelines(shard.lines)
                    counts.lines += len(shard.lines)
                    counts.errors += shard.errors
                    progress(source.bytes_read / max(source.size, 1), str(counts))
                self.check()
        return counts

    def _lines(self, source: ImportSource, file: SourceFile) -> Iterator[bytes]:
        """Lines that hold anything, stripped of white space. Raises `InvalidInput` after the last allowed one."""
        count, start = 0, BOM
        with source.open(file) as stored:
            while line := stored.readline(LONGEST):
                line, start = line.removeprefix(start).strip(), b""
                if not line:
                    continue
                count += 1
                if self.max_lines is not None and count > self.max_lines:
                    raise InvalidInput(f"{INPUT} {self.source}: {file.name} has more than {self.max_lines:,} lines.")
                yield line


class Outputs:
    """Tells files below an input's prefix that jobs with this destination have written: they are no input."""

    def __init__(self, source: str, destination: str) -> None:
        self._base = source[: source.rfind("/") + 1]
        self._destination = f"{destination.rstrip('/')}/"
        self._within = self._destination.startswith(source)
        self._earlier: set[str] = set()

    def __call__(self, file: SourceFile) -> bool:
        location = self._base + file.path
        self._earlier.add(location)
        if not location.startswith(self._destination):
            return False
        return self._within or (location.endswith(SUFFIX) and location.removesuffix(SUFFIX) in self._earlier)


def output_names(files: Sequence[SourceFile]) -> list[str]:
    """Names of output files: each file's name, or its path below the input's prefix where several share a name."""
    shared = Counter(file.name for file in files)
    return [f"{file.name if shared[file.name] == 1 else file.path}{SUFFIX}" for file in files]


def _shards(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    while shard := list(islice(lines, SHARD)):
        yield shard


def answered_shard(answer: Answer, wrap: Wrap | None, lines: list[bytes]) -> AnsweredShard:
    replies = [answered_line(line, answer) for line in lines]
    written = [encode(reply if wrap is None else wrap(reply)).decode() + "\n" for reply in replies]
    return AnsweredShard(written, sum(reply.error is not None for reply in replies))


def answered_line(line: bytes, answer: Answer) -> AnsweredLine:
    try:
        line.decode()
        return AnsweredLine(input=msgspec.Raw(line), output=answer(line))
    except InvalidInput as error:
        return AnsweredLine(input=_echo(line), error=error.message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return AnsweredLine(input=_echo(line), error=f"The line can't be read: {in_words(error)}.")


def _echo(line: bytes) -> msgspec.Raw:
    """The line itself where it is JSON; else as a string."""
    try:
        msgspec.json.decode(line)
        line.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.Raw(encode(line.decode(errors="replace")))
    return msgspec.Raw(line)
