from __future__ import annotations

import gzip
import io
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ResponseStreamingError

from engine.data.source import ImportSource, SourceFile, SourceLimits, _Resumed, open_source
from engine.errors import InvalidInput
from tests.moto_server import moto_server, s3_environ


def read(source: ImportSource) -> dict[str, bytes]:
    found = {}
    for file in source.files:
        with source.open(file) as stream:
            found[file.name] = stream.read()
    return found


# ---- disk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    for name, data in {"b.csv": b"bb", "a.csv": b"a", "_SUCCESS": b"", ".hidden": b"x", "deep/c.csv": b"c"}.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "ä b%.csv").write_bytes(b"odd")
    return tmp_path


def test_a_file(folder: Path) -> None:
    source = open_source(f"file://{folder}/b.csv", allow_file_urls=True)
    assert (source.size, read(source), source.bytes_read) == (2, {"b.csv": b"bb"}, 2)


def test_a_folder_is_its_first_level_by_name(folder: Path) -> None:
    source = open_source(f"file://{folder}/", allow_file_urls=True)
    assert list(read(source).items()) == [("a.csv", b"a"), ("b.csv", b"bb"), ("ä b%.csv", b"odd")]
    assert source.bytes_read == source.size == 6


def test_escapes_in_a_path(folder: Path) -> None:
    assert read(open_source(f"file://{folder}/%C3%A4%20b%25.csv", allow_file_urls=True)) == {"ä b%.csv": b"odd"}


@pytest.mark.parametrize("name", ["x.csv.gz", "x.csv"])
def test_gzip_is_recognised_by_its_content(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"USER_ID\n" * 1000))
    source = open_source(f"file://{tmp_path}/{name}", allow_file_urls=True)
    assert read(source) == {name: b"USER_ID\n" * 1000}
    assert source.bytes_read == source.size < 1000


@pytest.mark.parametrize("broken", [lambda data: data[:-9], lambda data: data[:20] + b"garbage" + data[27:]])
def test_broken_gzip(tmp_path: Path, broken: Any) -> None:
    (tmp_path / "x.gz").write_bytes(broken(gzip.compress(bytes(range(256)) * 9)))
    with pytest.raises(InvalidInput, match="gzip data is broken"):
        read(open_source(f"file://{tmp_path}/x.gz", allow_file_urls=True))


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("file://{}/none.csv", "there is no such file"),
        ("file://{}/none/", "there is no such folder"),
        ("file://{}/b.csv/", "there is no such folder"),
        ("file://{}/deep", "end a folder with '/'"),
        ("file://host/b.csv", "three slashes"),
        ("{}/b.csv", "neither s3://bucket/key nor file:///path"),
        ("https://bucket/key", "neither s3://bucket/key nor file:///path"),
        ("s3://bucket", "has no key"),
        ("s3:///key", "has no key"),
    ],
)
def test_bad_locations(folder: Path, location: str, words: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid Data location") as error:
        open_source(location.format(folder), allow_file_urls=True)
    assert words in error.value.message


def test_file_urls_must_be_allowed(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="RECGATE_ALLOW_FILE_URLS"):
        open_source(f"file://{folder}/b.csv", allow_file_urls=False)


def test_the_greatest_size(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="holds 6 bytes; at most 5 are allowed"):
        open_source(f"file://{folder}/", allow_file_urls=True, limits=SourceLimits(max_bytes=5))


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="holds no files"):
        open_source(f"file://{tmp_path}/", allow_file_urls=True)


# ---- S3


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in s3_environ(server).items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="data")
    for key in ("in/b.csv", "in/a b#?.csv", "in/deep/c.csv", "in/_SUCCESS", "in/", "top.csv"):
        client.put_object(Bucket="data", Key=key, Body=key.encode())
    return "data"


def test_an_object(bucket: str) -> None:
    source = open_source(f"s3://{bucket}/in/b.csv", allow_file_urls=False)
    assert (source.size, read(source), source.bytes_read) == (8, {"b.csv": b"in/b.csv"}, 8)


def test_a_prefix_is_its_first_level(bucket: str) -> None:
    source = open_source(f"s3://{bucket}/in/", allow_file_urls=False)
    assert read(source) == {"a b#?.csv": b"in/a b#?.csv", "b.csv": b"in/b.csv"}
    assert read(open_source(f"s3://{bucket}/", allow_file_urls=False)) == {"top.csv": b"top.csv"}
    deep = open_source(f"s3://{bucket}/in/", allow_file_urls=False, depth="deep")
    assert [file.name for file in deep.files] == ["a b#?.csv", "b.csv", "c.csv"]


@pytest.mark.parametrize("place", ["data/in/none.csv", "data/none/", "data/in", "none/key", "none/", "B%/key"])
def test_no_such_object(bucket: str, place: str) -> None:
    with pytest.raises(InvalidInput, match=f"Invalid Data location. s3://{place}"):
        open_source(f"s3://{place}", allow_file_urls=False)


def test_an_object_that_changes_while_it_is_read_is_refused(bucket: str) -> None:
    source = open_source(f"s3://{bucket}/top.csv", allow_file_urls=False)
    boto3.client("s3").put_object(Bucket="data", Key="top.csv", Body=b"other")
    with pytest.raises(InvalidInput, match="Invalid Data location"):
        read(source)


def test_no_credentials(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(InvalidInput, match=r"Insufficient privileges for accessing data in Amazon S3\. s3://data/top"):
        open_source("s3://data/top.csv", allow_file_urls=False)


def test_an_endpoint_that_does_not_answer(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
    with pytest.raises(InvalidInput, match=r"Invalid Data location.*AWS_ENDPOINT_URL_S3"):
        open_source("s3://data/top.csv", allow_file_urls=False)


@pytest.mark.parametrize("code", ["AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_refused_by_s3(code: str) -> None:
    def refuse(offset: int) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetObject")

    file = SourceFile("x", 3, lambda: _Resumed(refuse))
    with pytest.raises(InvalidInput, match=r"^Insufficient privileges for accessing data in Amazon S3\. s3://x/x: "):
        read(ImportSource("s3://x/x", (file,)))


def test_the_sdk_is_loaded_only_for_s3() -> None:
    code = "import sys, engine.data.source; sys.exit(any(name.startswith('boto') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class Breaking:
    """A body that breaks after every third byte."""

    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data[:3])

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        if not data:
            raise ResponseStreamingError(error="connection reset")
        return data

    def close(self) -> None: ...


def test_a_broken_connection_is_resumed() -> None:
    data = b"0123456789"
    file = SourceFile("x", len(data), lambda: _Resumed(lambda offset: Breaking(data[offset:])))
    source = ImportSource("s3://x/x", (file,))
    with source.open(file) as stream:
        assert stream.read(len(data)) == data


def test_a_connection_that_stays_broken_is_an_error() -> None:
    file = SourceFile("x", 3, lambda: _Resumed(lambda offset: Breaking(b"")))
    with pytest.raises(InvalidInput, match="connection reset"):
        read(ImportSource("s3://x/x", (file,)))
