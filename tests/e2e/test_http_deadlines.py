"""Time: what trickles is cut off by an absolute deadline, however lively it looks."""

import threading
import time

import harness
import pytest
from raw_http import Wire, request
from server import Server

HEADERS_S, BODY_S, IDLE_S = 10, 60, 60
JSON_TYPE = "Content-Type: application/json"


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("deadlines")) as server:
        yield server


def drip(wire, pieces, ended):
    """A piece every half second until the server closes; seconds from the first piece."""
    begun = time.monotonic()
    wire.socket.settimeout(0.5)
    for piece in pieces:
        try:
            wire.send(piece)
            if not wire.more():
                break
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        raise AssertionError("the server took all of it")
    ended.append(time.monotonic() - begun)


def run_all(jobs):
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def closes_in(server, head, piece, seconds):
    """Sends head, then the piece again and again; the server must close about then."""
    ended = []
    with Wire(server) as wire:
        wire.send(head)
        drip(wire, [piece] * int(3 * seconds + 20), ended)
    assert len(ended) == 1 and seconds - 1 <= ended[0] <= seconds + 4, ended


def test_headers_have_ten_seconds_however_they_come(patient):
    line = b"X: y\r\n"
    found = {}

    def check(name, head, piece):
        def job():
            try:
                closes_in(patient, head, piece, HEADERS_S)
                found[name] = True
            except AssertionError as error:
                found[name] = error
        return job
    cases = {
        "a header line at a time": check("a header line at a time", b"GET /health HTTP/1.1\r\n", line),
        "a byte of the target": check("a byte of the target", b"GET /", b"a"),
        "a byte of the method": check("a byte of the method", b"G", b"E"),
        "one byte, then silence": check("one byte, then silence", b"G", b""),
        "half of the headers": check("half of the headers", request()[:-2], b""),
        "the second request": check("the second request", request() + b"GET / HTTP/1.1\r\n", line),
    }
    run_all(cases.values())
    assert all(found.get(name) is True for name in cases), found
    assert patient.get("/health", key=False).status == 200


@pytest.mark.skipif(not harness.IS_LONG, reason="takes more than a minute: ORIANE_LONG=1")
def test_bodies_and_silence_have_a_minute(patient):
    found = {}
    key = f"X-API-Key: {patient.key}"

    def check(name, head, piece, seconds):
        def job():
            try:
                closes_in(patient, head, piece, seconds)
                found[name] = True
            except AssertionError as error:
                found[name] = error
        return job
    cases = {
        "a body in bytes": check("a body in bytes", request(
            "POST", "/process", key, JSON_TYPE, "Content-Length: 1000"), b" ", BODY_S),
        "a chunk at a time": check("a chunk at a time", request(
            "POST", "/process", key, JSON_TYPE, "Transfer-Encoding: chunked"), b"1\r\n \r\n", BODY_S),
        "no body at all": check("no body at all", request(
            "POST", "/process", key, JSON_TYPE, "Content-Length: 1000"), b"", BODY_S),
        "a refused body in bytes": check("a refused body in bytes", request(
            "POST", "/process", JSON_TYPE, "Content-Length: 1000"), b" ", BODY_S),
        "no request": check("no request", b"", b"", IDLE_S),
        "no second request": check("no second request", request(), b"", IDLE_S),
    }
    run_all(cases.values())
    assert all(found.get(name) is True for name in cases), found


def test_a_server_that_stops_lets_idle_connections_go_and_ends_streams(tmp_path):
    with Server(tmp_path) as own:
        own.wait_ready()
        job = own.submit([{"platform": "none", "code": "none"}])
        own.wait_job(job)
        wires = [Wire(own) for _ in range(3)]
        assert wires[0].send(request()).reply().status == 200
        begun = time.monotonic()
        assert own.stop() == 0
        assert time.monotonic() - begun < 10
        for wire in wires:
            assert wire.is_closed_within(1)
            wire.close()
