"""The shape of the code: arrows point one way, each third-party library has its home, tests are packages."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import engine

ROOT = Path(__file__).parents[1]
GIVEN = {"pyproject.toml", "README.md", "gateway", "engine", "config", "clients", "tests", "loadtests", "Dockerfile"}
EXPECTED_BY_AN_ECOSYSTEM = {"Makefile", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "deploy"}

HOMES = {  # a library, and the only places that import it
    "sqlalchemy": ("engine/", "gateway/cli/query_rows.py"),
    "alembic": ("engine/storage/migrations/",),
    "ray": ("engine/ray_tasks.py",),
    "stamina": ("gateway/outbound/",),
    "redis": (
        "gateway/cache/fan_out.py",
        "gateway/cache/shared_store.py",
        "gateway/cache/redis_",
        "gateway/document/redis_url.py",
        "gateway/app.py",
        "gateway/auth/",
        "gateway/config/place.py",
        "gateway/targets/",
    ),
    "hiredis": ("gateway/cache/redis_connection.py",),
    "torch": ("engine/nn/",),
    "lark": ("engine/filters/",),
    "boto3": ("engine/storage/s3.py", "gateway/cli/import_config.py", "gateway/cli/resource_clients.py"),
    "botocore": (
        "gateway/outbound/signing.py",
        "engine/data/source.py",
        "engine/storage/s3.py",
        "gateway/cli/import_config.py",
        "gateway/cli/resource_clients.py",
        "gateway/manifest/shapes.py",
    ),
    "s3transfer": ("engine/storage/s3_store.py",),
    "opentelemetry": ("gateway/telemetry/",),
    "prometheus_client": ("gateway/telemetry/",),
    "cachetools": ("gateway/cache/", "gateway/auth/issuer.py", "gateway/metadata/dynamodb.py"),
    "jmespath": (
        "gateway/plan/shape.py",
        "gateway/intake/mapping.py",
        "gateway/upstreams/answers.py",
        "gateway/upstreams/http.py",
    ),
    "cryptography": ("gateway/cache/seal.py", "gateway/intake/rsa_keys.py"),
    "joserfc": ("gateway/auth/issuer.py",),
    "limits": ("gateway/auth/gate.py",),
    "holidays": ("gateway/context/rules.py",),
    "maxminddb": ("gateway/context/viewer.py", "gateway/config/checks/"),
    "ua_parser": ("gateway/context/viewer.py",),
    "uvicorn": (
        *("gateway/processes/worker.py", "gateway/processes/takeover.py"),
        *("gateway/connection/protocol.py", "gateway/connection/writer.py"),
    ),
    "yaml": ("gateway/config/", "gateway/manifest/exporting.py"),
    "wordllama": ("engine/text/embedding.py",),
    "optuna": ("engine/measure/tuning.py",),
    "matplotlib": ("engine/evaluation/plot.py", "gateway/experiments/analysis/plot.py"),
}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@cache
def imports(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return found


def test_the_engine_knows_nothing_of_the_web_and_the_gateway():
    web = ("gateway", "litestar", "uvicorn", "httpx", "click", "rich")
    guilty = [f"{path}: {name}" for path in modules("engine") for name in imports(path) if name.split(".")[0] in web]
    assert not guilty


def test_the_gateway_uses_the_engines_front_door_only():
    inside = [f"{path}: {name}" for path in modules("gateway") for name in imports(path) if name.startswith("engine.")]
    assert not inside


def test_the_front_door_says_where_each_name_is_and_to_mypy_the_same():
    path = ROOT / "engine" / "__init__.py"
    told = {
        node.module: {name.name for name in node.names}
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("engine.")
    }
    found = {name: getattr(engine, name) for name in engine._HOMES}
    assert {name for names in told.values() for name in names} == set(found)
    for module, names in told.items():
        assert [name for name in names if getattr(import_module(module), name) is not found[name]] == []
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = engine.Nothing


@pytest.mark.parametrize("library", HOMES)
def test_each_library_has_one_home(library: str):
    users = {
        str(path.relative_to(ROOT))
        for package in ("engine", "gateway")
        for path in modules(package)
        if any(name.split(".")[0] == library for name in imports(path))
    }
    assert users and not [path for path in users if not path.startswith(HOMES[library])]


def test_every_folder_of_tests_is_a_package():
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


def test_nothing_unexpected_at_the_root():
    hidden = {path.name for path in ROOT.iterdir() if path.name.startswith(".") or path.suffix == ".egg-info"}
    ignored = {"data", "build", "dist"}
    assert {path.name for path in ROOT.iterdir()} - hidden - ignored <= GIVEN | EXPECTED_BY_AN_ECOSYSTEM


@pytest.mark.parametrize("package", ["engine", "gateway"])
def test_no_drawer_for_odds_and_ends(package: str):
    odd = {"utils", "helpers", "common", "misc", "manager", "managers"}
    assert not [path for path in modules(package) if odd & {path.stem, path.parent.name}]


def test_what_the_quick_tests_leave_out_is_there():
    """pytest passes over an --ignore of nothing, and a file that has moved would be run."""
    slow = re.search(r"^SLOW := ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert slow is not None
    assert not [path for path in slow[1].replace("\\\n", " ").split() if not (ROOT / "tests" / path).exists()]
