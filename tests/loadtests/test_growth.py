"""The rows of the measurement of growth, and its verdict."""

from rich.console import Console

from loadtests import growth


def test_what_grows_faster_than_the_rows_is_named(tmp_path):
    small, large = (growth.Run(rows, tmp_path, Console()) for rows in (1_000, 10_000))
    small.cpu_s, large.cpu_s = {"import": 6.0, "train": 1.0}, {"import": 80.0, "train": 60.0}
    small.seconds, large.seconds = small.cpu_s, large.cpu_s
    assert growth.too_fast([small, large]) == ["import from 1,000 to 10,000 rows"]
    console = Console(width=200)
    with console.capture() as captured:
        console.print(growth.table([small, large]))
    assert "80.0 (80.0, 13.3 ×)" in captured.get()


def test_a_few_users_and_items_have_most_rows(tmp_path):
    growth.write_csv(tmp_path / "rows.csv", 20_000, 1_000, 200, 1_700_000_000)
    header, *rows = (tmp_path / "rows.csv").read_text().splitlines()
    assert header == "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE" and len(rows) == 20_000
    counts: dict[str, int] = {}
    for row in rows:
        user = row.partition(",")[0]
        counts[user] = counts.get(user, 0) + 1
    ordered = sorted(counts.values(), reverse=True)
    assert sum(ordered[:100]) > 0.25 * len(rows) and len(ordered) > 800
