"""Webhooks as a receiver sees them: signed as Standard Webhooks say, repeated under one id, told apart
from those of any other server."""

import base64
import hashlib
import hmac
import http.server
import json
import signal
import threading
import time

import pytest

import harness
from server import Server, free_port, poll

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """A real one on loopback. codes: what it answers, one after another; the last again and again."""

    def __init__(self, codes=(204,), port=0):
        self.codes, self.got = list(codes), []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.codes.pop(0) if len(outer.codes) > 1 else outer.codes[0])
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/hook"
        self.thread = threading.Thread(target=self.http.serve_forever)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def signed(key, headers, body):
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def webhook_of(server, job, status, attempts=1):
    def look():
        found = server.json(f"/jobs/{job}")["webhook"]
        return found if found["status"] == status and found["attempts"] >= attempts else None
    return poll(look, 60, lambda: server.json(f"/jobs/{job}")["webhook"])


@pytest.fixture
def local(tmp_path):
    with Server(tmp_path, env={"URL_ALLOW_PRIVATE": "127.0.0.0/8", "WEBHOOK_SECRET": SECRET}) as server:
        yield server


def test_a_receiver_can_check_who_speaks_and_of_what(local, clip):
    item = local.add_video("p", "one", clip("one_frame").path)
    with Receiver() as receiver:
        job = local.submit([item, "p/missing"], webhook_url=receiver.url)
        webhook_of(local, job, "delivered")
        [(path, headers, body)] = receiver.got
    assert path == "/hook" and headers["content-type"] == "application/json"
    assert headers["webhook-signature"] == signed(KEY, headers, body)
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
    told, status = json.loads(body), local.status(job)
    assert told["type"] == "job.completed" and told["timestamp"].endswith("Z")
    assert told["data"] == {"job_id": job, "status": "completed", "counts": status["counts"]}
    assert status["counts"]["failed"] == 1


def test_each_end_of_a_job_has_an_id_of_its_own(local):
    with Receiver() as receiver:
        job = local.submit(["p/missing"], webhook_url=receiver.url)
        webhook_of(local, job, "delivered")
        assert local.post(f"/jobs/{job}/start").status == 200
        harness.wait_until(lambda: len(receiver.got) == 2, 60, "the end after the start")
        local.run(["p/missing"], webhook_url=receiver.url)
        harness.wait_until(lambda: len(receiver.got) == 3, 60, "the other job's")
        ids = [headers["webhook-id"] for _, headers, _ in receiver.got]
    assert len(set(ids)) == 3, ids


@pytest.mark.skipif(not harness.IS_LONG, reason="the second attempt comes after up to a minute")
def test_another_attempt_has_the_same_id_even_from_another_process(local):
    port = free_port()
    with Receiver([500], port) as receiver:
        job = local.submit(["p/missing"], webhook_url=receiver.url)
        webhook_of(local, job, "pending")
        harness.wait_until(lambda: receiver.got, 60, "the first attempt")
        first = receiver.got[0][1]["webhook-id"]
    local.kill()
    with Receiver(port=port) as receiver:
        local.start()
        assert webhook_of(local, job, "delivered", 2)["attempts"] >= 2
        assert receiver.got[-1][1]["webhook-id"] == first
        assert json.loads(receiver.got[-1][2])["data"]["job_id"] == job


def test_ids_of_two_servers_are_never_the_same(tmp_path):
    with Receiver() as receiver:
        for name in ("one", "two"):
            with Server(tmp_path / name, env={"URL_ALLOW_PRIVATE": "127.0.0.1"}) as server:
                job = server.submit(["p/missing"], webhook_url=receiver.url)
                webhook_of(server, job, "delivered")
        ids = [headers["webhook-id"] for _, headers, _ in receiver.got]
        assert all("webhook-signature" not in headers for _, headers, _ in receiver.got)
    assert len(set(ids)) == 2, ids


@pytest.mark.parametrize("code, status", [(410, "dead"), (302, "pending"), (404, "pending")])
def test_what_the_receiver_answers(local, code, status):
    with Receiver([code]) as receiver:
        job = local.submit(["p/missing"], webhook_url=receiver.url)
        webhook_of(local, job, status)
        assert [path for path, _, _ in receiver.got] == ["/hook"]  # no redirect is followed


def test_a_new_secret_signs_from_now_on(tmp_path):
    server = Server(tmp_path, env={"URL_ALLOW_PRIVATE": "127.0.0.0/8"}, starts=False)
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"WEBHOOK_SECRET={SECRET}\n")
    with server.start(), Receiver() as receiver:
        fresh = bytes(reversed(KEY))
        dotenv.write_text(f"WEBHOOK_SECRET=whsec_{base64.b64encode(fresh).decode()}\n")
        server.signal(signal.SIGHUP)
        server.wait_event("settings.changed", variable="WEBHOOK_SECRET")
        job = server.submit(["p/missing"], webhook_url=receiver.url)
        webhook_of(server, job, "delivered")
        [(_, headers, body)] = receiver.got
        assert headers["webhook-signature"] == signed(fresh, headers, body)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/",
                                 "http://169.254.169.254/latest", "http://10.0.0.1/", "http://0/",
                                 "http://2130706433/", "http://[::ffff:127.0.0.1]/"])
def test_addresses_that_are_not_public_are_never_called(server, url):
    """Written as a number they are refused; behind a name they are seen when the name is looked up."""
    answer = server.post("/process", {"items": [{"platform": "p", "code": "c"}], "webhook_url": url})
    if answer.status == 422:
        assert answer.json["errors"][0]["loc"] == "body.webhook_url", answer
        return
    assert answer.status == 202 and "localhost" in url, answer
    why = server.wait_event("webhook.failed", job_id=answer.json["jobId"])["why"]
    assert "not public" in why, why
