"""The product code stands by the measures of `make style`."""

import pytest

from tests.style import PACKAGES, Module, circles, modules

PRODUCT = modules()


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_form_no_circle(package: str) -> None:
    assert not circles(PRODUCT, package)


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
