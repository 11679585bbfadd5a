"""`oriane jobs` against a real server, and against one that answers nonsense."""

import http.server
import json
import socket
import threading
import time

import clips
import harness
import pytest
import server as servers

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with servers.Server(tmp_path_factory.mktemp("jobs")) as one:
        one.wait_ready()
        one.add_video("local", "one", clips.get("cuts").path)
        yield one


@pytest.fixture
def jobs(oriane, server):
    def call(*words, key=servers.KEY, url=None, **options):
        settings = {"API_KEY": key} if key else {}
        return oriane("jobs", *words, "--server", url or server.url, settings=settings, **options)
    return call


@pytest.fixture(scope="module")
def done(server):
    """A job of which one video succeeded and one failed."""
    job = server.submit(["local/one", "local/none"])
    server.wait_job(job)
    return job


# --- a real server --------------------------------------------------------------------------------

def test_list(jobs, done):
    result = jobs("list")
    assert result.code == 0, result
    rows = [line.split() for line in result.out.splitlines()]
    assert rows[0][:3] == ["JOB", "STATUS", "DONE"]
    row = next(r for r in rows if r[0] == done)
    assert row[1:6] == ["completed", "100%", "2", "1", "1"]


def test_list_json_is_the_servers_answer(jobs, server, done):
    result = jobs("list", "--json", "--page-size", "100")
    assert result.code == 0 and result.err == "", result
    assert done in [job["job_id"] for job in result.json["jobs"]]
    assert result.json["page_size"] == 100


def test_list_pages_orders_and_filters(jobs, tmp_path):
    with servers.Server(tmp_path / "own") as own:
        own.wait_ready()
        own.add_video("local", "one", clips.get("cuts").path)

        def listed(*words):
            return [job["job_id"] for job in jobs("list", "--json", *words, url=own.url).json["jobs"]]
        done = own.run(["local/one"])["jobId"]
        failed = own.run(["local/none"])["jobId"]
        pages = [listed("--page-size", 1, "--page", n, "--order", "asc") for n in (1, 2, 3)]
        assert pages == [[done], [failed], []]
        assert listed() == listed("--order", "desc") == [failed, done]
        assert listed("--status", "failed") == [failed]
        text = jobs("list", "--page-size", 1, url=own.url).out
        assert "page 1 of 2, 2 jobs in all; --page shows others" in text
        assert jobs("list", "--status", "pending", url=own.url).out == "no jobs\n"


def test_show(jobs, done):
    result = jobs("show", done)
    assert result.code == 0, result
    assert f"job      {done}\nstatus   completed, 100%\nvideos   2, 1 success, 1 failed\n" in result.out
    lines = result.out.splitlines()
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("VIDEO")):]
    assert table[1].startswith("local/none") and "not_found: " in table[1]
    assert table[2].startswith("local/one")
    assert any("local/one: " in line for line in table[3:]), "the log's last lines"


def test_show_items_and_tail_at_their_ends(jobs, done):
    none = jobs("show", done, "--items", "0", "--tail", "0").out
    assert "local/" not in none and "... and 2 more" in none
    one = jobs("show", done, "--items", "1", "--tail", "1").out
    assert one.count("local/none") >= 1 and "... and 1 more" in one
    assert jobs("show", done, "--items", "10001").code == 2
    assert jobs("show", done, "--tail", "1001").code == 2


def test_show_json(jobs, done):
    job = jobs("show", done, "--json").json
    assert job["job_id"] == done and job["counts"]["failed"] == 1 and job["logs"]
    assert "logs" not in jobs("show", done, "--json", "--tail", "0").json


def test_follow_waits_for_the_end(jobs, server):
    server.add_video("local", "two", clips.get("cuts").path)
    job = server.submit([{"platform": "local", "code": "two"}], force=True)
    result = jobs("show", job, "--follow")
    assert result.code == 0 and "status   completed, 100%" in result.out, result
    assert result.err == "", "no progress line where nobody looks"


