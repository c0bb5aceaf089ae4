"""What `deploy/` says is true: manifests are valid, and their commands, variables, ports and files are recgate's."""

from __future__ import annotations

import base64
import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import pytest
import yaml

from gateway.__main__ import main
from gateway.config import parse
from gateway.telemetry.families import FAMILIES
from tests.deploy.chart import RENDERED, chart_hash
from tests.services import program

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OVERLAYS = sorted(path.parent for path in DEPLOY.glob("kubernetes/overlays/*/kustomization.yaml"))
UNITS = sorted((DEPLOY / "systemd").iterdir())
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
KUBERNETES = "1.33"  # the oldest release that gets fixes
FOREIGN = re.compile(r"(AWS|OTEL|POSTGRES)_[A-Z0-9_]+")


@cache
def rendered(overlay: Path) -> list[dict[str, Any]]:
    command = [program("kubectl", "kubectl"), "kustomize", str(overlay)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [each for each in yaml.safe_load_all(text) if each]


@cache
def charted() -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(RENDERED.read_text("utf-8")) if each]


SETS = [
    *(pytest.param(lambda overlay=each: rendered(overlay), id=each.name) for each in OVERLAYS),
    pytest.param(charted, id="helm"),
]


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in objects:
        if "template" in each.get("spec", {}):
            yield each["metadata"]["name"], each["spec"]["template"]


def containers(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of recgate's own image."""
    found = [container for _, pod in pods(objects) for container in pod["spec"]["containers"]]
    return [each for each in found if each["image"].partition(":")[0].rpartition("/")[2] == "recgate"]


def check_command(arguments: list[str]) -> str:
    """Parse it as `recgate` would, without running it; its name."""
    with main.make_context("recgate", list(arguments), resilient_parsing=True):
        name, command, rest = main.resolve_command(click.Context(main), list(arguments))
        assert name is not None and command is not None
        with command.make_context(name, rest):
            return name


@cache
def own_variables() -> frozenset[str]:
    texts = [path.read_text() for package in ("gateway", "engine") for path in (ROOT / package).rglob("*.py")]
    named = {name for text in texts for name in re.findall(r"\bRECGATE_[A-Z_]+[A-Z]\b", text)}
    return frozenset(named | {"RECGATE_MIN_INTERACTIONS", "RECGATE_MIN_USERS"})


def check_variables(names: set[str], configurations: list[str]) -> None:
    """Each is recgate's own, one of a library's, or one that the configuration beside it fills in."""
    filled = {name for text in configurations for name in re.findall(r"\$\{(\w+)", text)}
    assert names and not {name for name in names if not FOREIGN.fullmatch(name)} - own_variables() - filled


# ---- Kubernetes


@pytest.mark.parametrize("objects", SETS)
def test_manifests_are_valid(objects: Any) -> None:
    kinds = [each["kind"] for each in objects()]
    for each in objects():
        kubernetes_validate.validate(each, KUBERNETES, strict=True)
    assert {"Deployment", "Service", "ConfigMap"} <= set(kinds)


def test_what_is_meant_for_production_is_there() -> None:
    for objects in (rendered(DEPLOY / "kubernetes" / "overlays" / "production"), charted()):
        kinds = {each["kind"] for each in objects}
        assert {"HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"} <= kinds
        assert len(containers(objects)) == 2


@pytest.mark.parametrize("objects", SETS)
def test_containers_run_commands_that_there_are(objects: Any) -> None:
    assert [check_command(each["args"]) for each in containers(objects())] == ["serve", "worker"]


@pytest.mark.parametrize("objects", SETS)
def test_selectors_find_their_pods_and_ports(objects: Any) -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(objects())}
    for each in objects():
        spec = each.get("spec", {})
        selector = spec.get("podSelector", spec.get("selector"))
        if selector is None:
            continue
        wanted = selector.get("matchLabels", {}) if each["kind"] != "Service" else selector
        matches = [name for name, own in labels.items() if wanted.items() <= own.items()]
        assert matches, f"{each['kind']} {each['metadata']['name']} selects nothing"
    server = next(each for each in containers(objects()) if each["args"][0] == "serve")
    (port,) = (each["containerPort"] for each in server["ports"])
    assert server["args"][server["args"].index("--port") + 1] == str(port)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert server[probe]["httpGet"]["path"] in ("/health", "/ready")


