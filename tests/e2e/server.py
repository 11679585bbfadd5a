"""How the black-box tests drive `oriane serve`: one object is one server with folders of its own.

    with Server(tmp_path) as server:
        server.add_video("tiktok", "one", clip("cuts").path)
        job = server.submit(["tiktok/one"])
        assert server.wait_job(job)["status"] == "completed"

The server listens on a free port of loopback and says so in its log, which is a file of JSON lines;
nothing here sleeps or guesses. A server that crashed, or that a sanitizer complained about, fails the
test that stops it. Tests that look and do not write share the `server` fixture of their module.
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
from pathlib import Path

import harness

KEY = "test-key"
START_S = 60  # a sanitizer build on a busy machine
ENDED = ("completed", "failed", "stopped")
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|"
                       r"ThreadSanitizer|runtime error:|assertion .* failed", re.I)


class Answer:
    """One HTTP answer, read to its end. Header names in any case."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {dict(self.headers)} {self.body[:2000]!r}>"


class Event:
    """One Server-Sent Event."""

    def __init__(self, fields):
        self.id, self.kind, self.data = fields.get("id"), fields.get("event"), fields.get("data")

    @property
    def json(self):
        return json.loads(self.data)

    def __repr__(self):
        return f"<event {self.id} {self.kind} {self.data}>"


