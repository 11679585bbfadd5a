"""`oriane submit` against a real server: what is in the list is what the server has, once each, whoever
is killed and when; and what is odd in a list is told."""

import contextlib
import http.client
import http.server
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections import Counter

import clips
import harness
import pytest
import server as servers

KEY = {"API_KEY": servers.KEY}
SEED = int(os.environ.get("ORIANE_KILL_SEED", "20240802"))


def stored(server):
    """Every video of every job: {(platform, code, url): how often}; and how many jobs."""
    found, jobs, page = Counter(), 0, 1
    while True:
        rows = server.json(f"/jobs?page={page}&page_size=100")["jobs"]
        for row in rows:
            for item in server.json(f"/jobs/{row['job_id']}")["items"]:
                found[item["platform"], item["code"], item.get("url", "")] += 1
        jobs += len(rows)
        page += 1
        if len(rows) < 100:
            return found, jobs


def names(count, first=0):
    return [("p", f"video-{i}", "") for i in range(first, first + count)]


def write_list(path, videos):
    path.write_text("".join(f"{p}/{c} {u}\n" for p, c, u in videos))


def once(videos):
    return Counter(dict.fromkeys(videos, 1))


@pytest.fixture
def server(tmp_path):
    with servers.Server(tmp_path / "server", env={"MAX_VIDEOS_PER_REQUEST": 10}) as one:
        yield one


@pytest.fixture
def submit(oriane, server):
    def call(*words, url=None, **options):
        options.setdefault("settings", KEY)
        return oriane("submit", *words, "--server", url or server.url, **options)
    return call


# --- a list becomes jobs --------------------------------------------------------------------------

def test_a_list_becomes_jobs_of_the_servers_size(submit, server, tmp_path):
    videos = [*names(20), ("p", "with-url", "s3://bucket/a key +%é.mp4"), ("q", "file", "x/y.mp4")]
    write_list(tmp_path / "list.txt", videos)
    result = submit("list.txt")
    assert result.code == 0 and result.err == "", result
    assert result.out.startswith("22 videos, 22 posted in 3 jobs\nlast job: "), result
    assert stored(server) == (once(videos), 3)
    again = submit("list.txt")
    assert again.code == 0 and "22 posted before; there was nothing to post" in again.out, again
    assert stored(server) == (once(videos), 3)


def test_a_list_that_has_grown(submit, server, tmp_path):
    """Also in its middle, with the order changed, and by a server that takes more at once."""
    write_list(tmp_path / "list.txt", names(25))
    assert submit("list.txt").code == 0
    server.env["MAX_VIDEOS_PER_REQUEST"] = 7
    server.restart()
    videos = [*names(5, 30), *reversed(names(25)), *names(5, 40)]
    write_list(tmp_path / "list.txt", videos)
    result = submit("list.txt")
    assert "35 videos, 10 posted in 2 jobs, 25 posted before\n" in result.out, result
    assert stored(server) == (once(videos), 5)


def test_again_and_other_options_are_jobs_of_their_own(submit, server, tmp_path):
    write_list(tmp_path / "list.txt", names(3))
    assert submit("list.txt").code == 0
    assert submit("list.txt", "--force", "--priority", -7).code == 0
    assert submit("list.txt", "--force", "--priority", -7).code == 0
    for _ in range(2):
        assert submit("list.txt", "--again").code == 0
    assert stored(server) == (Counter(dict.fromkeys(names(3), 4)), 4)
    jobs = server.json("/jobs?page_size=100")["jobs"]
    assert [(j["force"], j["priority"]) for j in jobs] == [(False, 0), (True, -7), (False, 0), (False, 0)]