def test_follow_tells_by_its_exit_code_that_the_job_failed(jobs, server):
    job = server.submit(["local/none"])
    result = jobs("show", job, "--follow", "--json")
    assert result.code == 1 and result.json["status"] == "failed", result
    assert jobs("show", job).code == 0, "looking at it is no failure"


def test_retry_runs_again_what_failed(jobs, server):
    job = server.submit(["local/late"])
    assert server.wait_job(job)["status"] == "failed"
    server.add_video("local", "late", clips.get("cuts").path)
    result = jobs("retry", job)
    assert result.code == 0 and result.out == f"job {job} runs again what did not succeed\n", result
    assert jobs("show", job, "--follow").code == 0
    assert server.status(job)["status"] == "completed"


def test_wrong_states_are_told_in_one_line(jobs, done):
    for words in (("retry", done), ("stop", done)):
        result = jobs(*words)
        assert result.code == 1 and result.out == "", result
        assert result.err.startswith("oriane: ") and result.err.count("\n") == 1
        assert "completed" in result.err and "[wrong_state]" in result.err


def test_stop(jobs, server):
    server.add_video("local", "long", clips.get("cuts").path)
    job = server.submit([{"platform": "local", "code": "long"}] + ["local/none"] * 50, force=True,
                        batch_size=1, sleep_between_batches=60)
    result = jobs("stop", job)
    assert result.code == 0 and result.out == f"job {job} is stopped\n", result
    assert server.wait_job(job)["status"] == "stopped"
    assert jobs("show", job, "--follow").code == 1


def test_a_job_that_is_not_there(jobs):
    for words in (("show", NOBODY), ("show", NOBODY, "--follow"), ("retry", NOBODY), ("stop", NOBODY)):
        result = jobs(*words)
        assert (result.code, result.err) == (1, "oriane: Job not found [not_found]\n"), result


@pytest.mark.parametrize("key", ["wrong", None])
def test_keys(jobs, key):
    result = jobs("list", key=key)
    assert result.code == 1 and "API_KEY" in result.err and "[unauthorized]" in result.err, result
    assert jobs("list", "--key", servers.KEY, key=key).code == 0


def test_the_settings_name_the_server(oriane, server, done):
    settings = {"API_KEY": servers.KEY, "API_PORT": server.port}
    for host in ("127.0.0.1", "localhost", "0.0.0.0"):
        result = oriane("jobs", "list", settings={**settings, "API_HOST": host})
        assert result.code == 0 and done in result.out, result


def test_the_key_stays_out_of_the_log(jobs, done):
    result = jobs("list", "--log-level", "trace")
    assert result.code == 0 and "GET /jobs" in result.err
    assert servers.KEY not in result.err


# --- usage ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("words, says", [
    ([], "list, show, retry or stop"),
    (["remove", NOBODY], "list, show, retry or stop"),
    (["list", NOBODY], "no operand"),
    (["show"], "the id of one job"),
    (["show", "7"], "not the id of a job"),
    (["stop", NOBODY.replace("0", "/", 1)], "not the id of a job"),
    (["list", "--status", "sideways"], "--status=sideways"),
    (["list", "--order", "up"], "--order=up"),
    (["list", "--page", "0"], "--page=0"),
    (["list", "--page-size", "101"], "--page-size=101"),
    (["list", "--timeout", "0"], "--timeout=0"),
    (["list", "--server", "ftp://x"], "--server"),
    (["list", "--server", "http://user:pw@x"], "--server"),
    (["list", "--server", ""], "--server"),
])
def test_usage(oriane, words, says):
    result = oriane("jobs", *words)
    assert result.code == 2 and says in result.err and result.out == "", result
    assert result.err.count("\n") == 1


# --- other servers --------------------------------------------------------------------------------

