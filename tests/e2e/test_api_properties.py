"""Random requests made from the API's own description: the server's verdict is the schema's.

A document is drawn from its schema, with here and there a value that does not fit; what the schema in
/api/openapi.json says of it and what the server says must agree. Whatever is sent, each answer is one
that the description allows, and never a failure of the server. ORIANE_LONG=1 draws anew, and more.
"""

import json
import re
import string
import urllib.parse
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import api_document
import harness
from server import Server

LONG = harness.IS_LONG
common = settings(max_examples=2000 if LONG else 150, deadline=None, derandomize=not LONG,
                  database=None, print_blob=True,
                  suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large,
                                         HealthCheck.filter_too_much])

# what JSON can say and every reader agrees on; NUL inside a text is refused as JSON, tested below
TEXTS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=20)
WHOLES = st.integers(-2**53 + 1, 2**53 - 1)
REALS = st.floats(allow_nan=False, allow_infinity=False, width=32)
SCALARS = st.one_of(st.none(), st.booleans(), WHOLES, REALS, TEXTS)
ANYTHING = st.recursive(SCALARS, lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)), max_leaves=6)

WEBHOOKS = ["https://example.org/hook", "http://example.org:8080/a?b=c", "HTTPS://Example.ORG/",
            "http://93.184.216.34/", "https://[2606:2800:220:1:248:1893:25c8:1946]/"]
SOURCES = ["a.mp4", "p/c/video.mp4", "a b/é.mkv", "https://example.org/v.mp4",
           "s3://bucket/some/key", "x" * 250]


class Maker:
    """Strategies for the schemas of a document."""

    def __init__(self, document):
        self.document = document

    def right(self, schema):
        schema = self.document.follow(schema)
        if "anyOf" in schema:
            return st.one_of([self.right(s) for s in schema["anyOf"]])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        return getattr(self, "_" + schema["type"])(schema)

    def _null(self, _schema):
        return st.none()

    def _boolean(self, _schema):
        return st.booleans()

    def _integer(self, schema):
        low, high = schema["minimum"], schema["maximum"]
        return st.one_of(st.sampled_from([low, high]), st.integers(low, high))

    def _number(self, schema):
        low, high = schema["minimum"], schema["maximum"]
        return st.one_of(st.sampled_from([low, high]), st.integers(low, high),
                         st.floats(low, high, allow_nan=False))

    def _string(self, schema):
        if schema.get("format") == "uri":
            return st.sampled_from(WEBHOOKS)
        if schema.get("format") == "uri-reference":
            return st.sampled_from(SOURCES)
        if "pattern" in schema:
            high = schema.get("maxLength", 64)
            return st.from_regex(schema["pattern"], fullmatch=True).filter(
                lambda text: len(text) <= high and not text.endswith("\n"))
        return st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"),
                       min_size=schema.get("minLength", 0), max_size=40)

    def _array(self, schema):
        return st.lists(self.right(schema["items"]), min_size=schema.get("minItems", 0), max_size=4)

    def _object(self, schema):
        fields = {k: self.right(v) for k, v in schema["properties"].items()}
        needed = {k: fields.pop(k) for k in schema.get("required", [])}
        return st.builds(lambda more, known: {**more, **known},
                         st.dictionaries(TEXTS.filter(lambda k: k not in schema["properties"]),
                                         ANYTHING, max_size=2),
                         st.fixed_dictionaries(needed, optional=fields))

    def nearly(self, name):
        """A right document in which up to three values were replaced by others or taken away."""
        return st.builds(spoil, self.right({"$ref": f"#/components/schemas/{name}"}),
                         st.lists(st.tuples(st.integers(0, 30), st.one_of(
                             st.just(GONE), ANYTHING, st.sampled_from(ODD))), max_size=3))


GONE = "\0gone"
ODD = [0, -1, 1, 101, 1001, 100001, 1.5, 5.0, -0.0, "", " ", ".", "..", "../x", "a/b", "x" * 129,
       "x" * 128, "true", "5", [], {}, [[]], [None], None, True, 2**53 - 1, 1e300, "é", "\n", "c\n",
       "video", "0" * 36, str(uuid.UUID(int=0))]
# what JSON Schema cannot tell from a right one, so that there is no verdict to compare
UNSURE = {"url", "webhook_url"}