def test_options_reach_the_job(oriane, tmp_path):
    write_list(tmp_path / "list.txt", names(1))
    seen = []

    def answer(handler, body):
        seen.append((handler.path, dict(handler.headers), body))
        return (200, {"max_videos_per_request": 5}) if handler.path == "/config" else (
            202, {"job_id": "00000000-0000-4000-8000-000000000000"})
    with Fake(answer) as fake:
        result = oriane("submit", "list.txt", "--server", fake.url, "--force", "--priority", "3",
                        "--local-mode", "--skip-upload", "--webhook-url", "https://x.example/h",
                        settings=KEY)
    assert result.code == 0, result
    path, headers, body = seen[-1]
    assert path == "/process" and headers["X-API-Key"] == servers.KEY
    assert len(headers["Idempotency-Key"]) == 64 and headers["Content-Type"] == "application/json"
    assert json.loads(body) == {"items": [{"platform": "p", "code": "video-0"}], "force": True,
                                "local_mode": True, "skip_upload": True, "priority": 3,
                                "webhook_url": "https://x.example/h"}


@pytest.mark.parametrize("text", [
    "platform,code,url\r\np,video-0,\r\n\"p\",video-1\r\np,video-2,\"\"\r\n",
    '[{"platform":"p","code":"video-0"},{"code":"video-1","platform":"p"},\n'
    '{"platform":"p","code":"video-2","url":null}]',
    '{"force":true,"items":[{"platform":"p","code":"video-0"},{"platform":"p","code":"video-1"},'
    '{"platform":"p","code":"video-2"}]}',
    '{"platform":"p","code":"video-0"}\n{"platform":"p","code":"video-1"}\n'
    '{"platform":"p","code":"video-2"}\n',
    "\ufeffp/video-0\r\n# a comment\r\np/video-1\r\n\r\np/video-2",
])
def test_forms_from_a_pipe(oriane, server, text):
    process = subprocess.Popen([harness.BINARY, "submit", "-", "--server", server.url],
                               cwd=oriane.folder, env=harness.environment(**KEY),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    out, err = process.communicate(text.encode(), timeout=60)
    assert process.returncode == 0 and err == b"", (out, err)
    assert stored(server) == (once(names(3)), 1)


def test_json_has_one_object_a_job(submit, server, tmp_path):
    write_list(tmp_path / "list.txt", names(12))
    first = [json.loads(line) for line in submit("list.txt", "--json").out.splitlines()]
    assert [(j["items"], j["before"], j["status"], j["counts"]) for j in first] == [
        (10, False, "posted", None), (2, False, "posted", None)]
    write_list(tmp_path / "list.txt", names(13))
    second = submit("list.txt", "--json")
    rows = [json.loads(line) for line in second.out.splitlines()]
    assert [(j["items"], j["before"]) for j in rows] == [(10, True), (2, True), (1, False)]
    assert [j["job_id"] for j in rows[:2]] == [j["job_id"] for j in first]
    assert {j["job_id"] for j in rows} == {j["job_id"] for j in server.json("/jobs")["jobs"]}


def test_wait_tells_how_each_job_ended(submit, server, tmp_path):
    for i in range(11):
        server.add_video("p", f"video-{i}", clips.get("one_frame").path)
    write_list(tmp_path / "list.txt", names(11))
    good = submit("list.txt", "--wait", "--json")
    assert good.code == 0 and good.err == "", good
    rows = [json.loads(line) for line in good.out.splitlines()]
    assert sorted((j["status"], j["counts"]["success"]) for j in rows) == [
        ("completed", 1), ("completed", 10)]
    write_list(tmp_path / "list.txt", names(12))
    bad = submit("list.txt", "--wait")
    assert bad.code == 1 and "1 of 1 videos did not succeed (oriane jobs show" in bad.err, bad
    assert "12 videos, 1 posted in 1 job, 11 posted before, 1 did not succeed\n" in bad.out
    job = server.json("/jobs")["jobs"][0]["job_id"]
    assert server.delete(f"/jobs/{job}").status == 200
    gone = submit("list.txt", "--wait", "--json")
    assert gone.code == 1 and f"job {job}: the server does not know it any more" in gone.err, gone
    assert [json.loads(line)["status"] for line in gone.out.splitlines()].count("unknown") == 1


# --- what is odd ----------------------------------------------------------------------------------

def test_bad_and_repeated_entries_are_told_and_the_rest_goes_on(submit, server, tmp_path):
    (tmp_path / "list.txt").write_text(
        "p/video-0\nno slash\np/../x\np/video-1 ftp://x/y\np/video-0\np/video-0\np/video-1\n\x1b[31m/x\n")
    result = submit("list.txt")
    assert result.code == 1, result
    assert [line for line in result.err.splitlines() if "line" in line] == [
        "oriane: list.txt: line 2: expected platform/code, and perhaps a URL behind it",
        *[line for line in result.err.splitlines() if ": line 3:" in line or ": line 4:" in line],
        *[line for line in result.err.splitlines() if ": line 8:" in line],
        "oriane: 2 repeated entries left out, the first at line 5, p/video-0"], result
    assert result.err.count("\n") == 5 and "\x1b" not in result.err
    assert stored(server) == (once(names(2)), 1)


def test_a_csv_without_a_header_is_told_what_it_lacks(submit, server, tmp_path):
    (tmp_path / "list.csv").write_text("p,video-0,https://example.org/x\np;video-1\n")
    result = submit("list.csv")
    assert result.code == 1 and result.err.count("a list in CSV begins with a line that names") == 2
    assert stored(server) == (Counter(), 0)


def test_https_to_a_server_of_plain_http_is_told_as_such(submit, tmp_path):
    """One that answers what it does not understand, and takes leave in order: a reset would tell nothing."""
    write_list(tmp_path / "list.txt", names(1))

    def answer(listening):
        peer, _ = listening.accept()
        with peer:
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            peer.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while peer.recv(65536):
                    pass
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = threading.Thread(target=answer, args=(listening,))
        answering.start()
        result = submit("list.txt", "--patience", "0",
                        url=f"https://127.0.0.1:{listening.getsockname()[1]}")
        answering.join()
    assert result.code == 1 and "no TLS is spoken there: is it http://?" in result.err, result


def test_many_bad_entries_are_counted(submit, tmp_path):
    (tmp_path / "list.txt").write_text("bad\n" * 25 + "p/video-0\n")
    result = submit("list.txt")
    assert result.err.count(": line ") == 20 and "... and 5 more bad entries" in result.err, result
    assert "1 video, 1 posted in 1 job, 25 bad entries\n" in result.out


def test_strict_posts_nothing_of_a_bad_list(submit, server, tmp_path):
    (tmp_path / "list.txt").write_text("".join(f"p/video-{i}\n" for i in range(30)) + "bad\n")
    result = submit("list.txt", "--strict")
    assert result.code == 1 and result.out == "", result
    assert "list.txt: line 31: expected" in result.err and "nothing was posted" in result.err
    assert result.err.splitlines()[-1].endswith("[bad_list]")
    assert stored(server) == (Counter(), 0)
    write_list(tmp_path / "list.txt", names(30))
    assert submit("list.txt", "--strict").code == 0
    assert stored(server) == (once(names(30)), 3)


def test_a_torn_json_array_ends_the_list_and_a_whole_one_goes_on(submit, server, tmp_path):
    items = [{"platform": p, "code": c} for p, c, _ in names(15)]
    (tmp_path / "list.json").write_text(json.dumps(items)[:-30])
    result = submit("list.json")
    assert result.code == 1 and "[bad_list]" in result.err, result
    assert "10 videos are posted; the same command goes on from there" in result.err
    (tmp_path / "list.json").write_text(json.dumps(items))
    assert submit("list.json").code == 0
    assert stored(server) == (once(names(15)), 2)


@pytest.mark.parametrize("words, code, says", [
    ([], 2, "give one list"),
    (["a", "b"], 2, "Usage"),
    (["list.txt", "--format", "xml"], 2, "--format=xml"),
    (["list.txt", "--platform", "a/b"], 2, "--platform: "),
    (["list.txt", "--priority", "101"], 2, "--priority=101"),
    (["no-such.txt"], 1, "[not_found]"),
    (["."], 1, "[not_a_file]"),
    (["s3://B"], 1, "[url_refused]"),
    (["list.txt", "--format", "csv"], 1, "[bad_list]"),
])
def test_usage(submit, tmp_path, words, code, says):
    (tmp_path / "list.txt").write_text("p/video-0\n")
    result = submit(*words)
    assert result.code == code and (says in result.err or says == "Usage"), result
    assert result.out == "" and "\n" == result.err[-1]


def test_two_at_once_on_one_list(submit, oriane, server, tmp_path):
    write_list(tmp_path / "list.txt", names(1))
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nobody answers there: the first one waits
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        first = oriane.start("submit", "list.txt", "--server", url, settings=KEY)
        try:
            line = first.stderr.readline()
            assert b"waiting up to 120 s" in line, line
            second = submit("list.txt", "--patience", 0, url=url)
            assert second.code == 1 and "[store_in_use]" in second.err, second
        finally:
            first.kill()
            first.communicate()


# --- a server that is away ------------------------------------------------------------------------

class Fake:
    """A server with one function for an answer: answer(handler, body) -> (status, json[, headers])."""

    def __init__(self, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                given = answer(self, body)
                if given is None:
                    self.close_connection = True
                    return
                status, value, *headers = given
                data = json.dumps(value).encode()
                self.send_response(status)
                for name, text in (headers[0] if headers else {}).items():
                    self.send_header(name, text)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST

            def log_message(self, *_):
                pass
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever,
                                       kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def forward(server, handler, body):
    """The same request to the real server: (status, json, headers)."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(handler.command, handler.path, body=body or None, headers={
            k: v for k, v in handler.headers.items() if k.lower() not in ("host", "content-length")})
        answer = connection.getresponse()
        data = answer.read()
        replayed = answer.headers.get("Idempotency-Replayed")
        return answer.status, json.loads(data), {"Idempotency-Replayed": replayed} if replayed else {}
    finally:
        connection.close()


def test_429_and_503_are_waited_for(submit, server, tmp_path):
    write_list(tmp_path / "list.txt", names(12))
    times, refusals = [], [429, 503, 503]

    def answer(handler, body):
        times.append(time.monotonic())
        if handler.path == "/process" and refusals:
            return refusals.pop(0), {"detail": "busy"}, {"Retry-After": "1"}
        return forward(server, handler, body)
    with Fake(answer) as fake:
        result = submit("list.txt", url=fake.url)
    assert result.code == 0, result
    assert result.err == ("oriane: busy; waiting up to 120 s for it (--patience)\n"
                          "oriane: the server answers again\n")
    assert all(times[i + 1] - times[i] >= 0.99 for i in (1, 2, 3))
    assert stored(server) == (once(names(12)), 2)


def test_a_wait_that_is_too_long_is_a_failure_at_once(submit, server, tmp_path):
    write_list(tmp_path / "list.txt", names(1))
    with Fake(lambda *_: (503, {"detail": "later"}, {"Retry-After": "3000"})) as fake:
        result = submit("list.txt", url=fake.url)
    assert result.code == 1 and "given up" in result.err and "later" in result.err, result
    assert result.err.count("\n") == 1


def test_nobody_there_is_given_up_at_its_bound(submit, tmp_path):
    write_list(tmp_path / "list.txt", names(1))
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        begin = time.monotonic()
        result = submit("list.txt", "--patience", 2,
                        url=f"http://127.0.0.1:{held.getsockname()[1]}")
    assert result.code == 1 and "[network_failed]" in result.err, result
    assert "waiting up to 2 s for it" in result.err and "given up" in result.err
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize("key", ["wrong", None])
def test_a_wrong_key_fails_at_once(submit, server, tmp_path, key):
    write_list(tmp_path / "list.txt", names(1))
    result = submit("list.txt", settings={"API_KEY": key} if key else {})
    assert result.code == 1 and "[unauthorized]" in result.err and "API_KEY" in result.err, result
    assert result.err.count("\n") == 1
    assert submit("list.txt").code == 0 and stored(server)[0] == once(names(1))


def test_a_refused_request_is_told_and_taken_back(submit, server, tmp_path):
    """What was refused for good was not posted: the next call makes its requests anew."""
    write_list(tmp_path / "list.txt", names(10))
    refusals = [(400, {"detail": "Request exceeds maximum", "code": "too_many_items"})]

    def answer(handler, body):
        if handler.path == "/process" and refusals:
            return refusals.pop()
        return forward(server, handler, body)
    with Fake(answer) as fake:
        result = submit("list.txt", url=fake.url)
        assert result.code == 1 and result.err == (
            "oriane: Request exceeds maximum [too_many_items]\n"), result
        write_list(tmp_path / "list.txt", names(9, 5))
        assert submit("list.txt", url=fake.url).code == 0
    assert stored(server) == (once(names(9, 5)), 1)


def test_videos_that_the_server_refuses_stop_no_others(submit, server, tmp_path):
    """URLs whose form is right and whose host is not for everybody: told as bad entries, by name; the rest
    of their request is posted, and what comes behind it. So again in the next call."""
    bad = {3: "http://169.254.169.254/x.mp4", 4: "https://2130706433/x.mp4", 17: "https://10.0.0.1/x"}
    lines = [f"p/v{i} {bad.get(i, '')}".strip() for i in range(25)]
    (tmp_path / "list.txt").write_text("\n".join(lines) + "\n")
    good = {("p", f"v{i}", ""): 1 for i in range(25) if i not in bad}
    for call in range(2):
        result = submit("list.txt")
        assert result.code == 1, result
        for i, url in bad.items():
            assert f"oriane: list.txt: p/v{i}: the URL" in result.err, result
        assert stored(server)[0] == good, call
    strict = submit("list.txt", "--strict", "--again")
    assert strict.code == 1 and "p/v3" in strict.err, strict
    only = tmp_path / "only.txt"
    only.write_text("p/none https://127.0.0.1/x\n")
    assert submit("only.txt").code == 1


@pytest.mark.parametrize("reply", [(202, {}), (202, {"job_id": "../x"}), (200, [])])
def test_nonsense_for_an_answer(submit, tmp_path, reply):
    write_list(tmp_path / "list.txt", names(1))
    with Fake(lambda handler, _: (200, {"max_videos_per_request": 5})
              if handler.path == "/config" else reply) as fake:
        result = submit("list.txt", url=fake.url)
        assert result.code == 1 and "oriane?" in result.err, result
    with Fake(lambda *_: (200, {})) as fake:
        result = submit("list.txt", url=fake.url)
        assert result.code == 1 and "max_videos_per_request" in result.err, result


# --- kills ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_a_post(oriane, server, tmp_path, when):
    """kill -9 after the request has left, before or after the server took it, with the answer never seen;
    then the list grows, so that the last request would be another one."""
    write_list(tmp_path / "list.txt", names(15))
    posts, process = [], []

    def answer(handler, body):
        if handler.path != "/process":
            return forward(server, handler, body)
        posts.append(handler.headers["Idempotency-Key"])
        if len(posts) == 2:
            if when == "after":
                assert forward(server, handler, body)[0] == 202
            process[0].kill()
            return None
        return forward(server, handler, body)
    with Fake(answer) as fake:
        process.append(oriane.start("submit", "list.txt", "--server", fake.url, settings=KEY))
        process[0].communicate(timeout=60)
        assert process[0].returncode == -signal.SIGKILL and len(posts) == 2
        write_list(tmp_path / "list.txt", names(18))
        result = oriane("submit", "list.txt", "--server", fake.url, settings=KEY)
    assert result.code == 0, result
    assert posts[2] == posts[1] and len(set(posts)) == 3
    assert stored(server) == (once(names(18)), 3)


def test_killed_and_then_the_server_takes_less(oriane, server, tmp_path):
    """What was on its way is too much now: its videos go out in requests that are taken."""
    write_list(tmp_path / "list.txt", names(10))
    process = []

    def answer(handler, body):
        if handler.path == "/process" and process:
            process.pop().kill()
            return None
        return forward(server, handler, body)
    with Fake(answer) as fake:
        process.append(oriane.start("submit", "list.txt", "--server", fake.url, settings=KEY))
        process[0].communicate(timeout=60)
        server.env["MAX_VIDEOS_PER_REQUEST"] = 4
        server.restart()
        result = oriane("submit", "list.txt", "--server", fake.url, settings=KEY)
    assert result.code == 0 and result.err.startswith("oriane: the request of before is made anew"), result
    assert stored(server) == (once(names(10)), 3)


def test_a_journal_cut_at_any_byte(submit, oriane, server, tmp_path):
    """As a kill or a full disk may leave it: what is missing is asked again under the same key."""
    write_list(tmp_path / "list.txt", names(12))
    assert submit("list.txt").code == 0
    [journal] = (tmp_path / ".output" / "submit").iterdir()
    whole = journal.read_bytes()
    assert journal.stat().st_mode & 0o777 == 0o600
    cuts = {0, 1, 16, len(whole) - 1, len(whole) - 30}
    cuts |= {i + d for i in range(len(whole)) if whole[i] == 10 for d in (0, 1, 2)}
    for cut in sorted(c for c in cuts if c <= len(whole)):
        journal.write_bytes(whole[:cut])
        result = submit("list.txt")
        assert result.code == 0, (cut, result)
        assert stored(server) == (once(names(12)), 2), cut
        assert journal.read_bytes() == whole, cut
    journal.unlink()
    assert submit("list.txt").code == 0
    assert stored(server) == (once(names(12)), 2), "the keys alone"


@pytest.mark.parametrize("damage, says", [
    (b"something else\n", "[store_failed]"),
    (b"oriane submit 2 -\n", "[store_version]"),
    (b"oriane submit 1 -\npost 1 00 {}\n", "[store_failed]"),
    (b"oriane submit 1 -\njob 00 00\n", "[store_failed]"),
    (b"oriane submit 1 -\n\n", "[store_failed]"),
    (b"oriane submit 1 ../x\n", "[store_failed]"),
    (b"oriane submit 1 -\0\n", "[store_failed]"),
])
def test_a_journal_that_is_none(submit, server, tmp_path, damage, says):
    write_list(tmp_path / "list.txt", names(2))
    assert submit("list.txt").code == 0
    [journal] = (tmp_path / ".output" / "submit").iterdir()
    journal.write_bytes(damage)
    result = submit("list.txt")
    assert result.code == 1 and says in result.err and str(journal.name) in result.err, result
    assert journal.read_bytes() == damage
    assert submit("list.txt", "--again").code == 0


def test_submit_killed_at_random(oriane, server, tmp_path):
    """Again and again, at any moment, until it gets through; the list grows meanwhile."""
    chance, count = random.Random(SEED), 200
    write_list(tmp_path / "list.txt", names(count))
    for _ in range(60 if harness.IS_LONG else 8):
        process = oriane.start("submit", "list.txt", "--server", server.url, settings=KEY)
        try:
            process.communicate(timeout=chance.uniform(0.005, 0.15))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        count += chance.randrange(1, 15)
        write_list(tmp_path / "list.txt", names(count))
    result = oriane("submit", "list.txt", "--server", server.url, settings=KEY)
    assert result.code == 0, result
    assert stored(server)[0] == once(names(count))


def test_the_server_killed_at_random(oriane, server, tmp_path):
    chance = random.Random(SEED + 1)
    write_list(tmp_path / "list.txt", names(1500))
    process = oriane.start("submit", "list.txt", "--server", server.url, settings=KEY)
    try:
        for _ in range(20 if harness.IS_LONG else 3):
            before = server.json("/jobs?page_size=1")["total"]
            harness.wait_until(lambda n=before: process.poll() is not None or
                               server.json("/jobs?page_size=1")["total"] > n, 30, "another job")
            if process.poll() is None:
                time.sleep(chance.uniform(0, 0.05))  # where it hits is what is tried
            server.kill()
            server.start()
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, (out, err)
    assert stored(server)[0] == once(names(1500))


def test_ctrl_c_and_on(oriane, server, tmp_path):
    write_list(tmp_path / "list.txt", names(25))
    process = []

    def answer(handler, body):
        given = forward(server, handler, body)
        if handler.path == "/process" and process:
            process.pop().send_signal(signal.SIGINT)
        return given
    with Fake(answer) as fake:
        process.append(oriane.start("submit", "list.txt", "--server", fake.url, settings=KEY))
        one = process[0]
        _, err = one.communicate(timeout=60)
        assert one.returncode in (0, 1) and (one.returncode == 0 or b"interrupted" in err), err
        assert oriane("submit", "list.txt", "--server", fake.url, settings=KEY).code == 0
    assert stored(server)[0] == once(names(25))


# --- size -----------------------------------------------------------------------------------------

def counting(limit):
    """A server that takes anything: its answer(), and the sizes of the requests: (videos, bytes)."""
    sizes = []

    def answer(handler, body):
        if handler.path == "/config":
            return 200, {"max_videos_per_request": limit}
        sizes.append((body.count(b'"code"'), len(body)))
        return 202, {"job_id": "00000000-0000-4000-8000-000000000000"}
    return answer, sizes


def test_requests_at_their_limits(oriane, tmp_path):
    write_list(tmp_path / "many.txt", names(100001))
    answer, sizes = counting(10**9)
    with Fake(answer) as fake:
        assert oriane("submit", "many.txt", "--server", fake.url, settings=KEY).code == 0
    assert [videos for videos, _ in sizes] == [100000, 1]
    write_list(tmp_path / "long.txt", [("p", f"v{i}", "https://x.example/" + "y" * 2000)
                                       for i in range(9000)])
    answer, sizes = counting(100000)
    with Fake(answer) as fake:
        assert oriane("submit", "long.txt", "--server", fake.url, settings=KEY).code == 0
    assert sum(videos for videos, _ in sizes) == 9000 and len(sizes) == 3
    assert all(8300000 < size <= 8388608 for _, size in sizes[:2]), sizes


@pytest.mark.skipif(not harness.IS_LONG, reason="long form")
def test_lists_and_journals_at_their_limits(oriane, tmp_path):
    for more in (0, 1):
        with open(tmp_path / f"list-{more}.txt", "w", encoding="utf-8") as file:
            file.writelines(f"p/{i}\n" for i in range(4194304 + more))
        answer, sizes = counting(100000)
        with Fake(answer) as fake:
            result = oriane("submit", f"list-{more}.txt", "--server", fake.url, settings=KEY,
                            timeout=300)
        assert result.code == more and ("SUBMIT_VIDEOS" in result.err) == bool(more), result
    write_list(tmp_path / "one.txt", names(1))
    answer, sizes = counting(100000)
    with Fake(answer) as fake:
        assert oriane("submit", "one.txt", "--server", fake.url, settings=KEY).code == 0
        journal = max((tmp_path / ".output" / "submit").iterdir(), key=lambda p: p.stat().st_mtime_ns)
        head, pair = journal.read_bytes().split(b"\n", 1)
        for more in (0, 1):
            journal.write_bytes(head + b"\n" + pair * (1048576 + more))
            result = oriane("submit", "one.txt", "--server", fake.url, settings=KEY, timeout=300)
            assert result.code == more and ("SUBMIT_JOBS" in result.err) == bool(more), result
        assert len(sizes) == 1


def test_a_long_list_in_little_memory(oriane, tmp_path):
    """100,000 videos cost what their names in two sets do, as docs/operations.md says: not the list."""
    count, posted = 100000, Counter()

    def answer(handler, body):
        if handler.path == "/config":
            return 200, {"max_videos_per_request": 1000}
        posted.update(item["code"] for item in json.loads(body)["items"])
        return 202, {"job_id": "00000000-0000-4000-8000-000000000000"}

    def memory(url, name):
        process = oriane.start("submit", name, "--server", url, settings=KEY)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.communicate()
        assert process.returncode == 0
        return usage.ru_maxrss * 1024

    write_list(tmp_path / "one.txt", names(1))
    write_list(tmp_path / "list.txt", [("platform", f"a-code-that-is-as-long-as-they-are-{i}",
                                        f"https://x.example/videos/{i}.mp4") for i in range(count)])
    with Fake(answer) as fake:
        base = memory(fake.url, "one.txt")
        posted.clear()
        for _ in range(2):  # the second time the journal is read, and nothing is posted
            assert memory(fake.url, "list.txt") - base < 4 * 1024 * 1024 + 43 * count
            assert len(posted) == count and set(posted.values()) == {1}