class Odd(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append(self.path)
        self.server.answer(self)

    do_POST = do_GET

    def log_message(self, *_):
        pass


def say(status, body=b"", content_type="application/json", headers=()):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
    return answer


@pytest.fixture
def odd():
    """odd(answer): a server with one answer to everything; its URL. odd.seen: what it was asked."""
    started = []

    def start(answer):
        one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
        one.daemon_threads, one.answer, one.seen = True, answer, []
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        started.append((one, thread))
        start.seen = one.seen
        return f"http://127.0.0.1:{one.server_port}"

    yield start
    for one, thread in started:
        one.shutdown()
        thread.join()
        one.server_close()


@pytest.mark.parametrize("answer, says", [
    (say(200, b"{\"jobs\": [", "application/json"), "no JSON object"),
    (say(200, b"<html>hello</html>", "text/html"), "no JSON object"),
    (say(200, b"[]"), "no JSON object"),
    (say(200, b"{}"), "no list of jobs"),
    (say(200, b"{\"jobs\": 7}"), "no list of jobs"),
    (say(200, b"\xff\xfe{}"), "no JSON object"),
    (say(200, b"[" * 100000), "no JSON object"),
    (say(204), "no JSON object"),
    (say(404, b"<h1>nginx</h1>", "text/html"), "answered 404 and does not say why (text/html)"),
    (say(418, b"\x1b[2J", "text/\x1bplain"), "answered 418"),
    (say(302, b"", "text/plain", [("Location", "/elsewhere")]), "answered 302"),
    (say(400, b'{"detail": "a\\u001b[31mb\\nc", "code": "x y"}'), "a?[31mb?c"),
])
def test_odd_answers(jobs, odd, answer, says):
    result = jobs("list", url=odd(answer))
    assert result.code == 1 and says in result.err and result.out == "", result
    assert result.err.count("\n") == 1 and "\x1b" not in result.err


def test_html_500_is_tried_again_and_then_told(jobs, odd):
    url = odd(say(500, b"<html>oops</html>", "text/html"))
    result = jobs("list", url=url)
    assert result.code == 1 and "answered 500 and does not say why (text/html)" in result.err, result
    assert len(odd.seen) == 3


def test_what_changes_something_is_asked_once(jobs, odd):
    for words in ("retry", "stop"):
        url = odd(say(503, b"{}"))
        assert jobs(words, NOBODY, url=url).code == 1
        assert odd.seen == [f"/jobs/{NOBODY}/{'start' if words == 'retry' else 'stop'}"]


def test_a_server_behind_a_path(jobs, odd):
    url = odd(say(200, b'{"jobs": []}'))
    assert jobs("list", "--status", "failed", url=url + "/api//").out == "no jobs\n"
    assert odd.seen == ["/api/jobs?page=1&page_size=20&order=desc&status=failed"]


def test_a_huge_answer_ends_at_its_limit(jobs, odd):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(134217729))
        handler.end_headers()
    result = jobs("list", url=odd(answer))
    assert result.code == 1 and "[limit_exceeded]" in result.err, result


def test_a_server_that_hangs(jobs, odd):
    until = threading.Event()
    url = odd(lambda handler: until.wait(60))
    begin = time.monotonic()
    result = jobs("list", "--timeout", "1", url=url)
    until.set()
    assert result.code == 1 and "did not answer in time" in result.err, result
    assert "[timeout]" in result.err and time.monotonic() - begin < 20


def test_nobody_there(jobs):
    with socket.socket() as held:  # bound and not listening: nobody else gets it
        held.bind(("127.0.0.1", 0))
        result = jobs("list", url=f"http://127.0.0.1:{held.getsockname()[1]}")
    assert result.code == 1 and "[network_failed]" in result.err, result
    assert "oriane serve" in result.err and "--server" in result.err


def test_ctrl_c_ends_a_follow(oriane, odd):
    asked = threading.Event()

    def answer(handler):
        asked.set()
        say(200, json.dumps({"status": "running", "progress": 5}).encode())(handler)
    process = oriane.start("jobs", "show", NOBODY, "--follow", "--server", odd(answer))
    try:
        assert asked.wait(harness.DEADLINE_S)
        process.send_signal(2)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1 and b"interrupted" in err