def places(value, at=()):
    """Every (container, key) below a document, where the verdict is the schema's alone."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in list(inner):
        if key in UNSURE:
            continue
        yield value, key
        if isinstance(part, (dict, list)):
            yield from places(part, (*at, key))


def spoil(document, changes):
    document = json.loads(json.dumps(document))
    for number, new in changes:
        found = list(places(document))
        if not found:
            break
        container, key = found[number % len(found)]
        if new == GONE:
            del container[key]
        else:
            container[key] = new
    return document


def has_unsure(value):
    """A url or webhook that ANYTHING put there is one that only the server can judge."""
    if isinstance(value, dict):
        return any((k == "url" and v is not None and v not in SOURCES) or
                   (k == "webhook_url" and v is not None and v not in WEBHOOKS) or has_unsure(v)
                   for k, v in value.items())
    return isinstance(value, list) and any(map(has_unsure, value))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """Jobs are taken and wait: its model is not there."""
    folder = tmp_path_factory.mktemp("quiet")
    with Server(folder, env={"CLIP_MODEL": "openai/none", "MAX_VIDEOS_PER_REQUEST": 4}) as running:
        running.document = api_document.fetch(running)
        yield running


@pytest.fixture(scope="module")
def ready(server):
    server.wait_ready()
    server.document = api_document.fetch(server)
    return server


def post(server, path, body):
    answer = server.post(path, body)
    server.document.check_answer("POST", path, answer)
    assert answer.status < 500, (body, answer)
    return answer


@common
@given(data=st.data())
def test_a_job_is_taken_when_its_schema_says_so(quiet, data):
    body = data.draw(Maker(quiet.document).nearly("NewJob"))
    path = data.draw(st.sampled_from(["/process", "/jobs", "/jobs/"]))
    answer = post(quiet, path, body)
    if has_unsure(body):
        return
    is_right = quiet.document.accepts("NewJob", body)
    assert (answer.status < 300) == is_right, (body, answer, quiet.document.errors("NewJob", body))
    if is_right:
        job = quiet.json(f"/jobs/{answer.json['job_id']}")
        assert [(i["platform"], i["code"], i.get("url")) for i in job["items"]] == \
            [(i["platform"], i["code"], i.get("url")) for i in body["items"]]
        assert job["priority"] == (body.get("priority") or 0)
    elif answer.status == 422:
        assert all(places_exist(body, e["loc"]) for e in answer.json["errors"]), answer


def places_exist(body, loc):
    """A fault's loc leads to a value of the request, or to where one is missing."""
    at, *steps = loc.split(".")
    assert at == "body"
    value = body
    for i, step in enumerate(steps):
        if isinstance(value, list):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return i == len(steps) - 1 and isinstance(value, dict)
    return True


@common
@given(data=st.data())
def test_a_search_is_understood_when_its_schema_says_so(ready, data):
    name, path = data.draw(st.sampled_from([("TextSearch", "/search-by/text"),
                                            ("FrameSearch", "/search-by/frame")]))
    body = data.draw(Maker(ready.document).nearly(name))
    answer = post(ready, path, body)
    is_right = ready.document.accepts(name, body)
    assert (answer.json["code"] != "invalid_request") == is_right, (
        body, answer, ready.document.errors(name, body))


def typed(schema, text):
    """A query's text as what it stands for, by its schema."""
    if schema.get("type") == "integer" and re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return int(text)
    if schema.get("type") == "number" and re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text):
        return float(text)
    return text


QUERIES = [("/jobs", "/jobs"), ("/status/{job_id}", None), ("/jobs/{job_id}/logs", None)]
QUERY_TEXTS = st.one_of(
    st.integers(-5, 2000).map(str), TEXTS,
    st.sampled_from(["asc", "desc", "pending", "stopped", "1000000", "1000001", "100", "101", "",
                     "1.0", "1e2", "0x1", " 1", "١"]))


@common
@given(data=st.data())
def test_a_query_is_understood_when_its_schema_says_so(quiet, data):
    if not hasattr(quiet, "job"):
        quiet.job = quiet.submit(["p/c"])
    path, _ = data.draw(st.sampled_from(QUERIES))
    operation = quiet.document.json["paths"][path]["get"]
    params = [quiet.document.follow(p) for p in operation["parameters"]]
    params = [p for p in params if p["in"] == "query"]
    given_ = data.draw(st.dictionaries(st.sampled_from([p["name"] for p in params]), QUERY_TEXTS))
    query = urllib.parse.urlencode(given_)
    answer = quiet.get(path.format(job_id=quiet.job) + (f"?{query}" if query else ""))
    quiet.document.check_answer("GET", path, answer)
    wrong = [p["name"] for p in params if p["name"] in given_ and not api_document.Validator(
        p["schema"]).is_valid(typed(p["schema"], given_[p["name"]]))]
    assert answer.status == (422 if wrong else 200), (query, answer)
    if wrong:
        assert sorted(e["loc"] for e in answer.json["errors"]) == sorted(f"query.{w}" for w in wrong)


