"""The proxy that makes bad weather, itself: each fault is what it says, on the wire."""

import http.client
import http.server
import socket
import threading
import time

import pytest

import harness
from fault_proxy import (FaultProxy, dawdle, half, latency, reset, silence, status, trickle,
                         wrong_length)

BODY = bytes(range(256)) * 40


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def take(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def serve(self):
        data = self.take()
        self.server.seen.append((self.command, self.path, data))
        self.send_response(200)
        if self.path == "/chunks":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: 1\r\n\r\n")
            return
        if self.path == "/close":
            self.end_headers()
            self.wfile.write(BODY)
            self.close_connection = True
            return
        self.send_header("Content-Length", str(len(data or BODY)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data or BODY)

    do_GET = do_HEAD = do_PUT = do_POST = serve


class Origin(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Resets are what is wanted."""


@pytest.fixture
def origin():
    with Origin(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads, server.seen = True, []
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def proxy(origin):
    with FaultProxy(origin.server_address[1], seed=1) as running:
        yield running


def ask(proxy, method="GET", path="/x", body=None, **options):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    try:
        connection.request(method, path, body, **options)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_fair_weather_changes_nothing(proxy, origin):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    for method, path, body, expected in (("GET", "/x?a=b", None, BODY), ("HEAD", "/x", None, b""),
                                         ("PUT", "/y", BODY * 30, BODY * 30),
                                         ("GET", "/chunks", None, b"abcdefg"),
                                         ("POST", "/z", iter([b"one", b"two"]), b"onetwo")):
        connection.request(method, path, body, encode_chunked=not isinstance(body, bytes))
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, expected), path
    assert proxy.opened == 1 and proxy.open == 1 and proxy.requests == 5
    assert origin.seen[2] == ("PUT", "/y", BODY * 30) and origin.seen[4][2] == b"onetwo"
    assert proxy.bytes_up >= len(BODY) * 30 and proxy.bytes_down >= len(BODY) * 31
    connection.close()
    assert ask(proxy, path="/close")[2] == BODY
    harness.wait_until(lambda: proxy.open == 0, 10, "the connections to end")
    assert proxy.open_max in (1, 2) and not proxy.faults
    assert [row[2] for row in proxy.asked] == [200] * 6


def test_refusing_and_listening_again(proxy):
    held = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    held.request("GET", "/x")
    assert held.getresponse().read() == BODY
    for _ in range(20):  # flapping
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            ask(proxy)
        proxy.accept()
        assert ask(proxy)[0] == 200
    with pytest.raises((OSError, http.client.HTTPException)):  # what was open did not survive
        held.request("GET", "/x")
        held.getresponse()


@pytest.mark.parametrize("fault, body, has_heard", [
    (reset(request_bytes=100), BODY, False), (reset(response_bytes=0), None, True),
    (reset(response_bytes=100), None, True),
])
def test_reset(proxy, origin, fault, body, has_heard):
    proxy.add(fault)
    with pytest.raises(ConnectionResetError):
        ask(proxy, "PUT" if body else "GET", body=body)
    assert bool(origin.seen) == has_heard
    assert proxy.faults == {"reset": 1}
    proxy.clear()
    assert ask(proxy)[0] == 200


def test_half_an_answer_and_wrong_lengths(proxy):
    for fault, got in ((half(), len(BODY) // 2), (wrong_length(10), len(BODY))):
        proxy.add(fault)
        with pytest.raises(http.client.IncompleteRead) as caught:
            ask(proxy)
        assert len(caught.value.partial) == got
        proxy.clear()
    proxy.add(wrong_length(-10))
    assert ask(proxy)[2] == BODY[:-10]


def test_a_storm_hits_a_share_and_is_the_same_for_a_seed(origin):
    def storm(seed):
        with FaultProxy(origin.server_address[1], seed) as proxy:
            proxy.add(status(503, "away", retry_after=7), share=0.5, method="GET", path=r"^/a\?")
            codes = []
            for _ in range(40):
                code, headers, body = ask(proxy, path="/a?b")
                codes.append(code)
                if code == 503:
                    assert headers["Retry-After"] == "7" and body == b"away"
            assert ask(proxy, "PUT", "/a?b", b"x")[0] == ask(proxy, path="/b")[0] == 200
            assert proxy.faults["status"] == codes.count(503)
            return codes
    first = storm(3)
    assert 8 < first.count(503) < 32
    assert storm(3) == first != storm(4)


def test_a_rule_may_count(proxy):
    proxy.add(status(429), times=2)
    assert [ask(proxy)[0] for _ in range(4)] == [429, 429, 200, 200]


def test_latency_adds_up_and_ends_when_cleared(proxy):
    proxy.add(latency(0.1))
    proxy.add(latency(0.1))
    proxy.add(status(500))
    began = time.monotonic()
    assert ask(proxy)[0] == 500
    assert 0.2 <= time.monotonic() - began < 5
    proxy.clear()
    proxy.add(latency(600))
    began, answers = time.monotonic(), []
    asking = threading.Thread(target=lambda: answers.append(ask(proxy)[0]))
    asking.start()
    harness.wait_until(lambda: proxy.faults["latency"] == 3, 10, "the request to be held")
    proxy.clear()
    asking.join(20)
    assert answers == [200] and time.monotonic() - began < 10


def test_trickles_and_dawdling_are_slow_and_whole(proxy, origin):
    proxy.add(trickle(len(BODY) // 4, 0.05))
    began = time.monotonic()
    assert ask(proxy)[2] == BODY
    assert time.monotonic() - began >= 0.15
    proxy.clear()
    proxy.add(dawdle(len(BODY) // 4, 0.05))
    began = time.monotonic()
    assert ask(proxy, "PUT", "/x", BODY)[2] == BODY and origin.seen[-1][2] == BODY
    assert time.monotonic() - began >= 0.15


def test_silence_lasts_until_it_is_cleared_or_the_client_leaves(proxy, origin):
    proxy.add(silence())
    leaver = socket.create_connection(("127.0.0.1", proxy.port))
    leaver.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    harness.wait_until(lambda: proxy.faults["silence"] == 1, 10, "the request")
    leaver.close()
    harness.wait_until(lambda: proxy.open == 0, 10, "the proxy to see it leave")
    caught = []

    def stay():
        try:
            ask(proxy)
        except OSError as error:
            caught.append(error)
    asking = threading.Thread(target=stay)
    asking.start()
    harness.wait_until(lambda: proxy.faults["silence"] == 2, 10, "the request")
    proxy.clear()
    asking.join(20)
    assert isinstance(caught[0], ConnectionResetError) and not origin.seen


def test_no_server_behind_is_a_reset():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with FaultProxy(nobody.getsockname()[1]) as proxy:
            with pytest.raises(OSError):
                ask(proxy)
