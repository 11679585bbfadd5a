"""Qdrant's own OpenAPI files, where they lie beside the repository, made strict enough to find what a
server ignores in silence: a misspelt field of a request.

The files are OpenAPI 3.0 and lean: `nullable` becomes a type, examples go, and in requests every object
that lists its properties may have no others.
"""

import copy
import json
import re
from pathlib import Path

import jsonschema

REFERENCE = Path(__file__).resolve().parent.parent.parent.parent / "shared" / "reference"
FILES = ("qdrant-openapi-1.16.3.json", "qdrant-openapi-1.19.0.json")
MIXED = ("allOf", "anyOf", "oneOf")


def _convert(node, is_strict):
    if isinstance(node, list):
        return [_convert(child, is_strict) for child in node]
    if not isinstance(node, dict):
        return node
    if node.get("nullable") and set(node) <= {"nullable", "description"}:
        return {"type": "null"}
    made = {key: _convert(child, is_strict) for key, child in node.items()
            if key not in ("example", "deprecated", "nullable")}
    if node.get("nullable") and isinstance(node.get("type"), str):
        made["type"] = [node["type"], "null"]
        if "enum" in made:
            made["enum"] = made["enum"] + [None]
    is_object = isinstance(node.get("properties"), dict) and not any(word in node for word in MIXED)
    if is_strict and is_object and "additionalProperties" not in made:
        made["additionalProperties"] = False
    return made


class Api:
    def __init__(self, path):
        self.name = path.name
        document = json.loads(path.read_text())
        self.paths = document["paths"]
        self.strict = self._root(document, True)
        self.lenient = self._root(document, False)

    @staticmethod
    def _root(document, is_strict):
        schemas = copy.deepcopy(document["components"]["schemas"])
        return {"components": {"schemas": {name: _convert(schema, is_strict)
                                           for name, schema in schemas.items()}}}

    def _find(self, method, path):
        for template, operations in self.paths.items():
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
            if re.fullmatch(pattern, path) and method.lower() in operations:
                return operations[method.lower()]
        raise AssertionError(f"{self.name} has no {method} {path}")

    def _check(self, root, schema, is_strict, value, what):
        resolver = jsonschema.RefResolver("", root)
        validator = jsonschema.Draft7Validator(_convert(schema, is_strict), resolver=resolver)
        faults = [fault.message[:500] for fault in validator.iter_errors(value)]
        assert not faults, f"{self.name}: {what}: {faults}"

    def check(self, exchange):
        path, _, query = exchange.path.partition("?")
        operation = self._find(exchange.method, path)
        what = f"{exchange.method} {exchange.path}"
        known = {p["name"] for p in operation.get("parameters", []) if p.get("in") == "query"}
        for pair in filter(None, query.split("&")):
            assert pair.split("=")[0] in known, f"{self.name}: {what}: unknown parameter {pair}"
        content = operation.get("requestBody", {}).get("content", {})
        assert (exchange.body is None) == (not content), f"{self.name}: {what}: a body, or none"
        if content:
            self._check(self.strict, content["application/json"]["schema"], True, exchange.body,
                        f"request of {what}")
        if exchange.status == 401 or not exchange.answer:  # promised as JSON, and are not
            return
        answers = operation["responses"]
        kind = str(exchange.status) if str(exchange.status) in answers else (
            "4XX" if 400 <= exchange.status < 500 else "default")
        schema = answers[kind]["content"]["application/json"]["schema"]
        answer = json.loads(exchange.answer)
        self._check(self.lenient, schema, False, answer, f"{exchange.status} of {what}")
        if exchange.status >= 400:  # its schema would take {} too
            assert isinstance(answer["status"]["error"], str)


def apis():
    """Those that are there; an empty list says that nothing can be checked."""
    return [Api(REFERENCE / name) for name in FILES if (REFERENCE / name).exists()]