@common
@given(body=st.one_of(
    st.binary(max_size=200),
    st.builds(lambda at, new: (GOOD[:at % len(GOOD)] + new + GOOD[at % len(GOOD) + len(new):]),
              st.integers(0, 500), st.binary(max_size=4)),
    st.builds(lambda at: GOOD[:at % len(GOOD)], st.integers(0, 500))))
def test_bytes_are_answered_with_a_problem_or_taken(quiet, body):
    for path in ("/process", "/search-by/text"):
        answer = quiet.request("POST", path, body=body, headers={"Content-Type": "application/json"})
        if answer.status == 503 and path.startswith("/search"):
            continue  # understood; but there is no model
        quiet.document.check_answer("POST", path, answer)
        assert answer.status < 500, (body, answer)


GOOD = json.dumps({"items": [{"platform": "p", "code": "c", "url": "a/b.mp4"}], "priority": 3,
                   "batch_size": 2, "force": False, "webhook_url": "https://example.org/x"}).encode()


@pytest.mark.parametrize("text", ['{"items":[{"platform":"p","code":"c\\u0000"}]}',
                                  '{"prompt":"\\ud800"}', '{"prompt":"a\\u0000b"}',
                                  '{"x":1e999}', '{"x":123456789012345678901234567890}',
                                  '{"x":NaN}', '{"x":-Infinity}', '{"x":01}', "{'x':1}"])
def test_what_readers_of_json_disagree_about_is_refused(quiet, text):
    answer = quiet.request("POST", "/process", body=text, headers={"Content-Type": "application/json"})
    quiet.document.check_answer("POST", "/process", answer)
    assert answer.status == 400, answer


@common
@given(body=st.binary(max_size=400), boundary=st.text(string.ascii_letters, min_size=1, max_size=10),
       name=st.sampled_from(["file", "limit", "x"]), is_framed=st.booleans())
def test_forms_of_any_bytes(ready, body, boundary, name, is_framed):
    if is_framed:
        head = (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="p"\r\n'
                f"\r\n").encode()
        body = head + body + f"\r\n--{boundary}--\r\n".encode()
    answer = ready.request("POST", "/search-by/image", body=body, headers={
        "Content-Type": f"multipart/form-data; boundary={boundary}"})
    ready.document.check_answer("POST", "/search-by/image", answer)
    assert 400 <= answer.status < 500, answer


@common
@given(data=st.data())
def test_paths_of_any_kind(ready, data):
    """Parameters of every route, right and wrong: an answer that its description allows, or a 404."""
    path, method, _ = data.draw(st.sampled_from(
        [o for o in ready.document.operations() if o[1] == "get" and "events" not in o[0]]))
    value = st.one_of(TEXTS, st.sampled_from(["..", ".", "%", "a", str(uuid.uuid4()), "1_0.00.png",
                                              "x" * 128, "x" * 129, "x" * 300]))
    target = re.sub(r"{\w+}", lambda _m: urllib.parse.quote(data.draw(value), safe=""), path)
    answer = ready.get(target)
    assert answer.status < 500, (target, answer)
    assert "X-Request-Id" in answer.headers
    if answer.status >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert not ready.document.errors("Problem", answer.json, is_strict=True), answer


@common
@given(key=st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=300).filter(
    lambda text: not re.search(r"[\r\n\0]", text) and text == text.strip()))
def test_idempotency_keys_of_any_kind(quiet, key):
    answer = quiet.request("POST", "/process", body=GOOD, headers={
        "Content-Type": "application/json", "Idempotency-Key": key.encode("latin-1")})
    assert answer.status < 500, answer
    if key and not re.search(r"[\x01-\x08\x0a-\x1f\x7f]", key):  # else refused as no header at all
        is_right = re.fullmatch(r"[!-~]{1,255}", key) is not None
        assert (answer.status == 202) == is_right, (key, answer)
