"""`make release`: the wheel, its software bill of materials (CycloneDX) and the licences of what it brings, in dist/.

Each list is of an environment of its own, into which pip installs the wheel: without extras, and with those that a
server may need.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from loadtests.wheel import ROOT, build_wheel

DIST = ROOT / "dist"
TOOLS = ("cyclonedx-bom>=7,<8", "pip-licenses>=5,<6")
EXTRAS = {"recgate": "", "recgate-all": "[feeds,kafka,otlp,plots,postgres,text,train]"}  # a list, and what it is of
COLUMNS = ("--format=markdown", "--with-urls", "--order=license")


def main() -> None:
    DIST.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        built = build_wheel(folder)
        wheel = Path(shutil.copy2(built, DIST / built.name))
        tools = environment(folder / "tools", *TOOLS)
        for name, extras in EXTRAS.items():
            python = environment(folder / name, f"{wheel}{extras}")
            write_lists(tools, python, name)
    for path in sorted(DIST.iterdir()):
        print(path.relative_to(ROOT))


def environment(folder: Path, *requirements: str) -> Path:
    """The Python of a new environment with these packages."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-compile", *requirements], check=True)
    return python


def write_lists(tools: Path, python: Path, name: str) -> None:
    sbom, licences = DIST / f"{name}-sbom.cdx.json", DIST / f"{name}-licences.md"
    described = ("--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--output-file", str(sbom))
    subprocess.run([tools.with_name("cyclonedx-py"), "environment", *described, str(python)], check=True)
    listed = (f"--python={python}", *COLUMNS, f"--output-file={licences}")
    subprocess.run([tools.with_name("pip-licenses"), *listed], check=True)


if __name__ == "__main__":
    main()
