"""What is refused before any handler sees it: framing that two servers would read differently,
targets that mean two things, methods, hosts, origins, keys. Raw sockets, as no client sends these."""

import json
import re

import pytest
from raw_http import Wire, exchange, request
from server import Server

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


def problem(reply, status):
    assert reply is not None and reply.status == status, reply
    assert reply.headers["content-type"] == "application/problem+json", reply
    document = json.loads(reply.body)
    assert document["status"] == status and document["detail"] and document["title"]
    assert document["request_id"] == reply.headers["x-request-id"]
    return document


# --- framing ----------------------------------------------------------------------------------------

AMBIGUOUS = {
    "version 1.2": request(version="HTTP/1.2"),
    "no host": request(host=None),
    "two hosts": request("GET", "/health", "Host: localhost"),
    "two hosts in 1.0": request("GET", "/health", "Host: localhost", version="HTTP/1.0"),
    "blank before colon": request("POST", "/process", "Transfer-Encoding : chunked",
                                  "Content-Length: 3", body=b"0\r\n\r\n" + SMUGGLED),
    "blank in name": request("GET", "/health", "X Y: z"),
    "no token as name": request("GET", "/health", "X(: z"),
    "byte in name": request("GET", "/health", b"X\xff: z"),
    "bare CR in value": request("GET", "/health", b"X: a\rb"),
    "control in value": request("GET", "/health", b"X: a\x01"),
    "no UTF-8 in value": request("GET", "/health", b"X: \xff\xfe"),
    "CL and TE": request("POST", "/process", "Content-Length: 5", "Transfer-Encoding: chunked",
                         body=b"0\r\n\r\n" + SMUGGLED),
    "TE and CL": request("POST", "/process", "Transfer-Encoding: chunked", "Content-Length: 5",
                         body=b"0\r\n\r\n" + SMUGGLED),
    "two CL": request("POST", "/process", "Content-Length: 0", "Content-Length: 44", body=SMUGGLED),
    "two equal CL": request("POST", "/process", "Content-Length: 2", "Content-Length: 2", body=b"{}"),
    "xchunked": request("POST", "/process", "Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "gzip, chunked": request("POST", "/process", "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunked, chunked": request("POST", "/process", "Transfer-Encoding: chunked, chunked",
                                body=b"0\r\n\r\n"),
    "two TE": request("POST", "/process", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked",
                      body=b"0\r\n\r\n"),
    "identity": request("POST", "/process", "Transfer-Encoding: identity", "Content-Length: 2", body=b"{}"),
    "TE in 1.0": request("POST", "/process", "Transfer-Encoding: chunked", version="HTTP/1.0",
                         body=b"0\r\n\r\n"),
    "two keys": request("GET", "/jobs", "X-API-Key: test-key", "X-API-Key: other"),
    "absolute form": request("GET", "http://localhost/health"),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_framing_is_refused_and_the_connection_closed(server, name):
    with Wire(server) as wire:
        reply = wire.send(AMBIGUOUS[name]).reply()
        problem(reply, 400)
        if name != "absolute form":  # its framing is clear
            assert reply.headers["connection"].lower() == "close"
            assert wire.is_closed_within(10)
            assert wire.data == b"", "a second answer: the request was smuggled"


# raised while libmicrohttpd parses, before the guard: HTML, told in docs/api.md
LIBRARY = {
    "CL with a letter": ("4x", 400),
    "CL with a sign": ("+4", 400),
    "CL empty": ("", 400),
    "CL past 64 bits": ("99999999999999999999999", 413),
}


@pytest.mark.parametrize("name", LIBRARY)
def test_a_length_that_is_no_number_is_refused_by_the_library(server, name):
    value, status = LIBRARY[name]
    with Wire(server) as wire:
        wire.send(request("POST", "/process", f"Content-Length: {value}", body=b"abcd"))
        assert wire.is_closed_within(10)
        assert wire.data.split(b"\r\n")[0].split()[1] == str(status).encode()
        assert b"HTTP/1.1 200" not in wire.data and b"HTTP/1.1 404" not in wire.data


@pytest.mark.parametrize("data", [b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
                                  b"GET / HTTP/9\r\n\r\n", b"\x00" * 64, b"a" * 100000])
def test_what_is_no_http_is_no_answer_or_an_error(server, data):
    with Wire(server, timeout=5) as wire:
        try:
            wire.send(data)
            wire.socket.shutdown(1)
        except OSError:
            pass  # closed on us already
        wire.is_closed_within(15)
        assert not wire.data or int(wire.data.split()[1]) >= 400, wire.data
    assert server.get("/health", key=False).status == 200


# --- targets ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("target, status", [
    ("/health%00", 400), ("/%00health", 400), ("/a%00b", 400), ("/%zz", 400), ("/%", 400), ("/a%2", 400),
    ("/frames%2Ftiktok%2Fa", 400), ("/a%2f..%2fb", 400), ("/a%5cb", 400), ("/..", 400),
    ("/ui/../health", 400), ("/ui/%2e%2e/health", 400), ("/./health", 400), ("/%ff", 400),
    ("/%c0%af", 400), ("/%ed%a0%80", 400), ("/a%0ab", 400), ("/health?a=%00", 400),
    ("/health?a=%ff", 400), ("/health?a=%", 400), ("/health#a", 400), ("*", 400),
    ("//", 404), ("//health", 404), ("/health//", 404), ("/HEALTH", 404), ("/healt%68", 200),
    ("/health/", 200), ("/health?", 200), ("/health?a=b%26&c", 200), ("/%F0%9F%98%80", 404),
])
def test_targets_are_read_one_way(server, target, status):
    reply = exchange(server, request("GET", target))
    assert reply.status == status, reply
    if status != 200:
        problem(reply, status)


