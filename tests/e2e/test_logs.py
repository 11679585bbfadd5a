"""The log: JSON lines that parse, the level that was asked for, who did what, and never a secret."""

import base64
import json
import os
import re
import signal

import pytest

import harness
from server import Server, free_port, poll

TS = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LEVELS = ("error", "warn", "info", "debug", "trace")
SECRETS = {"API_KEY": "sesame-one-4711", "API_PASSWORD": "sesame-two-4712",
           "WEBHOOK_SECRET": "sesame-three-4713", "QDRANT_KEY": "sesame-four-4714",
           "AWS_SECRET_ACCESS_KEY": "sesame-five-4715", "AWS_ACCESS_KEY_ID": "sesame-six-4716",
           "AWS_SESSION_TOKEN": "sesame-seven-4717"}
# S3 is set up and not asked: nothing of a test leaves this machine
STAYS = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "SKIP_UPLOAD": "1"}


def no_duplicates(pairs):
    keys = [k for k, _ in pairs]
    assert len(keys) == len(set(keys)), keys
    return dict(pairs)


def lines_of(text):
    """Every line, strictly."""
    found = []
    for line in text.splitlines():
        entry = json.loads(line, object_pairs_hook=no_duplicates)
        assert TS.fullmatch(entry["ts"]), line
        assert entry["level"] in LEVELS and re.fullmatch(r"[a-z_]+\.[a-z_]+", entry["event"]), line
        found.append(entry)
    return found


def test_every_line_is_one_json_object(tmp_path, clip):
    with Server(tmp_path, env={"LOG_LEVEL": "trace"}) as server:
        server.wait_ready()
        items = [server.add_video("p", "good", clip("cuts").path),
                 server.add_video("p", "bad", clip("damaged").path), "p/missing"]
        job = server.submit(items)
        server.wait_job(job)
        server.get("/nowhere%0a%22x\\")
        server.stop()
        lines = lines_of(server.log_text())
    assert {"server.listening", "server.stopped", "http.request"} <= {e["event"] for e in lines}
    times = [e["ts"] for e in lines]
    assert times[0] <= times[-1]
    of_items = [e for e in lines if e.get("code") == "good"]
    assert of_items and all(e["job_id"] == job and e["platform"] == "p" for e in of_items)


@pytest.mark.parametrize("level", ["error", "warn", "info", "debug"])
def test_the_level_is_honoured(tmp_path, clip, level):
    server = Server(tmp_path, env={"LOG_LEVEL": level}, starts=False)
    server.port = free_port()

    def answers():
        try:
            return server.get("/ready", key=False).status == 200
        except OSError:
            return False
    server.spawn()
    try:
        poll(answers, 60, server.log_text)
        server.run([server.add_video("p", "bad", clip("damaged").path), "p/missing"])
        server.stop()
    finally:
        server.kill()
    seen = {e["level"] for e in lines_of(server.log_text())}
    assert seen <= set(LEVELS[:LEVELS.index(level) + 1]), seen
    if level in ("info", "debug"):
        assert level in seen


def test_sighup_changes_the_level(tmp_path):
    (tmp_path / ".env").write_text("LOG_LEVEL=info\n")
    with Server(tmp_path) as server:
        server.get("/health", headers={"X-Request-Id": "before-4711"})
        (tmp_path / ".env").write_text("LOG_LEVEL=debug\n")
        server.signal(signal.SIGHUP)
        server.wait_event("settings.changed", variable="LOG_LEVEL")
        server.wait_event("settings.read")
        server.get("/health", headers={"X-Request-Id": "after-4711"})
        server.wait_event("http.request", request_id="after-4711")
        assert "before-4711" not in server.log_text()
        (tmp_path / ".env").write_text("LOG_LEVEL=loud\n")
        server.signal(signal.SIGHUP)
        refused = server.wait_event("settings.refused")
        assert "LOG_LEVEL" in refused["message"]
        server.get("/health", headers={"X-Request-Id": "still-4711"})
        server.wait_event("http.request", request_id="still-4711")


def test_request_id_is_in_answer_and_log(tmp_path):
    with Server(tmp_path, env={"LOG_LEVEL": "debug"}) as server:
        made = server.get("/health").headers["X-Request-Id"]
        server.wait_event("http.request", request_id=made, path="/health", status=200)
        own = server.get("/jobs/none", headers={"X-Request-Id": "client-4711"})
        assert own.headers["X-Request-Id"] == own.json["request_id"] == "client-4711"
        server.wait_event("http.request", request_id="client-4711", status=404)


