"""Keys and passwords stay where they are used: a marker for each of them is put in, work is done and
fails, and then nothing that the program wrote, said or left behind has one."""

import base64
import http.server
import os
import re
import resource
import signal
import threading

import pytest

import harness
from server import Server, free_port

TABLE = harness.REPOSITORY / "src/config/settings_tbl.h"
SECRETS = {"API_KEY": "sesame-key-4801", "API_PASSWORD": "sesame-password-4802",
           "WEBHOOK_SECRET": "sesame-webhook-4803", "QDRANT_KEY": "sesame-qdrant-4804",
           "AWS_ACCESS_KEY_ID": "sesame-aws-id-4805", "AWS_SECRET_ACCESS_KEY": "sesame-aws-4806",
           "AWS_SESSION_TOKEN": "sesame-session-4807", "HF_TOKEN": "sesame-hub-4808",
           "AWS_CONTAINER_AUTHORIZATION_TOKEN": "sesame-container-4809"}
MARK = re.compile(rb"sesame-[a-z-]+-48\d\d")
LOGIN = base64.b64encode(f"reader:{SECRETS['API_PASSWORD']}".encode()).decode()


class Refuser(http.server.ThreadingHTTPServer):
    """A store, a hub and a receiver of webhooks in one, that refuse whoever comes."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.server.asked.append((self.command, self.path, dict(self.headers)))
            body = (b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
                    if "Authorization" in self.headers else b'{"status":{"error":"no"}}')
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.asked = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


@pytest.fixture
def refuser():
    one = Refuser()
    yield one
    one.close()


def marks_in(data, where):
    data = data if isinstance(data, bytes) else data.encode()
    assert not MARK.findall(data) and LOGIN.encode() not in data, (where, set(MARK.findall(data)))


def look_through(folder):
    """Every file that was written; how many."""
    paths = [p for p in folder.rglob("*")
             if p.is_file() and "videos" not in p.relative_to(folder).parts]
    for path in paths:
        marks_in(path.read_bytes(), path)
    return len(paths)


def test_every_secret_setting_has_a_marker():
    rows = re.findall(r"ORI_SETTING_ROW\((\w+),\s*\w+,\s*SECRET,", TABLE.read_text())
    assert set(rows) == set(SECRETS)


@pytest.mark.parametrize("has_stores", [False, True], ids=["local", "stores that refuse"])
def test_nothing_tells_them(tmp_path, clip, refuser, has_stores):
    proxy_user = "http://someone:sesame-proxy-4810@127.0.0.1:1"
    env = {**SECRETS, "LOG_LEVEL": "trace", "API_USERNAME": "reader", "URL_ALLOW_PRIVATE": "127.0.0.1",
           "AWS_ENDPOINT_URL": refuser.url, "HTTPS_PROXY": proxy_user, "METRICS_AUTH": "1",
           "AWS_REGION": "us-east-1"}
    if has_stores:
        env.update(QDRANT_URL=refuser.url, S3_FRAMES_BUCKET="frames")
    else:
        env.update(SKIP_UPLOAD="1")
    with Server(tmp_path, env=env, key=SECRETS["API_KEY"]) as server:
        if not has_stores:
            server.wait_ready()
        job = server.submit(
            [server.add_video("p", "good", clip("cuts").path),
             server.add_video("p", "bad", clip("damaged").path), "p/missing",
             {"platform": "p", "code": "url", "url": f"{refuser.url}/a.mp4?token=x"},
             {"platform": "p", "code": "s3", "url": "s3://videos/a.mp4"}],
            webhook_url=f"{refuser.url}/hook")
        done = server.wait_job(job)
        states = {item["code"]: item["status"] for item in done["items"]}
        assert states["missing"] == states["url"] == states["s3"] == "failed", states
        assert states["good"] == ("failed" if has_stores else "success"), done
        server.wait_event("webhook.failed")
        for path in ("/", "/health", "/ready", "/metrics", "/config", "/models/status", "/jobs",
                     f"/jobs/{job}", f"/status/{job}?tail=1000", f"/jobs/{job}/logs", "/nowhere",
                     "/concurrency/stats", "/frames/p/good", "/ui/", "/ui/app.js"):
            for key in (True, "sesame-wrong-4811", False):
                answer = server.get(path, key=key)
                marks_in(answer.text + str(answer.headers), path)
        for login in (LOGIN, "eDp5"):
            answer = server.get("/api/openapi.json", headers={"Authorization": f"Basic {login}"})
            marks_in(answer.text + str(answer.headers), "the document")
        for body in ({"prompt": "x"}, {"prompt": ""}, [SECRETS["API_KEY"][:6]]):
            marks_in(server.post("/search-by/text", body).text, body)
        marks_in(open(f"/proc/{server.pid}/cmdline", "rb").read(), "the command line")
        server.signal(signal.SIGHUP)
        server.wait_event("settings.read")
        server.stop()
        marks_in(server.log_text(), "the log")
    assert look_through(tmp_path) >= 3  # its log, the job store, stills and manifests
    told = {key for _, _, headers in refuser.asked for key in headers}
    assert "Authorization" in told and (not has_stores or "api-key" in {k.lower() for k in told})


def test_verbs_do_not_tell_them(oriane, refuser):
    settings = {**SECRETS, "LOG_LEVEL": "trace", "HF_ENDPOINT": refuser.url,
                "AWS_ENDPOINT_URL": refuser.url, "QDRANT_URL": refuser.url,
                "AWS_REGION": "us-east-1", "S3_FRAMES_BUCKET": "frames", "API_USERNAME": "reader",
                "HTTP_PROXY": "http://someone:sesame-proxy-4810@127.0.0.1:1", "NO_PROXY": "127.0.0.1"}
    for words in (["config"], ["config", "--json"], ["doctor"], ["doctor", "--json"],
                  ["model", "pull", "org/name"], ["verify", "--all"], ["search", "text"],
                  ["jobs", "list", "--server", refuser.url],
                  ["run", "s3://videos/a.mp4"], ["config", "--api-port", "sesame"]):
        result = oriane(*words, settings=settings)
        marks_in(result.raw, words)
        marks_in(result.err, words)
    asked = [headers.get("Authorization", "") for _, path, headers in refuser.asked if "/api/" in path]
    assert f"Bearer {SECRETS['HF_TOKEN']}" in asked
    look_through(oriane.folder)


def test_flags_are_hidden_from_the_list_of_processes(tmp_path):
    port = free_port()
    server = Server(tmp_path, env={"API_KEY": None}, key=SECRETS["API_KEY"], starts=False)
    server.start("--api-key", SECRETS["API_KEY"], f"--webhook-secret={SECRETS['WEBHOOK_SECRET']}",
                 "--qdrant-key", SECRETS["QDRANT_KEY"], "--api-port", port)
    with server:
        words = open(f"/proc/{server.pid}/cmdline", "rb").read().split(b"\0")
        marks_in(b" ".join(words), "the command line")
        assert b"--api-key" in words and b"*" * len(SECRETS["API_KEY"]) in words, words
        assert server.get("/jobs", key=SECRETS["API_KEY"]).status == 200
        assert server.get("/jobs", key="*" * len(SECRETS["API_KEY"])).status == 401
        server.signal(signal.SIGHUP)  # read again, from the flags too
        server.wait_event("settings.read")
        assert server.get("/jobs", key=SECRETS["API_KEY"]).status == 200


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGQUIT])
def test_a_crash_leaves_no_dump(tmp_path, number):
    """Wherever the kernel would put one: a limit of one byte stops files and programs alike."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("this machine lets no program dump its memory")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    before = signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # shells have jobs behind them ignore it
    try:
        server = Server(tmp_path, env=SECRETS, key=SECRETS["API_KEY"])
    finally:
        signal.signal(signal.SIGQUIT, before)
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    limits = open(f"/proc/{server.pid}/limits", encoding="ascii").read()
    assert re.search(r"Max core file size +1 +1 ", limits), limits
    os.kill(server.pid, number)
    _, status = harness.wait_until(
        lambda: next((end for end in [os.waitpid(server.pid, os.WNOHANG)] if end[0]), None), 20, "the end")
    server.process.returncode = -number
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == number
    assert not os.WCOREDUMP(status)
    assert not [p for p in tmp_path.rglob("core*") if p.is_file()]
    marks_in(server.log_text(), "the log")
    look_through(tmp_path)
