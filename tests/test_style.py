"""The product code stands by the measures of `make style`."""

from functools import cache
from pathlib import Path

import pytest

from tests.style import Measure, Module, circles, measures, modules

NAMES = [measure.name for measure in measures([])]


@cache
def taken() -> dict[str, Measure]:
    return {measure.name: measure for measure in measures(modules())}


@pytest.mark.parametrize("name", NAMES)
def test_every_measure_holds(name: str) -> None:
    assert taken()[name].holds, "\n".join(taken()[name].findings)


def test_a_circle_is_found(tmp_path, monkeypatch):
    (tmp_path / "engine").mkdir()
    for name, text in {
        "a": "from engine.b import B",
        "b": "def b():\n    import engine.c",
        "c": "import engine.a",
    }.items():
        (tmp_path / "engine" / f"{name}.py").write_text(text)
    monkeypatch.setattr("tests.style.ROOT", tmp_path)
    (circle,) = circles([Module(path.relative_to(tmp_path)) for path in (tmp_path / "engine").iterdir()], "engine")
    assert set(circle.split(" ← ")) == {"engine.a", "engine.b", "engine.c"}


@pytest.mark.parametrize(
    ("name", "text", "finding"),
    [
        ("functions over 40 lines", "def long():\n" + "    pass\n" * 41, "long 42"),
        ("functions with more than 6 parameters", "def wide(a, b, c, d, e, *, f, g): ...", "wide 7"),
        ("class names used more than once", "class A: ...\nclass A: ...", "A: "),
        ("functions with a local", "def vague(rows):\n    found = rows", "vague found"),
        ("docstrings that open with a clause", 'def clause():\n    """Whether it holds."""', "clause Whether"),
    ],
)
def test_what_breaks_a_measure_is_found(tmp_path, monkeypatch, name: str, text: str, finding: str) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "bad.py").write_text(text)
    monkeypatch.setattr("tests.style.ROOT", tmp_path)
    (measure,) = [each for each in measures([Module(Path("engine/bad.py"))]) if each.name.startswith(name)]
    assert any(finding in each for each in measure.findings) and (measure.of or measure.value)