def test_words_of_libav_carry_the_item(tmp_path, clip):
    with Server(tmp_path, env={"LOG_LEVEL": "debug"}) as server:
        server.wait_ready()
        job = server.submit([server.add_video("p", "hurt", clip("truncated_mkv").path)])
        server.wait_job(job)
        said = server.wait_event("decoder.said", level="debug")
    assert said["text"]
    assert (said["job_id"], said["platform"], said["code"], said["stage"]) == (job, "p", "hurt",
                                                                              "decode")


def test_run_says_them_too_when_asked(oriane, clip):
    quiet = oriane.run(clip("truncated_mkv").path)
    assert quiet.code == 0 and "decoder.said" not in quiet.err
    loud = oriane.run("--force", clip("truncated_mkv").path, settings={"LOG_LEVEL": "debug"})
    lines = [line for line in loud.err.splitlines() if not line.startswith("oriane: ")]
    said = [e for e in lines_of("\n".join(lines)) if e["event"] == "decoder.said"]
    assert loud.code == 0 and said
    assert {(e["platform"], e["code"]) for e in said} == {("local", loud.one["code"])}
    assert loud.one["frames"] == quiet.one["frames"]  # talking changes nothing


def test_secrets_never_appear(tmp_path, clip):
    env = {**SECRETS, **STAYS, "LOG_LEVEL": "trace", "API_USERNAME": "reader",
           "URL_ALLOW_PRIVATE": "127.0.0.1"}
    wrong = "sesame-wrong-4718"
    login = base64.b64encode(f"reader:{SECRETS['API_PASSWORD']}".encode()).decode()
    answers = []
    with Server(tmp_path, env=env, key=SECRETS["API_KEY"]) as server:
        server.wait_ready()
        job = server.submit([server.add_video("p", "one", clip("cuts").path)],
                            webhook_url=f"http://127.0.0.1:{free_port()}/hook")
        server.wait_job(job)
        for path in ("/", "/health", "/ready", "/metrics", "/config", "/models/status", "/jobs",
                     f"/jobs/{job}", f"/status/{job}?tail=1000", f"/jobs/{job}/logs", "/nowhere",
                     "/concurrency/stats", "/frames/p/one"):
            answers.append(server.get(path))
            answers.append(server.get(path, key=wrong))
        for path in ("/api/docs", "/api/openapi.json"):
            answers.append(server.get(path, headers={"Authorization": f"Basic {login}"}))
            answers.append(server.get(path, headers={"Authorization": "Basic eDp5"}))
        answers.append(server.post("/search-by/text", {"prompt": "x"}))
        answers.append(server.post("/process", {"items": [{"platform": "../x", "code": ""}]}))
        server.stop()
        text = server.log_text()
    assert [a.status for a in answers].count(200) > 10
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    for secret in [*SECRETS.values(), wrong, login]:
        assert secret not in text, secret
        for answer in answers:
            assert secret not in answer.text and secret not in str(answer.headers), answer
        for path in files:
            if path != tmp_path / "videos" / "p" / "one" / "video.mp4":
                assert secret.encode() not in path.read_bytes(), path


def test_the_decode_process_knows_no_secret(tmp_path, clip):
    """Its environment is empty, and its command line says nothing."""
    lower = min(os.nice(0) + 5, 19)  # than the server, which has ours
    with Server(tmp_path, env={**SECRETS, **STAYS}, key=SECRETS["API_KEY"]) as server:
        server.wait_ready()
        job = server.submit([server.add_video("p", f"v{i}", clip("dissolves").path)
                             for i in range(3)])
        seen = []

        def look():
            for child in harness.children_of(server.pid):
                try:
                    with open(f"/proc/{child}/cmdline", "rb") as line:
                        words = line.read()
                    with open(f"/proc/{child}/environ", "rb") as block:
                        content = block.read()
                    with open(f"/proc/{child}/stat") as stat:
                        nice = int(stat.read().rsplit(")", 1)[1].split()[16])
                except OSError:
                    continue
                if words == b"oriane\0decode\0":
                    seen.append((content, nice))
            return seen and seen[-1][1] == lower or server.status(job)["status"] in ("completed", "failed")
        harness.wait_until(look, 60, "a decode process")
        server.wait_job(job)
    assert seen and all(content == b"" for content, _ in seen)
    assert seen[-1][1] == lower, "decode processes leave the processor to the server"
