"""Sizes: what is taken, what is one past it, and that a refusal reaches a client that still sends."""

import json
import socket
import time

import harness
import pytest
from raw_http import Wire, exchange, request
from server import Server
from test_http_guard import problem

JSON_MAX = 33554432
UPLOAD_MAX = 67108864
JSON_TYPE = "Content-Type: application/json"


def post(server, target, body, *headers, length=None):
    return request("POST", target, f"X-API-Key: {server.key}", *headers,
                   f"Content-Length: {len(body) if length is None else length}", body=body)


def chunked(server, target, *headers):
    return request("POST", target, f"X-API-Key: {server.key}", *headers, "Transfer-Encoding: chunked")


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


# --- headers ----------------------------------------------------------------------------------------

def test_headers_have_a_maximum_in_number_and_in_bytes(server):
    for count, status in ((63, 200), (64, 431)):  # Host is one more
        reply = exchange(server, request("GET", "/health", *["X: y"] * count))
        assert reply.status == status, count
    assert exchange(server, request("GET", "/health", "X: " + "y" * 15000)).status == 200
    problem(exchange(server, request("GET", "/health", "X: " + "y" * 17000)), 431)
    with Wire(server) as wire:  # past the library's memory the answer is its own
        wire.send(request("GET", "/health", "X: " + "y" * 60000))
        assert wire.is_closed_within(10) and wire.data.split()[1] == b"431"


def test_a_flood_of_headers_ends(server):
    with Wire(server) as wire:
        wire.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        sent = 0
        try:
            while sent < 50_000_000:
                wire.send(b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 1000)
                sent += 46000
        except OSError:
            pass
        assert sent < 50_000_000, "it took all of it"
    assert server.get("/health", key=False).status == 200


# --- bodies -----------------------------------------------------------------------------------------

def test_json_bodies_have_a_maximum(server):
    body = b'{"items": []' + b" " * (JSON_MAX - 13) + b"}"
    assert len(body) == JSON_MAX
    problem(exchange(server, post(server, "/process", body, JSON_TYPE)), 400)  # no items: it was read
    reply = exchange(server, post(server, "/process", b"", JSON_TYPE, length=JSON_MAX + 1))
    problem(reply, 413)
    assert reply.headers["connection"].lower() == "close"


def test_a_body_too_large_is_refused_before_it_is_sent(server):
    with Wire(server) as wire:
        reply = wire.send(post(server, "/process", b"", JSON_TYPE, "Expect: 100-continue",
                               length=JSON_MAX + 1)).reply()
        problem(reply, 413)  # and no "100 Continue" before it
    with Wire(server) as wire:
        wire.send(post(server, "/process", b"", JSON_TYPE, "Expect: 100-continue", length=2))
        assert wire.reply().status == 100
        problem(wire.send(b"{}").reply(), 400)
    problem(exchange(server, post(server, "/process", b"{}", JSON_TYPE, "Expect: a-miracle")), 417)