def test_targets_and_queries_have_a_maximum(server):
    for bytes_max, status in ((4096, 404), (4097, 414)):
        target = "/" + "a" * (bytes_max - 1)
        problem(exchange(server, request("GET", target)), status)
    for count, status in ((32, 200), (33, 414)):
        reply = exchange(server, request("GET", "/health?" + "&".join(["a=1"] * count)))
        assert reply.status == status
    # past libmicrohttpd's own memory the answer is its own
    with Wire(server) as wire:
        wire.send(request("GET", "/" + "a" * 60000))
        assert wire.is_closed_within(10)
        assert wire.data.split()[1] in (b"414", b"431")


# --- methods ----------------------------------------------------------------------------------------

def test_methods(server):
    for method in ("PUT", "PATCH"):
        reply = exchange(server, request(method, "/jobs", "Content-Length: 0"))
        problem(reply, 405)
        assert set(re.split(", *", reply.headers["allow"])) == {"GET", "HEAD", "POST", "OPTIONS"}
    reply = exchange(server, request("POST", "/health", "Content-Length: 0"))
    assert problem(reply, 405) and "GET" in reply.headers["allow"]
    for method in ("TRACE", "CONNECT", "FOO", "get"):
        reply = exchange(server, request(method, "/health"))
        problem(reply, 501)
    reply = exchange(server, request("OPTIONS", "/jobs"))
    assert reply.status == 204 and "POST" in reply.headers["allow"]
    assert exchange(server, request("OPTIONS", "/nothing")).status == 404


def test_head_is_get_without_a_body(server):
    for target, status in (("/health", 200), ("/nothing", 404), ("/jobs", 401)):
        with Wire(server) as wire:
            wire.send(request("HEAD", target) + request("GET", "/health"))
            head = wire.reply(is_head=True)
            assert head.status == status and int(head.headers["content-length"]) > 0
            assert wire.reply().status == 200, "the next answer begins where HEAD's headers end"


