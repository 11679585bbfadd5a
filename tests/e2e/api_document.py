"""What /api/openapi.json promises, as something answers can be held against.

JSON Schema leaves some things open that the server decides; here they are closed, so that both must
agree: a pattern's `$` is the end of the text (ECMA's meaning, not Python's), 5.0 is no integer, and an
object has no member that its schema does not name.
"""

import copy
import json

import jsonschema

METHODS = ("get", "post", "delete")


def _is_integer(_checker, value):
    return isinstance(value, int) and not isinstance(value, bool)


CHECKER = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=CHECKER)


def _closed(value, is_strict):
    """Patterns that end where they say; with is_strict no unknown members."""
    if isinstance(value, list):
        return [_closed(v, is_strict) for v in value]
    if not isinstance(value, dict):
        return value
    found = {k: _closed(v, is_strict) for k, v in value.items()}
    if isinstance(found.get("pattern"), str) and found["pattern"].endswith("$"):
        found["pattern"] = found["pattern"][:-1] + r"\Z"
    if is_strict and found.get("type") == "object" and "properties" in found:
        found["additionalProperties"] = False
    return found


class Document:
    def __init__(self, document):
        self.json = document
        self.strict = _closed(copy.deepcopy(document), True)
        self.open = _closed(copy.deepcopy(document), False)

    def _validator(self, schema, is_strict):
        root = self.strict if is_strict else self.open
        return Validator(schema, resolver=jsonschema.RefResolver("", root))

    def errors(self, name, value, is_strict=False):
        """What a value of this schema has wrong, as texts."""
        validator = self._validator({"$ref": f"#/components/schemas/{name}"}, is_strict)
        return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}"
                for e in validator.iter_errors(value)]

    def accepts(self, name, value):
        return not self.errors(name, value)

    def follow(self, value):
        """Past a reference."""
        if "$ref" not in value:
            return value
        found = self.json
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return found

    def operations(self):
        for path, item in self.json["paths"].items():
            for method in METHODS:
                if method in item:
                    yield path, method, item[method]

    def check_answer(self, method, path, answer):
        """The answer's status, media type and body are ones that the operation may give."""
        operation = self.json["paths"][path][method.lower()]
        where = f"{method} {path} -> {answer}"
        assert str(answer.status) in operation["responses"], where
        response = self.follow(operation["responses"][str(answer.status)])
        content = response.get("content")
        if not content:
            assert answer.body == b"", where
            return
        media = answer.headers["Content-Type"].split(";")[0]
        assert media in content, where
        if media in ("application/json", "application/problem+json"):
            schema = content[media]["schema"]
            found = list(self._validator(schema, True).iter_errors(json.loads(answer.body)))
            assert not found, f"{where}\n" + "\n".join(str(e)[:500] for e in found[:3])


def fetch(server):
    answer = server.get("/api/openapi.json", key=False)
    assert answer.status == 200, answer
    return Document(answer.json)
