"""Event streams as connections: their headers, many of them, and clients that leave."""

import threading

import harness
import pytest
from raw_http import Wire, request


@pytest.fixture(scope="module")
def job(server):
    """One that has ended: its video is nowhere."""
    server.wait_ready()
    found = server.submit([{"platform": "none", "code": "none"}])
    server.wait_job(found)
    return found


def listeners(server):
    for line in server.get("/metrics").text.splitlines():
        if line.startswith("oriane_http_event_listeners "):
            return float(line.split()[1])
    raise AssertionError("no such figure")


def test_a_stream_is_said_to_be_one_and_ends(server, job):
    with server.sse(job) as events:
        assert events.status == 200
        assert events.headers["Content-Type"].startswith("text/event-stream")
        assert events.headers["X-Accel-Buffering"] == "no"
        assert events.headers["Cache-Control"] == "no-store"
        kinds = [event.kind for event in events]
    assert "state" in kinds
    harness.wait_until(lambda: listeners(server) == 0, 10, "the listener to be released")


def test_head_and_http_1_0(server, job):
    key = f"X-API-Key: {server.key}"
    with Wire(server) as wire:
        wire.send(request("HEAD", f"/jobs/{job}/events", key))
        assert wire.reply(is_head=True).status == 200
    with Wire(server) as wire:
        wire.send(request("GET", f"/jobs/{job}/events", key, version="HTTP/1.0"))
        assert wire.is_closed_within(10)
        assert b"transfer-encoding" not in wire.data.lower() and b"event: state" in wire.data
    harness.wait_until(lambda: listeners(server) == 0, 10, "the listeners to be released")


def test_a_hundred_streams_at_once(server, job):
    ended = []

    def listen():
        with server.sse(job) as events:
            ended.append([event.kind for event in events][-1:])
    threads = [threading.Thread(target=listen) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(ended) == 100 and all(ended)
    harness.wait_until(lambda: listeners(server) == 0, 10, "the listeners to be released")