# --- keep-alive, pipelining -------------------------------------------------------------------------

def test_connections_are_kept_and_pipelined_requests_answered_in_order(server):
    key = f"X-API-Key: {server.key}"
    body = b'{"prompt":'
    with Wire(server) as wire:
        wire.send(b"".join([
            request("GET", "/health", "X-Request-Id: one"),
            request("GET", "/nothing", "X-Request-Id: two"),
            request("GET", "/jobs", key, "X-Request-Id: three"),
            request("POST", "/process", key, "X-Request-Id: four", "Content-Type: application/json",
                    f"Content-Length: {len(body)}", body=body),
            request("POST", "/process", "X-Request-Id: five", "Content-Type: application/json",
                    f"Content-Length: {len(body)}", body=body),
            request("POST", "/process", key, "X-Request-Id: six", "Content-Type: application/json",
                    "Transfer-Encoding: chunked", body=b"5\r\n{\"ite\r\n4;x=y\r\nms\":\r\n0\r\nT: x\r\n\r\n"),
            request("GET", "/health", "X-Request-Id: seven", "Connection: close")]))
        replies = [wire.reply() for _ in range(7)]
        assert [r.headers["x-request-id"] for r in replies] == [
            "one", "two", "three", "four", "five", "six", "seven"]
        assert [r.status for r in replies] == [200, 404, 200, 400, 401, 400, 200]
        assert wire.is_closed_within(10) and wire.data == b""


def test_http_1_0_is_answered_and_closed(server):
    with Wire(server) as wire:
        assert wire.send(request(version="HTTP/1.0", host=None)).reply().status == 200
        assert wire.is_closed_within(10)


def test_a_request_in_single_bytes_is_a_request(server):
    with Wire(server) as wire:
        for byte in request("GET", "/health"):
            wire.send(bytes([byte]))
        assert wire.reply().status == 200


# --- request ids, headers of every answer -----------------------------------------------------------

def test_every_answer_has_an_id_and_the_safe_headers(server):
    seen = set()
    for target in ("/health", "/nothing", "/jobs", "/ready", "/ui/"):
        reply = exchange(server, request("GET", target))
        assert re.fullmatch(r"[0-9a-f]{32}", reply.headers["x-request-id"])
        seen.add(reply.headers["x-request-id"])
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        if "json" in reply.headers["content-type"]:
            assert reply.headers["cache-control"] == "no-store"
        else:
            assert "default-src" in reply.headers["content-security-policy"]
    assert len(seen) == 5
    for given, is_kept in (("a" * 64, True), ("A-b_c.9", True), ("a" * 65, False), ("a b", False),
                           ("a\"b", False), ("", False)):
        reply = exchange(server, request("GET", "/health", f"X-Request-Id: {given}"))
        assert (reply.headers["x-request-id"] == given) == is_kept, given


# --- who may ask ------------------------------------------------------------------------------------

def test_keys(server):
    for headers in ([], ["X-API-Key:"], ["X-API-Key: wrong"], [f"X-API-Key: {server.key}x"],
                    [f"X-API-Key: {server.key[:-1]}"], [f"Authorization: Bearer {server.key}"]):
        reply = exchange(server, request("GET", "/jobs", *headers))
        problem(reply, 401)
        assert reply.headers["www-authenticate"] == "ApiKey"
    assert exchange(server, request("GET", "/jobs", f"x-api-key: {server.key}")).status == 200
    # an answer about a job, or that there is none, is for those with the key
    assert exchange(server, request("GET", "/jobs/00000000-0000-0000-0000-000000000000")).status == 401