@pytest.mark.parametrize("size", [JSON_MAX + 1, JSON_MAX * 2])
def test_a_client_that_sends_on_after_a_refusal_reads_it(server, size):
    """A plain client sends all of its body before it looks at the answer."""
    with Wire(server) as wire:
        wire.send(post(server, "/process", b"", JSON_TYPE, length=size))
        block = b" " * 65536
        for _ in range(size // len(block)):
            wire.send(block)
        problem(wire.reply(), 413)


def test_chunked_bodies_are_counted(server):
    with Wire(server, timeout=60) as wire:
        wire.send(chunked(server, "/process", JSON_TYPE))
        block = chunk(b" " * 65536)
        for _ in range(JSON_MAX // 65536):
            wire.send(block)
        wire.send(chunk(b"x") + b"0\r\n\r\n")
        reply = wire.reply()
        problem(reply, 413)
        assert reply.headers["connection"].lower() == "close"
    with Wire(server, timeout=60) as wire:  # without an end: it is cut off, sooner or later
        wire.send(chunked(server, "/process", JSON_TYPE))
        sent = 0
        try:
            while sent < 4 * JSON_MAX:
                sent += wire.socket.send(block)
        except OSError:
            pass
        assert sent < 4 * JSON_MAX


def test_uploads_have_a_maximum(server):
    form = "Content-Type: multipart/form-data; boundary=XX"
    head = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    problem(exchange(server, post(server, "/search-by/image", b"", form, length=UPLOAD_MAX + 1)), 413)
    # at the maximum it is read whole: what is wrong with it is that it is no picture
    body = head + b"\0" * (UPLOAD_MAX - len(head) - 10) + b"\r\n--XX--\r\n"
    assert len(body) == UPLOAD_MAX
    with Wire(server, timeout=60) as wire:
        reply = wire.send(post(server, "/search-by/image", body, form)).reply()
        assert reply.status in (413, 422), reply
    rss = harness.status_field(server.pid, "VmRSS")
    assert rss < 400_000, f"{rss} kB after bodies were dropped"


def test_a_body_where_none_belongs_is_dropped_or_refused(server):
    key = f"X-API-Key: {server.key}"
    with Wire(server) as wire:
        wire.send(request("GET", "/jobs", key, "Content-Length: 65536", body=b"x" * 65536))
        assert wire.reply().status == 200
        assert wire.send(request("GET", "/health")).reply().status == 200, "the connection lives on"
    problem(exchange(server, request("GET", "/jobs", key, "Content-Length: 65537")), 413)


@pytest.mark.parametrize("headers, status", [
    ([JSON_TYPE], 400), (["Content-Type: application/json; charset=utf-8"], 400),
    (["content-type: APPLICATION/JSON"], 400), (["Content-Type: application/vnd.x+json"], 400),
    ([], 415), (["Content-Type: text/plain"], 415), (["Content-Type: application/jsonx"], 415),
    (["Content-Type: application/x-www-form-urlencoded"], 415), (["Content-Type: "], 415),
    ([JSON_TYPE, "Content-Encoding: gzip"], 415), ([JSON_TYPE, "Content-Encoding: identity"], 400),
])
def test_the_type_of_a_json_body(server, headers, status):
    problem(exchange(server, post(server, "/process", b'{"items":[]}', *headers)), status)


@pytest.mark.parametrize("kind, status", [
    ("multipart/form-data; boundary=XX", 400), ("multipart/form-data", 415),
    ("multipart/form-data; boundary=", 415), ("multipart/form-data; boundary=" + "a" * 71, 415),
    ("multipart/mixed; boundary=XX", 415), ("image/png", 415)])
def test_the_type_of_an_upload(server, kind, status):
    problem(exchange(server, post(server, "/search-by/image", b"--XX\r\n", f"Content-Type: {kind}")),
            status)


# --- JSON -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("body", [
    b"", b"{", b"{} {}", b'{"items":[],"items":[]}', b'{"items":[{"code":"a","code":"b"}]}',
    b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', b'{"a":01}',
    b'{"a":1e999}', b'{"a":99999999999999999999}', b'{"a":NaN}', b"{'a':1}", b'{"a":1,}',
    b"\xef\xbb\xbf{}", b"\0", b'{"a":"\n"}', b"// a\n{}"])
def test_what_is_no_strict_json_is_refused(server, body):
    document = problem(exchange(server, post(server, "/process", body, JSON_TYPE)), 400)
    assert document["code"] == "bad_json"


@pytest.mark.parametrize("body", [b"[]", b"5", b'"a"', b"null", b"true"])
def test_what_is_no_object_is_refused(server, body):
    document = problem(exchange(server, post(server, "/process", body, JSON_TYPE)), 422)
    assert document["errors"][0]["loc"] == "body"