@pytest.mark.parametrize("objects", SETS)
def test_what_a_pod_mounts_and_reads_exists(objects: Any) -> None:
    there = {(each["kind"], each["metadata"]["name"]) for each in objects()} | {("Secret", "recgate")}
    for _, pod in pods(objects()):
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", ())}
        for volume in volumes.values():
            assert "configMap" not in volume or ("ConfigMap", volume["configMap"]["name"]) in there
        for container in pod["spec"]["containers"]:
            assert {mount["name"] for mount in container.get("volumeMounts", ())} <= set(volumes)
            for source in container.get("envFrom", ()):
                reference = source.get("configMapRef"), source.get("secretRef")
                assert ("ConfigMap" if reference[0] else "Secret", (reference[0] or reference[1])["name"]) in there


@pytest.mark.parametrize("objects", SETS)
def test_kubernetes_variables_and_configurations_are_recgate_s(objects: Any) -> None:
    variables: dict[str, str] = {}
    texts: list[str] = []
    for each in objects():
        if each["kind"] in ("ConfigMap", "Secret"):
            for name, text in each["data"].items():
                value = base64.b64decode(text).decode() if each["kind"] == "Secret" else text
                if name.endswith(".yaml"):
                    texts.append(value)
                else:
                    variables[name] = value
    check_variables(set(variables), texts)
    assert [parse(text, "shop.yaml", variables).warnings for text in texts] == [()]


@pytest.mark.parametrize("objects", SETS)
def test_servers_are_scaled_by_numbers_that_they_report(objects: Any) -> None:
    scalers = [each for each in objects() if each["kind"] == "HorizontalPodAutoscaler"]
    metrics = [
        metric["pods"]["metric"]["name"] for each in scalers for metric in each["spec"]["metrics"] if "pods" in metric
    ]
    assert len(metrics) == len(scalers) and set(metrics) <= set(FAMILIES)


def test_the_rendered_chart_is_of_the_chart_as_it_is() -> None:
    assert f"sha256 of the chart: {chart_hash()}\n" in RENDERED.read_text("utf-8"), "run `make chart`"


# ---- compose


def test_compose_s_commands_and_variables_are_recgate_s() -> None:
    services = {name: each for name, each in COMPOSE["services"].items() if each["image"] == "recgate"}
    commands = [check_command(each["command"]) for each in services.values() if "entrypoint" not in each]
    assert commands == ["serve", "serve", "worker"]
    for each in services.values():
        check_variables(set(each["environment"]), [(DEPLOY / "shop.yaml").read_text()])
        assert set(each["depends_on"]) <= set(COMPOSE["services"])
        mounted = {mount.split(":")[1] for mount in each.get("volumes", ())}
        assert {word for word in each["command"] if word.startswith("/etc/recgate/")} <= mounted
    assert not parse((DEPLOY / "shop.yaml").read_text(), "shop.yaml", {}).warnings
    volumes = {mount.partition(":")[0] for each in COMPOSE["services"].values() for mount in each.get("volumes", ())}
    assert {each for each in volumes if not each.startswith("./")} == set(COMPOSE["volumes"])
    assert all((DEPLOY / each).exists() for each in volumes if each.startswith("./"))


def test_nginx_takes_its_configuration_and_knows_compose_s_servers(tmp_path: Path) -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    servers = re.findall(r"server (\S+):8080", text)
    assert servers == [name for name in COMPOSE["services"] if name.startswith("server-")]
    for name in servers:
        text = text.replace(f"server {name}:8080", "server 127.0.0.1:8080")
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; error_log stderr;\n{text}")
    command = [program("nginx", "nginx-light"), "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0


# ---- systemd


@pytest.mark.parametrize("unit", [each for each in UNITS if each.suffix == ".service"], ids=lambda unit: unit.name)
def test_units_run_commands_that_there_are(unit: Path) -> None:
    (line,) = re.findall(r"^ExecStart=/opt/recgate/bin/recgate (.*)$", unit.read_text(), re.MULTILINE)
    check_command(shlex.split(line))


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/recgate/bin/recgate", "/bin/true"))
    command = [program("systemd-analyze", "systemd"), "verify", "--man=no", "--generators=no"]
    done = subprocess.run([*command, *map(str, tmp_path.iterdir())], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