class Events:
    """An open event stream; iterate over it. `comments` counts heartbeats."""

    def __init__(self, connection, response):
        self.connection, self.response = connection, response
        self.status, self.headers, self.comments = response.status, response.headers, 0

    def __iter__(self):
        fields = {}
        while True:
            line = self.response.readline()
            if not line:
                return
            line = line.decode().rstrip("\n").rstrip("\r")
            if line.startswith(":"):
                self.comments += 1
            elif line:
                name, _, value = line.partition(":")
                value = value[1:] if value.startswith(" ") else value
                fields[name] = fields[name] + "\n" + value if name in fields else value
            elif fields:
                yield Event(fields)
                fields = {}

    def close(self):
        self.response.close()
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def as_item(item):
    """"platform/code" or a dict to an item of a request."""
    if isinstance(item, dict):
        return item
    platform, code = item.split("/", 1)
    return {"platform": platform, "code": code}


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """key=None: a server without API_KEY. env: settings on top of the defaults, None takes one away."""

    def __init__(self, folder, env=None, key=KEY, starts=True):
        self.folder = Path(folder)
        self.out, self.videos = self.folder / "out", self.folder / "videos"
        for made in (self.folder, self.out, self.videos):
            made.mkdir(parents=True, exist_ok=True)
        self.key, self.env, self.port = key, dict(env or {}), 0
        self.log_path = self.folder / "server.log"
        self.process, self.url, self.log_start = None, None, 0
        self.runs_under = []  # a command in front of the program's own: strace
        if starts:
            self.start()

    # --- life -------------------------------------------------------------------------------------

    def settings(self):
        base = {"VP_OUTPUT_DIR": self.out, "VP_INPUT_DIR": self.videos, "API_PORT": self.port,
                "VP_MAX_WORKERS": 2, "DRAIN_TIMEOUT": 5}
        if self.key is not None:
            base["API_KEY"] = self.key
        base.update(self.env)
        return harness.environment(**base)

    def spawn(self, *arguments):
        """Starts the process and does not wait for anything."""
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.runs_under, harness.BINARY, "serve", *map(str, arguments)],
                                            cwd=self.folder, env=self.settings(), stderr=log,
                                            stdout=log, stdin=subprocess.DEVNULL)
        return self.process

    def start(self, *arguments):
        self.spawn(*arguments)
        try:
            event = self.wait_event("server.listening", timeout=START_S)
        except AssertionError:
            self._end(signal.SIGKILL)
            raise
        self.url, self.port = event["url"], event["port"]
        return self

    def _end(self, number, timeout=60):
        if self.process is None:
            return None
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(number)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server did not end within {timeout} s:\n"
                                 f"{self.log_text()[-4000:]}") from None

    def stop(self, timeout=60):
        """SIGTERM; the exit code, after a look at what the server said."""
        was_running = self.process is not None
        code = self._end(signal.SIGTERM, timeout)
        self.assert_clean()
        if was_running:
            assert code == 0, f"oriane serve ended with {code}:\n{self.log_text()[-4000:]}"
        return code

    def kill(self):
        """SIGKILL, and until its decode children are gone too."""
        children = harness.children_of(self.process.pid) if self.process else []
        code = self._end(signal.SIGKILL)
        harness.wait_until(lambda: not any(map(harness.is_alive, children)), 10, "orphans to end")
        return code

    def restart(self, env=None):
        """On the same folders and the same port, after stop, kill or by stopping it now."""
        self.stop()
        self.env.update(env or {})
        return self.start()

    def signal(self, number):
        self.process.send_signal(number)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:  # the test failed already: end it quickly and show the log
            self._end(signal.SIGKILL)
            print(self.log_text()[-8000:])
        else:
            self.stop()

    @property
    def pid(self):
        return self.process.pid

    def decode_children(self):
        """Those that have become the decode program: before that a child is still this one's copy, and
        whoever stops it stops the thread that makes it."""
        return [pid for pid in harness.children_of(self.pid) if b"decode" in command_line(pid)]

    def freeze_child(self, timeout=30):
        """Stops a decode child, so that its video lasts until SIGCONT; its id."""
        def catch():
            for pid in self.decode_children():
                try:
                    os.kill(pid, signal.SIGSTOP)
                except ProcessLookupError:
                    continue
                if harness.is_alive(pid):
                    return pid
            return None
        return harness.wait_until(catch, timeout, "a decode child")

    # --- log --------------------------------------------------------------------------------------

    def log_text(self):
        """What this start said; earlier starts on the same folder are left out."""
        if not self.log_path.exists():
            return ""
        with open(self.log_path, "rb") as file:
            file.seek(self.log_start)
            return file.read().decode(errors="replace")

    def log(self):
        """Its whole lines that are JSON."""
        lines = []
        for line in self.log_text().splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                pass  # a sanitizer's or libav's own words, or half a line
        return [line for line in lines if isinstance(line, dict)]

    def wait_event(self, event, timeout=30.0, **fields):
        """The first line of the log with this event and these fields."""
        def find():
            for line in self.log():
                if line.get("event") == event and all(line.get(k) == v for k, v in fields.items()):
                    return line
            assert self.process is None or self.process.poll() is None, (
                f"oriane serve ended with {self.process.returncode} before {event}:\n"
                f"{self.log_text()[-4000:]}")
            return None
        return harness.wait_until(find, timeout, f"the log line {event} in\n{self.log_text()[-4000:]}")

    def assert_clean(self):
        if self.log_path.exists():
            text = self.log_path.read_text(errors="replace")
            assert not SANITIZER.search(text), text[-8000:]

    # --- HTTP -------------------------------------------------------------------------------------

    def connect(self, timeout=60):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def raw(self, data, timeout=20):
        """All bytes that come back for these bytes, up to the server's close or the timeout."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as peer:
            peer.sendall(data)
            found = b""
            while True:
                try:
                    more = peer.recv(65536)
                except (TimeoutError, ConnectionResetError):
                    return found
                if not more:
                    return found
                found += more

    def headers(self, headers=None, key=True):
        chosen = {}
        if key is True and self.key is not None:
            chosen["X-API-Key"] = self.key
        elif isinstance(key, str):
            chosen["X-API-Key"] = key
        chosen.update(headers or {})
        return chosen

    def request(self, method, path, body=None, headers=None, key=True, json_body=None, timeout=60):
        """key: True for the server's, False for none, or another one. No redirect is followed."""
        headers = self.headers(headers, key)
        if json_body is not None:
            body = json.dumps(json_body)
            headers.setdefault("Content-Type", "application/json")
        connection = self.connect(timeout)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def head(self, path, **options):
        return self.request("HEAD", path, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    def post(self, path, json_body=None, **options):
        return self.request("POST", path, json_body=json_body, **options)

    def json(self, path, expected=200, method="GET", **options):
        """The answer's JSON, its status checked."""
        answer = self.request(method, path, **options)
        assert answer.status == expected, f"{method} {path}: {answer}"
        return answer.json

    def upload(self, path, data, field="file", name="picture.png", content_type="image/png",
               fields=None, **options):
        """multipart/form-data with one file and text fields."""
        boundary = "----oriane-" + os.urandom(8).hex()
        parts = b""
        for key, value in (fields or {}).items():
            parts += (f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n'
                      f"{value}\r\n").encode()
        parts += (f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; '
                  f'filename="{name}"\r\nContent-Type: {content_type}\r\n\r\n').encode()
        parts += data + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        headers.update(options.pop("headers", {}))
        return self.request("POST", path, body=parts, headers=headers, **options)

    # --- jobs -------------------------------------------------------------------------------------

    def add_video(self, platform, code, source):
        """A copy of the file where the server looks for it; "platform/code"."""
        suffix = Path(source).suffix
        name = f"{code}/video.mp4" if suffix == ".mp4" else f"{code}{suffix}"
        target = self.videos / platform / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        return f"{platform}/{code}"

    def submit(self, items, headers=None, **options):
        """POST /process; items are dicts or "platform/code". The job's id."""
        body = {"items": [as_item(i) for i in items], **options}
        answer = self.post("/process", body, headers=headers)
        assert answer.status == 202, answer
        return answer.json["jobId"]

    def status(self, job, tail=50):
        return self.json(f"/status/{job}?tail={tail}")

    def wait_job(self, job, timeout=harness.DEADLINE_S, states=ENDED):
        """Polls /status until the job is in one of the states; that answer."""
        def look():
            found = self.status(job)
            return found if found["status"] in states else None
        return poll(look, timeout, lambda: f"job {job}: {self.status(job)}\n{self.log_text()[-3000:]}")

    def wait_ready(self, timeout=START_S):
        def look():
            answer = self.get("/ready", key=False)
            return answer if answer.status == 200 else None
        return poll(look, timeout, lambda: f"/ready: {self.get('/ready', key=False)}")

    def wait_not_ready(self, reason, timeout=START_S):
        """Until /ready is a 503 whose detail has this text; that answer."""
        def look():
            answer = self.get("/ready", key=False)
            return answer if answer.status == 503 and reason in answer.json["detail"] else None
        return poll(look, timeout, lambda: f"/ready: {self.get('/ready', key=False)}")

    def run(self, items, **options):
        """submit and wait_job."""
        return self.wait_job(self.submit(items, **options))

    def sse(self, job, last=None, timeout=60):
        """The event stream of a job; close it."""
        headers = self.headers({"Accept": "text/event-stream"})
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        connection = self.connect(timeout)
        connection.request("GET", f"/jobs/{job}/events", headers=headers)
        return Events(connection, connection.getresponse())

    def frames(self, item):
        found = as_item(item)
        return self.json(f"/frames/{urllib.parse.quote(found['platform'])}/"
                         f"{urllib.parse.quote(found['code'])}")


def poll(look, timeout, what):
    """As harness.wait_until, with a request's pace: answers cost the server something."""
    end = time.monotonic() + timeout
    while True:
        value = look()
        if value:
            return value
        assert time.monotonic() < end, f"timed out: {what()}"
        time.sleep(0.02)
