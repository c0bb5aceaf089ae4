"""A signal may end a read where it is."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.storage.sql import Database, sqlite_url


@pytest.mark.parametrize("ending", [SystemExit(143), KeyboardInterrupt(), GeneratorExit()])
def test_who_writes_after_it_has_no_half_read_rows_in_the_way(tmp_path: Path, ending: BaseException):
    with closing(Database(sqlite_url(tmp_path))) as database, closing(Database(sqlite_url(tmp_path))) as other:
        rows = []
        with pytest.raises(type(ending)), database.read() as connection:
            rows.append(connection.execute(sa.text("SELECT name FROM sqlite_master")))
            assert rows[0].fetchone() is not None
            raise ending
        for name, writer in {"first": other, "second": database}.items():
            with writer.write() as connection:
                connection.execute(sa.text(f"CREATE TABLE {name}_written (x INTEGER)"))
        query = sa.select(sa.column("name")).select_from(sa.table("sqlite_master"))
        names = [name for (name,) in database.rows(query) if name.endswith("_written")]
        assert names == ["first_written", "second_written"]