def test_json_has_a_maximum_depth(server):
    for depth, code in ((32, "no_items"), (33, "bad_json"), (1_000_000, "bad_json")):
        deep = b"[" * (depth - 1) + b"]" * (depth - 1)  # the object around it is one
        reply = exchange(server, post(server, "/process", b'{"a":' + deep + b',"items":[]}', JSON_TYPE))
        assert (problem(reply, 400)["code"] == "bad_json") == (code == "bad_json"), depth


def test_json_has_a_maximum_of_values(server):
    body = b'{"items":[],"a":[' + b"[]," * 2_000_000 + b"1]}"
    before = harness.status_field(server.pid, "VmHWM")
    assert problem(exchange(server, post(server, "/process", body, JSON_TYPE)), 400)["code"] == "bad_json"
    assert harness.status_field(server.pid, "VmHWM") - before < 100_000, "it was parsed after all"


# --- many connections -------------------------------------------------------------------------------

def test_idle_connections_cost_little_and_disturb_nobody(tmp_path):
    """500 that say nothing and 500 that were used and kept; ten times as many in the long form."""
    count = 5000 if harness.IS_LONG else 500
    with Server(tmp_path) as own:
        own.wait_ready()
        before = harness.status_field(own.pid, "VmRSS")
        wires = [Wire(own) for _ in range(2 * count)]
        for wire in wires[:count]:
            wire.send(request("GET", "/health"))
        for wire in wires[:count]:
            assert wire.reply().status == 200
        begun = time.monotonic()
        assert own.get("/jobs").status == 200
        assert time.monotonic() - begun < 1
        grown = harness.status_field(own.pid, "VmRSS") - before
        assert grown < 2 * count * 64, f"{grown} kB for {2 * count} connections"
        open_now = own.get("/metrics").text
        figure = [line for line in open_now.splitlines() if line.startswith("oriane_http_connections ")]
        assert float(figure[0].split()[1]) >= 2 * count
        for wire in wires:
            wire.close()
        harness.wait_until(lambda: harness.open_descriptors(own.pid) < count, 20, "closed connections to be released")


def test_clients_that_leave_in_the_middle_leave_nothing_behind(server):
    def leave(data, reset):
        wire = Wire(server)
        wire.send(data)
        if reset:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wire.close()

    body = json.dumps({"items": []}).encode()
    cuts = [b"G", b"GET /health HTTP/1.1\r\n", post(server, "/process", body, JSON_TYPE)[:-5],
            chunked(server, "/process", JSON_TYPE) + b"5\r\nab",
            post(server, "/search-by/image", b"--XX\r\nabc",
                 "Content-Type: multipart/form-data; boundary=XX", length=1000),
            post(server, "/process", body, JSON_TYPE), request("GET", "/jobs", f"X-API-Key: {server.key}"),
            request("GET", "/api/openapi.json")]
    assert server.get("/health").status == 200
    before = harness.open_descriptors(server.pid)
    for _ in range(20):
        for data in cuts:
            leave(data, False)
            leave(data, True)
    assert server.get("/health").status == 200
    harness.wait_until(lambda: harness.open_descriptors(server.pid) <= before + 2, 20, "descriptors to come back")
    # a place for an upload each: none of the eight is lost
    form = "Content-Type: multipart/form-data; boundary=XX"
    assert exchange(server, post(server, "/search-by/image", b"--XX--", form)).status == 422


def test_uploads_at_once_have_a_maximum(server):
    form = "Content-Type: multipart/form-data; boundary=XX"
    wires = [Wire(server) for _ in range(8)]
    for wire in wires:
        wire.send(post(server, "/search-by/image", b"--XX", form, "Expect: 100-continue", length=100))
        assert wire.reply().status == 100
    reply = exchange(server, post(server, "/search-by/image", b"--XX--", form))
    problem(reply, 503)
    assert int(reply.headers["retry-after"]) >= 1
    for wire in wires:
        wire.close()
    harness.wait_until(
        lambda: exchange(server, post(server, "/search-by/image", b"--XX--", form)).status == 422, 10,
        "places for uploads to come back")
