"""The life of a server: how it starts and refuses to, reads its settings again, drains, and ends.

A decode child that gets SIGSTOP is a video that takes as long as the test wants it to: nothing here
depends on how fast anything is."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

import harness
from server import Server, poll


@pytest.fixture
def serve(tmp_path):
    """serve(name, env=..., ...): servers of this test; whatever still runs at its end is stopped."""
    made = []

    def make(name="one", **options):
        starts = options.pop("starts", True)
        server = Server(tmp_path / name, starts=False, **options)
        made.append(server)
        return server.start() if starts else server
    yield make
    for server in made:
        if server.process is not None:
            server.kill()
        server.assert_clean()


def refusal(server, codes=(1,)):
    """A start that must not succeed: the one line that says why."""
    process = server.spawn()
    try:
        found = process.wait(60)
    except subprocess.TimeoutExpired:
        server.kill()
        raise AssertionError(f"it started:\n{server.log_text()}") from None
    server.process = None
    text = server.log_text()
    assert found in codes, f"{found}: {text}"
    assert "server.listening" not in text
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines, "it said nothing"
    return lines[-1]


# --- start ----------------------------------------------------------------------------------------


def test_starts_says_where_and_ends(serve):
    server = serve()
    event = server.wait_event("server.listening")
    assert event["url"] == f"http://127.0.0.1:{server.port}" and event["port"] == server.port
    assert server.get("/health", key=False).status == 200
    server.wait_ready()
    process = server.process
    server.stop()
    assert process.returncode == 0
    assert "server.draining" in server.log_text() and "server.stopped" in server.log_text()
    with pytest.raises(ConnectionError):
        server.get("/health")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
def test_both_signals_end_it(serve, number):
    server = serve()
    server.signal(number)
    assert server.process.wait(30) == 0
    server.process = None


def test_a_taken_port_is_told(serve):
    first = serve("first")
    line = refusal(serve("second", env={"API_PORT": first.port}, starts=False))
    assert str(first.port) in line, line
    assert first.get("/health").status == 200


def test_the_port_is_there_again_at_once(serve):
    server = serve()
    server.get("/health")
    port = server.port
    server.restart()
    assert server.port == port and server.get("/health").status == 200


REFUSED = [
    ("port", {"API_PORT": "70000"}, ["API_PORT", "70000", "65535"], 2),
    ("word", {"VP_FRAME_FORMAT": "gif"}, ["VP_FRAME_FORMAT", "gif", "png"], 2),
    ("timeout", {"DRAIN_TIMEOUT": "-1"}, ["DRAIN_TIMEOUT", "-1"], 2),
    ("network", {"URL_ALLOW_PRIVATE": "10.0.0.0/33"}, ["URL_ALLOW_PRIVATE", "10.0.0.0/33"], None),
    ("no password", {"API_USERNAME": "reader"}, ["API_PASSWORD"], None),
    ("colon", {"API_USERNAME": "a:b", "API_PASSWORD": "c"}, ["API_USERNAME", "a:b", "colon"], 2),
    ("blank key", {"API_KEY": "key "}, ["API_KEY", "***", "blank"], 2),
    ("origin without scheme", {"CORS_ORIGINS": "a.example"}, ["CORS_ORIGINS", "a.example"], 2),
    ("origin with path", {"CORS_ORIGINS": "https://a.example, https://b.example/"},
     ["CORS_ORIGINS", "https://b.example/"], 2),
    ("postgres", {"JOB_DB": "postgresql://db/jobs"}, ["JOB_DB"], None),
    ("host", {"API_HOST": "no such host"}, ["API_HOST", "no such host"], None),
    ("output", {"VP_OUTPUT_DIR": "/proc/none"}, ["/proc/none"], None),
]


@pytest.mark.parametrize("env,words,code", [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_bad_setting_is_one_line(serve, env, words, code):
    line = refusal(serve(env=env, starts=False), codes=(code,) if code else (1, 2))
    assert all(word in line for word in words), line


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_addresses_need_a_key(serve, host):
    line = refusal(serve(key=None, env={"API_HOST": host}, starts=False), codes=(1, 2))
    assert "API_KEY" in line, line


def test_another_address_with_a_key(serve):
    server = serve(env={"API_HOST": "0.0.0.0"})
    assert server.get("/jobs").status == 200
    assert server.get("/jobs", key=False).status == 401


# --- the job store --------------------------------------------------------------------------------


def test_a_second_server_on_the_same_store_is_refused(serve):
    first = serve("first")
    line = refusal(serve("second", env={"JOB_DB": first.out / "jobs.db"}, starts=False))
    assert "jobs.db" in line and str(first.pid) in line, line
    assert first.get("/jobs").status == 200
    first.kill()
    serve("third", env={"JOB_DB": first.out / "jobs.db"})  # a dead one's lock is no lock


def test_a_store_of_a_newer_version_is_left_alone(serve):
    server = serve()
    server.stop()
    path = server.out / "jobs.db"
    with sqlite3.connect(path) as connection:
        version = connection.execute("pragma user_version").fetchone()[0]
        connection.execute(f"pragma user_version = {version + 1}")
    connection.close()
    line = refusal(server)
    assert "store_version" in line or "newer" in line, line
    with sqlite3.connect(path) as connection:
        assert connection.execute("pragma user_version").fetchone()[0] == version + 1
    connection.close()


@pytest.mark.parametrize("content", [b"hello, I am no database\n" * 400, None], ids=["text", "else"])
def test_a_file_that_is_no_job_store_is_refused(serve, content):
    server = serve(starts=False)
    path = server.out / "jobs.db"
    if content is None:
        with sqlite3.connect(path) as connection:
            connection.execute("create table pets(name text)")
        connection.close()
        content = path.read_bytes()
    else:
        path.write_bytes(content)
    assert "jobs.db" in refusal(server)
    assert path.read_bytes() == content


def test_jobs_are_there_after_a_restart(serve, clip):
    server = serve()
    done = server.submit([server.add_video("p", "one", clip("cuts").path)])
    before = server.wait_job(done)
    server.restart()
    after = server.status(done)
    assert {k: v for k, v in after.items() if k != "logs" and k != "log_tail"} == {
        k: v for k, v in before.items() if k != "logs" and k != "log_tail"}
    assert after["logs"][:len(before["logs"])] == before["logs"]
    assert server.json("/jobs")["total"] == 1


# --- SIGHUP ---------------------------------------------------------------------------------------


def test_settings_are_read_again(serve):
    server = serve(starts=False, env={"MAX_VIDEOS_PER_REQUEST": None})
    dotenv = server.folder / ".env"
    dotenv.write_text("MAX_VIDEOS_PER_REQUEST=3\nVP_BATCH_SIZE=8\n")
    server.start()
    assert server.json("/config")["max_videos_per_request"] == 3
    dotenv.write_text("MAX_VIDEOS_PER_REQUEST=5\nVP_BATCH_SIZE=16\n")
    server.signal(signal.SIGHUP)
    server.wait_event("settings.changed", variable="MAX_VIDEOS_PER_REQUEST")
    server.wait_event("settings.needs_restart", variable="VP_BATCH_SIZE")
    server.wait_event("settings.read")
    config = server.json("/config")
    assert config["max_videos_per_request"] == 5 and config["batch_size"] == 8
    items = [{"platform": "p", "code": str(i)} for i in range(6)]
    assert server.post("/process", {"items": items}).status == 400
    assert server.post("/process", {"items": items[:5]}).status == 202


def test_a_bad_value_changes_nothing(serve):
    server = serve(starts=False)
    dotenv = server.folder / ".env"
    dotenv.write_text("MAX_VIDEOS_PER_REQUEST=3\n")
    server.start()
    dotenv.write_text("MAX_VIDEOS_PER_REQUEST=five\nLOG_LEVEL=debug\n")
    server.signal(signal.SIGHUP)
    event = server.wait_event("settings.refused")
    assert "MAX_VIDEOS_PER_REQUEST" in str(event)
    assert server.json("/config")["max_videos_per_request"] == 3
    dotenv.write_text("MAX_VIDEOS_PER_REQUEST=4\n")  # and it still listens to the next one
    server.signal(signal.SIGHUP)
    server.wait_event("settings.changed", variable="MAX_VIDEOS_PER_REQUEST")
    assert server.json("/config")["max_videos_per_request"] == 4


@pytest.mark.parametrize("line, word", [
    ("API_KEY=", "API_KEY"), ("API_KEY=' sesame'", "API_KEY"), ("API_USERNAME=me", "API_PASSWORD"),
    ("CORS_ORIGINS=a.example", "CORS_ORIGINS"), ("WEBHOOK_SECRET=whsec_no", "WEBHOOK_SECRET"),
])
def test_what_would_stop_the_start_is_not_taken_later_either(serve, line, word):
    server = serve(starts=False, env={"API_KEY": None, "API_HOST": "0.0.0.0"})
    dotenv = server.folder / ".env"
    dotenv.write_text("API_KEY=test-key\nMAX_VIDEOS_PER_REQUEST=3\n")
    server.start()
    was = server.json("/config")
    dotenv.write_text(f"API_KEY=test-key\nMAX_VIDEOS_PER_REQUEST=9\n{line}\n")
    server.signal(signal.SIGHUP)
    assert word in server.wait_event("settings.refused")["message"]
    assert server.json("/config") == was
    assert server.get("/config", key=False).status == 401


def test_what_lets_a_setting_have_no_effect_is_told(serve):
    server = serve(env={"API_PASSWORD": "p", "VP_INPUT_DIR": "nowhere"})
    server.wait_event("setting.without_effect", variable="API_PASSWORD")
    server.wait_event("videos.missing", variable="VP_INPUT_DIR", path="nowhere")
    server.wait_event("stores.local", videos="nowhere")


def test_a_new_key_counts_from_now_on(serve):
    server = serve(starts=False, env={"API_KEY": None})
    dotenv = server.folder / ".env"
    dotenv.write_text("API_KEY=first-key\n")
    server.start()
    assert server.get("/jobs", key="first-key").status == 200
    dotenv.write_text("API_KEY=second-key\n")
    server.signal(signal.SIGHUP)
    server.wait_event("settings.read")
    assert server.get("/jobs", key="first-key").status == 401
    assert server.get("/jobs", key="second-key").status == 200
    assert "first-key" not in server.log_text() and "second-key" not in server.log_text()


# --- drain ----------------------------------------------------------------------------------------


def begin(server, clip, count=3):
    """A job of some videos whose first decode child is frozen: (job, child)."""
    server.wait_ready()
    items = [server.add_video("p", f"v{i}", clip("cuts").path) for i in range(count)]
    job = server.submit(items)
    return job, server.freeze_child()


def test_a_running_video_may_end(serve, clip):
    server = serve(env={"VP_MAX_WORKERS": 1, "DRAIN_TIMEOUT": 60})
    job, child = begin(server, clip)
    server.signal(signal.SIGTERM)
    server.wait_event("server.draining")
    assert server.wait_not_ready("shutting down").status == 503
    assert server.get("/health").status == 200
    assert harness.is_alive(child)
    os.kill(child, signal.SIGCONT)
    assert server.process.wait(50) == 0
    server.process = None
    server.start()
    done = server.wait_job(job)
    assert done["counts"]["success"] == 3
    assert [i["attempts"] for i in done["items"]] == [1, 1, 1]


def test_a_video_that_does_not_end_is_handed_back(serve, clip):
    server = serve(env={"VP_MAX_WORKERS": 1, "DRAIN_TIMEOUT": 1})
    job, child = begin(server, clip)
    start = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    server.process = None
    assert time.monotonic() - start >= 0.9
    assert not harness.is_alive(child)
    server.start()
    done = server.wait_job(job)
    assert done["counts"]["success"] == 3, done
    assert [i["attempts"] for i in done["items"]] == [1, 1, 1]  # being handed back is no attempt


def test_a_second_signal_ends_the_drain(serve, clip):
    server = serve(env={"VP_MAX_WORKERS": 1, "DRAIN_TIMEOUT": 600})
    job, child = begin(server, clip)
    server.signal(signal.SIGTERM)
    server.wait_event("server.draining")
    server.signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    server.process = None
    assert not harness.is_alive(child)
    server.start()
    assert server.wait_job(job)["counts"]["success"] == 3


def test_a_drain_without_time_is_none(serve, clip):
    server = serve(env={"VP_MAX_WORKERS": 2, "DRAIN_TIMEOUT": 0})
    job, child = begin(server, clip)
    server.signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    server.process = None
    assert not harness.is_alive(child)
    server.start()
    assert server.wait_job(job)["counts"]["success"] == 3


def test_listeners_do_not_hold_the_end_up(serve, clip):
    server = serve(env={"DRAIN_TIMEOUT": 1})
    job, _ = begin(server, clip)
    streams = [server.sse(job) for _ in range(5)]
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
    try:
        assert all(s.status == 200 for s in streams)
        server.signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        server.process = None
        for stream in streams:
            list(stream)  # ends
        assert all(s.recv(1) == b"" for s in idle)
    finally:
        for peer in streams + idle:
            peer.close()


# --- a job that is stopped ------------------------------------------------------------------------


def test_stop_ends_what_runs_within_two_seconds(serve, clip):
    server = serve(env={"VP_MAX_WORKERS": 1})
    job, child = begin(server, clip)
    start = time.monotonic()
    answer = server.json(f"/jobs/{job}/stop", method="POST")
    took = time.monotonic() - start
    assert answer["job_status"] == "stopped"
    assert not harness.is_alive(child)
    assert took < 2 * (5 if "ASAN_OPTIONS" in os.environ else 1), took
    status = server.status(job)
    assert status["status"] == "stopped" and status["counts"]["stopped"] == 3
    server.json(f"/jobs/{job}/start", method="POST")
    assert server.wait_job(job)["counts"]["success"] == 3


def test_descriptors_and_children_come_back(serve, clip):
    server = serve()
    server.wait_ready()
    items = [server.add_video("p", f"v{i}", clip("two_frames").path) for i in range(4)]
    server.run(items)

    def count():
        return harness.open_descriptors(server.pid)
    before = count()
    for _ in range(10):
        assert server.run(items, force=True)["counts"]["success"] == 4
    poll(lambda: count() <= before + 2, 10, lambda: f"{before} descriptors before, {count()} now")
    assert harness.children_of(server.pid) == []
    assert not re.search(r'"level":"error"', server.log_text())


# --- what an operator does to its folders ---------------------------------------------------------


def test_frames_cleared_away_while_it_runs_are_made_again(serve, clip):
    server = serve()
    item = server.add_video("p", "two", clip("two_frames").path)
    server.wait_ready()
    assert server.run([item])["status"] == "completed"
    before = harness.tree(server.out / "frames")
    shutil.rmtree(server.out / "frames")
    assert server.get("/frames/p/two").status == 404
    done = server.wait_job(server.submit([item]), timeout=30)
    assert done["status"] == "completed", done
    assert harness.tree(server.out / "frames") == before
    assert len(server.frames(item)) == done["items"][0]["frames"]


def test_frames_that_cannot_be_written_are_a_failure_that_says_so(serve, clip):
    server = serve(env={"JOB_MAX_ATTEMPTS": 1})
    item = server.add_video("p", "two", clip("two_frames").path)
    server.wait_ready()
    frames = server.out / "frames"
    frames.rename(server.out / "elsewhere")
    frames.write_text("in the way")
    failed = server.wait_job(server.submit([item]), timeout=30)
    assert failed["status"] == "failed"
    assert failed["items"][0]["error"]["code"] in ("not_a_folder", "not_writable", "io_error",
                                                   "not_a_file"), failed
    server.wait_not_ready("VP_FRAMES_DIR")
    frames.unlink()
    (server.out / "elsewhere").rename(frames)
    server.wait_ready()
    assert server.run([item])["status"] == "completed"
