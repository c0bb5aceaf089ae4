"""The measurement of a large training, on a tiny set, with its own commands and server."""

import csv
import io
import re
import zipfile
from pathlib import Path

from click.testing import CliRunner

from loadtests import large_training
from loadtests.quality.datasets import ta_feng


def test_a_tiny_set_is_imported_forecast_trained_and_asked(tmp_path: Path):
    file = tmp_path / "tiny.csv"
    rows = [f"u{user},i{(user + step) % 6},{1_700_000_000 + step}" for user in range(12) for step in range(4)]
    file.write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *rows]))
    argv = ["--csv", str(file), "--data", str(tmp_path / "data"), "--set", "sequence_epochs=0"]
    ran = CliRunner().invoke(large_training.main, argv)
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    found = re.search(r"training: ([\d.]+) s, ([\d.]+) times the forecast of ([\d.]+) s", ran.output)
    assert found is not None and float(found[3]) > 0
    assert re.search(r"a popularity count beside it: [\d.]+ s", ran.output)
    assert re.search(r"answers: [\d.]+ ms on average", ran.output)
    megabytes = re.search(r"([\d,]+) MB of 3,000", ran.output)
    assert megabytes is not None and 50 < int(megabytes[1].replace(",", "")) < 3_000


def test_rows_are_read_as_the_package_has_them(tmp_path: Path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        text = '\ufeff"TRANSACTION_DT","CUSTOMER_ID","AGE_GROUP","PRODUCT_ID"\n"11/1/2000","01104905","45-49","471"\n'
        archive.writestr(ta_feng.TABLE, text)
    with zipfile.ZipFile(tmp_path / "wheel.whl", "w") as archive:
        archive.writestr(ta_feng.INSIDE, inner.getvalue())
    file = large_training.write_csv(tmp_path / "wheel.whl", tmp_path / "out.csv")
    with file.open(newline="") as lines:
        assert list(csv.reader(lines)) == [list(large_training.HEADER), ["01104905", "471", "973036800"]]
