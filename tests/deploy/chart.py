"""`make chart`: deploy/helm/rendered.yaml anew, by Helm's own library, which its Python package brings along.

The file's first lines hold a hash of the chart, so that a test without Helm sees a chart that was changed since.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "recgate"
RENDERED = CHART.parent / "rendered.yaml"
HEAD = (
    "# Rendered by Helm from recgate/ with its values, by `make chart`. Not to be edited.\n# sha256 of the chart: {}\n"
)


def chart_hash() -> str:
    files = sorted(path for path in CHART.rglob("*") if path.is_file())
    parts = [f"{path.relative_to(CHART)}\n{path.read_text('utf-8')}" for path in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def render() -> str:
    import helm_python as helm

    faults = [each for each in helm.lint(str(CHART))["messages"] if each["severity"] > 1]
    if faults:
        raise SystemExit(f"helm lint: {faults}")
    with helm.Chart.load(str(CHART)) as chart:
        parts = chart.render({}, name="recgate", namespace="recgate")
    texts = [f"# {name}\n{parts[name].strip()}\n" for name in sorted(parts)]
    return HEAD.format(chart_hash()) + "".join(f"---\n{text}" for text in texts)


if __name__ == "__main__":
    try:
        RENDERED.write_text(render(), "utf-8")
    except ModuleNotFoundError:
        raise SystemExit("Helm is not installed: .venv/bin/pip install helm-python-sdk") from None