def test_guessing_is_slowed_and_the_right_key_still_works(tmp_path):
    with Server(tmp_path) as own:
        with Wire(own) as wire:
            for _ in range(30):
                assert wire.send(request("GET", "/jobs", "X-API-Key: wrong")).reply().status == 401
            reply = wire.send(request("GET", "/jobs", "X-API-Key: wrong")).reply()
            problem(reply, 429)
            assert 1 <= int(reply.headers["retry-after"]) <= 61
            assert wire.send(request("GET", "/jobs")).reply().status == 401
            assert wire.send(request("GET", "/jobs", f"X-API-Key: {own.key}")).reply().status == 200


def test_without_a_key_the_host_and_the_origin_count(tmp_path):
    with Server(tmp_path, key=None, env={"CORS_ORIGINS": "https://good.example"}) as own:
        for host, status in (("localhost", 200), ("LOCALHOST:1", 200), ("127.0.0.1:8000", 200),
                             ("[::1]:8000", 200), ("evil.example", 403), ("127.0.0.1.evil.example", 403),
                             ("localhost.", 403), ("", 403)):
            for target in ("/health", "/jobs"):
                assert exchange(own, request("GET", target, host=host)).status == status, host
        body = b'{"items":[]}'
        for origin, status in (("https://evil.example", 403), ("null", 403), ("http://localhost:9", 403),
                               ("https://good.example", 400), ("http://localhost", 400)):
            reply = exchange(own, request("POST", "/process", f"Origin: {origin}",
                                          "Content-Type: application/json",
                                          f"Content-Length: {len(body)}", body=body))
            assert reply.status == status, (origin, reply)


def test_pages_of_other_origins(tmp_path):
    with Server(tmp_path, env={"CORS_ORIGINS": "https://a.example, https://b.example:8443"}) as own:
        preflight = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-api-key")
        reply = exchange(own, request("OPTIONS", "/process", "Origin: https://b.example:8443", *preflight))
        assert reply.status == 204
        assert reply.headers["access-control-allow-origin"] == "https://b.example:8443"
        assert "POST" in reply.headers["access-control-allow-methods"]
        assert "X-API-Key" in reply.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in reply.headers
        reply = exchange(own, request("GET", "/jobs", "Origin: https://a.example"))
        assert reply.status == 401, "errors can be read by the page too"
        assert reply.headers["access-control-allow-origin"] == "https://a.example"
        assert reply.headers["vary"] == "Origin"
        for origin in ("https://evil.example", "https://a.example.evil", "null"):
            reply = exchange(own, request("OPTIONS", "/process", f"Origin: {origin}", *preflight))
            assert "access-control-allow-origin" not in reply.headers
            assert reply.headers["vary"] == "Origin"


def test_the_reference_page_has_a_login_of_its_own(tmp_path):
    settings = {"API_USERNAME": "me", "API_PASSWORD": "pass:word"}
    with Server(tmp_path, env=settings) as own:
        for header, status in ((None, 401), ("Basic bWU6cGFzczp3b3Jk", 200), ("Basic bWU6", 401),
                               ("Basic bWU6cGFzczp3b3Jl", 401), ("Basic !", 401), ("Bearer x", 401)):
            headers = [f"Authorization: {header}"] if header else []
            reply = exchange(own, request("GET", "/api/openapi.json", *headers))
            assert reply.status == status, (header, reply)
            if status == 401:
                assert reply.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("settings, word", [
    ({"API_HOST": "0.0.0.0", "API_KEY": None}, "API_KEY"),
    ({"API_HOST": "::", "API_KEY": None}, "API_KEY"),
    ({"API_USERNAME": "me"}, "API_PASSWORD"),
    ({"API_HOST": "no such host"}, "API_HOST"),
    ({"API_HOST": "192.0.2.1"}, "API_HOST"),
])
def test_settings_that_would_be_unsafe_stop_the_start(tmp_path, settings, word):
    own = Server(tmp_path, env=settings, starts=False)
    process = own.spawn()
    assert process.wait(30) != 0
    said = [line for line in own.log_text().splitlines() if line.startswith("oriane: ")]
    assert len(said) == 1 and word in said[0], own.log_text()
    own.process = None
