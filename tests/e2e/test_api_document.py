"""/api/openapi.json: sound by itself, and true of the server."""

import re

import jsonschema
import pytest

import api_document

# what the specification of the product names, method and path
CONTRACT = [
    ("post", "/process"), ("get", "/status/{job_id}"), ("get", "/jobs"), ("post", "/jobs"),
    ("post", "/jobs/"), ("get", "/jobs/{job_id}"), ("delete", "/jobs/{job_id}"),
    ("post", "/jobs/{job_id}/start"), ("post", "/jobs/{job_id}/stop"),
    ("get", "/jobs/{job_id}/logs"), ("get", "/jobs/{job_id}/progress"),
    ("get", "/jobs/{job_id}/events"), ("get", "/concurrency/stats"), ("get", "/config"),
    ("get", "/models/status"), ("post", "/search-by/text"), ("post", "/search-by/image"),
    ("post", "/search-by/frame"), ("get", "/frames/{platform}/{code}"),
    ("get", "/frames/{platform}/{code}/{file}"), ("get", "/"), ("get", "/health"),
    ("get", "/ready"), ("get", "/metrics"), ("get", "/api/docs"), ("get", "/api/openapi.json"),
    ("get", "/ui"),
]


@pytest.fixture(scope="module")
def document(server):
    return api_document.fetch(server)


def walk(value, at=""):
    if isinstance(value, dict):
        yield at, value
        for key, inner in value.items():
            yield from walk(inner, f"{at}/{key}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from walk(inner, f"{at}/{i}")


def test_it_is_openapi_3_1(document):
    root = document.json
    assert re.fullmatch(r"3\.1\.\d+", root["openapi"])
    assert root["info"]["title"] and root["info"]["version"]
    assert set(root) <= {"openapi", "info", "servers", "tags", "paths", "components",
                         "jsonSchemaDialect", "webhooks", "security", "externalDocs"}
    assert set(root["components"]) <= {"schemas", "responses", "parameters", "examples", "headers",
                                       "requestBodies", "securitySchemes", "links", "callbacks",
                                       "pathItems"}
    for section in root["components"].values():
        for name in section:
            assert re.fullmatch(r"[a-zA-Z0-9._-]+", name)
    assert not document.errors("OpenApi", root)


def test_every_reference_leads_somewhere(document):
    found = [(at, node["$ref"]) for at, node in walk(document.json) if "$ref" in node]
    assert len(found) > 100
    for at, reference in found:
        assert reference.startswith("#/components/"), at
        assert document.follow({"$ref": reference}), at


def test_nothing_is_described_that_nobody_uses(document):
    used = {node["$ref"] for _, node in walk(document.json) if "$ref" in node}
    for section in ("schemas", "responses", "parameters"):
        for name in document.json["components"][section]:
            assert f"#/components/{section}/{name}" in used, name


def test_every_schema_is_a_schema(document):
    for name, schema in document.json["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["description"], name


def test_examples_are_examples(document):
    count = 0
    for name, schema in document.json["components"]["schemas"].items():
        for example in schema.get("examples", []):
            assert not document.errors(name, example, is_strict=True), name
            count += 1
    assert count >= 4


def test_operations_are_whole(document):
    names, tags = set(), {t["name"] for t in document.json["tags"]}
    schemes = document.json["components"]["securitySchemes"]
    for path, method, operation in document.operations():
        where = f"{method} {path}"
        assert operation["operationId"] not in names, where
        names.add(operation["operationId"])
        assert operation["summary"] and set(operation["tags"]) <= tags, where
        parameters = [document.follow(p) for p in operation["parameters"]]
        in_path = [p["name"] for p in parameters if p["in"] == "path"]
        assert sorted(in_path) == sorted(re.findall(r"{(\w+)}", path)), where
        assert len({(p["name"], p["in"]) for p in parameters}) == len(parameters), where
        for p in parameters:
            assert set(p) <= {"name", "in", "required", "description", "schema"}, where
            assert p["in"] != "path" or p["required"] is True, where
            default = p["schema"].get("default")
            if default is not None:
                api_document.Validator(p["schema"]).validate(default)
        for requirement in operation["security"]:
            assert set(requirement) <= set(schemes), where
        assert any(s.startswith("2") for s in operation["responses"]), where
        for status, response in operation["responses"].items():
            response = document.follow(response)
            assert response["description"], where
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], where
        if method == "get" or method == "delete":
            assert "requestBody" not in operation, where


def test_every_route_of_the_contract_is_there(document):
    found = {(method, path) for path, method, _ in document.operations()}
    assert not set(CONTRACT) - found


def test_every_route_exists_as_described(server, document):
    """Asked without a key each keyed route is 401, and no route is a 404 or 405 of the router."""
    values = {"job_id": "00000000-0000-4000-8000-000000000000", "platform": "p", "code": "c",
              "file": "1_0.00.png"}
    for path, method, operation in document.operations():
        target = re.sub(r"{(\w+)}", lambda m: values[m[1]], path)
        answer = server.request(method.upper(), target, key=False)
        if operation["security"] and {} not in operation["security"]:
            assert answer.status == 401, (method, path, answer)
            assert answer.headers["WWW-Authenticate"].startswith("ApiKey"), answer
        assert answer.status != 405, (method, path, answer)


def test_methods_that_are_not_described_are_405(server, document):
    values = {"job_id": "00000000-0000-4000-8000-000000000000", "platform": "p", "code": "c",
              "file": "1_0.00.png"}
    for path, item in document.json["paths"].items():
        known = {m for m in api_document.METHODS if m in item}
        twin = document.json["paths"].get(path.rstrip("/") if path.endswith("/") else path + "/", {})
        known |= {m for m in api_document.METHODS if m in twin}
        target = re.sub(r"{(\w+)}", lambda m: values[m[1]], path)
        for method in {"get", "post", "delete", "put"} - known:
            answer = server.request(method.upper(), target)
            assert answer.status == 405, (method, path, answer)
            allowed = {m.strip().lower() for m in answer.headers["Allow"].split(",")}
            assert known <= allowed and method not in allowed, answer
            assert answer.json["status"] == 405


def test_it_is_cached_by_its_tag(server):
    first = server.get("/api/openapi.json", key=False)
    again = server.get("/api/openapi.json", key=False,
                       headers={"If-None-Match": first.headers["ETag"]})
    assert again.status == 304 and again.body == b""
    other = server.get("/api/openapi.json", key=False, headers={"If-None-Match": '"other"'})
    assert other.status == 200 and other.json == first.json


def test_config_is_described_field_by_field(server, document):
    schema = document.json["components"]["schemas"]["Config"]["properties"]
    assert set(server.json("/config")) == set(schema)
