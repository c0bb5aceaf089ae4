"""The OpenAPI document that typed clients are generated from: valid, as committed, and with every public route."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from openapi_spec_validator import OpenAPIV31SpecValidator

from clients import generate_python, generate_typescript
from clients.document import UnknownSchema
from engine import Engine, Settings
from gateway.app import create_app
from gateway.config import parse
from gateway.intake import PARTNERS
from gateway.routes.openapi_public import EVERY_ROUTE, public_document, public_text

CLIENTS = Path(__file__).parents[3] / "clients"
LEFT_OUT = {  # the starts of paths, and why typed clients have no use for them
    ("/docs", "/openapi.json", "/ui", "/recgate.js"): "pages, their files, and the document of one configuration",
    ("/aws/", "/recommendations", "/personalize-ranking", "/action-recommendations"): "AWS's SDKs have them",
    ("/items", "/users", "/actions", "/action-interactions", "/projects", "/events/projects"): "AWS's SDKs have them",
    tuple(
        re.sub(r":\w+}", "}", endpoint.path) for partner in PARTNERS.values() for endpoint in partner.endpoints
    ): "partners' own clients have them",
    ("/personalizer/",): "Azure's own clients have them",
}
BY_AWS = {"/", "/aws", "/events"}  # exactly these; /events/{namespace} is ours
RSA_KEY = RSAPublicNumbers(65537, 2**2047 + 1).public_key()  # nothing is signed here
PEM = RSA_KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
RANKED = {"keys": ["key"], "recommender": "RECOMMENDER"}
SIGNED = {"personalizer": RANKED, "adobeio": {"keys": ["key"], "publicKeys": [PEM]}, "commerce": {"publicKeys": [PEM]}}
Route = tuple[str, str]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return public_document()


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> set[Route]:
    """What an app serves whose configuration has every partner."""
    configuration = yaml.safe_load(EVERY_ROUTE)
    configuration["namespaces"]["NAMESPACE"]["intake"] = {
        name: SIGNED.get(name, {"keys": ["key"]}) for name in PARTNERS
    }
    config = parse(yaml.safe_dump(configuration), "every-route.yaml", {})
    with closing(Engine.open(Settings.of(tmp_path_factory.mktemp("engine"), {}), follow=False)) as engine:
        app = create_app(config, engine)
        return {
            (method.lower(), route.path_format)
            for route in app.routes
            for method in route.methods  # type: ignore[union-attr]
            if method not in ("HEAD", "OPTIONS")
        }


def is_left_out(path: str) -> bool:
    return path in BY_AWS or any(path.startswith(start) for starts in LEFT_OUT for start in starts)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def parts(value: Any) -> Iterator[Any]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from parts(each)


def is_record(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("properties"), dict)


def served_as(route: str, path: str) -> bool:
    pattern = "".join(".+" if part == "{rest}" else re.escape(part) for part in re.split(r"({rest})", route))
    return re.fullmatch(pattern, path) is not None or re.sub(r"{\w+}", "{}", route) == re.sub(r"{\w+}", "{}", path)


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator.schema_validator.iter_errors(document)] == []
    text = json.dumps(document)
    schemas = document["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/([^"]*)"', text)) <= schemas.keys()
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names) and all(re.fullmatch("[a-z][A-Za-z]+", name) for name in names)
    for _, path, operation in operations(document):
        declared = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"]
        assert sorted(declared) == sorted(re.findall(r"{(\w+)}", path)), path


def test_every_record_has_a_name(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert [name for name, schema in schemas.items() if schema["title"] != name] == []
    members = [each for schema in schemas.values() for each in schema["properties"].values()]
    assert not any(is_record(each) for part in (document["paths"], members) for each in parts(part))


def test_the_file_is_what_the_code_says() -> None:
    assert (CLIENTS / "openapi.json").read_text() == public_text(), "make clients"


@pytest.mark.parametrize("language", [generate_python, generate_typescript], ids=lambda language: language.__name__)
def test_the_clients_are_what_the_document_says(language: Any) -> None:
    for name, text in language.generated().items():
        assert (language.SOURCES / name).read_text() == text, "make clients"


@pytest.mark.parametrize("type_of", [generate_python.python_type, generate_typescript.typescript_type])
@pytest.mark.parametrize("schema", [{"type": "strange"}, {"not": {}}])
def test_a_schema_without_a_type_is_refused(type_of: Callable[[Any], str], schema: dict[str, Any]) -> None:
    with pytest.raises(UnknownSchema):
        type_of(schema)


def test_the_typescript_client_needs_no_package_to_run_and_its_lock_names_no_host() -> None:
    package = json.loads((CLIENTS / "typescript" / "package.json").read_text())
    assert "dependencies" not in package and "peerDependencies" not in package
    assert "://" not in (CLIENTS / "typescript" / "package-lock.json").read_text()


def test_every_public_route_is_there(document: dict[str, Any], routes: set[Route]) -> None:
    described = [(method, path) for method, path, _ in operations(document)]
    for method, route in sorted(routes):
        is_described = any(each == method and served_as(route, path) for each, path in described)
        assert is_described != is_left_out(route), (method, route)
    for method, path in described:
        assert any(each == method and served_as(route, path) for each, route in routes), (method, path)
