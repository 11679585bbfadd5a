"""Jobs over HTTP, row by row: taken, shown, paged, stopped, started, forgotten."""

import json
import re
import uuid

import pytest

import api_document
import harness
from server import Server

NO_ITEMS = "Request must contain at least one video item"
TOO_MANY = "Request exceeds maximum allowed videos per request: {}"
NOBODY = str(uuid.UUID(int=0, version=4))


@pytest.fixture(scope="module")
def document(server):
    return api_document.fetch(server)


@pytest.fixture(scope="module")
def done(server, clip):
    """A job that ended: two videos done, one missing."""
    server.add_video("tiktok", "one", clip("cuts").path)
    server.add_video("tiktok", "two", clip("two_frames").path)
    job = server.submit(["tiktok/one", "tiktok/two", "tiktok/missing"], priority=5)
    server.wait_job(job)
    return job


@pytest.fixture
def quiet(tmp_path):
    """A server whose model is not there: jobs are taken and stay pending."""
    with Server(tmp_path, env={"CLIP_MODEL": "openai/none"}) as running:
        yield running


def job_of(item="p/c", **options):
    platform, code = item.split("/")
    return {"items": [{"platform": platform, "code": code}], **options}


# --- taken ------------------------------------------------------------------------------------------


def test_process_answers_202_with_the_id_twice(quiet):
    document = api_document.fetch(quiet)
    answer = quiet.post("/process", job_of())
    document.check_answer("POST", "/process", answer)
    assert answer.status == 202 and answer.json["jobId"] == answer.json["job_id"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                        answer.json["jobId"])
    assert answer.headers["Location"] == f"/jobs/{answer.json['jobId']}"
    assert quiet.get(answer.headers["Location"]).json["job_id"] == answer.json["jobId"]
    assert "Idempotency-Replayed" not in answer.headers


@pytest.mark.parametrize("path, status", [("/jobs", 202), ("/jobs/", 200)])
def test_jobs_answers_with_the_job(quiet, path, status):
    document = api_document.fetch(quiet)
    answer = quiet.post(path, job_of(priority=-7, force=True))
    document.check_answer("POST", path, answer)
    assert answer.status == status
    job = answer.json
    assert job["status"] == "pending" and job["priority"] == -7 and job["force"] is True
    assert job["items"] == [{"platform": "p", "code": "c", "status": "waiting", "progress": 0,
                             "stage": "", "frames": 0, "attempts": 0, "error": None}]
    assert job["progress"] == {"completed": 0, "total": 1} and job["percentage"] == 0
    assert job["results"] is None and job["error"] is None and job["webhook"] is None
    assert answer.headers["Location"] == f"/jobs/{job['job_id']}"
    assert quiet.get(f"/jobs/{job['job_id']}").json == job


@pytest.mark.parametrize("path", ["/process", "/jobs", "/jobs/"])
@pytest.mark.parametrize("body", [{}, {"items": []}, {"items": [], "batch_size": "wrong"}])
def test_no_items_is_a_400_in_these_words(server, document, path, body):
    answer = server.post(path, body)
    document.check_answer("POST", path, answer)
    assert (answer.status, answer.json["detail"]) == (400, NO_ITEMS)


def test_as_many_videos_as_allowed_and_one_more(tmp_path):
    with Server(tmp_path, env={"MAX_VIDEOS_PER_REQUEST": 3, "CLIP_MODEL": "openai/none"}) as server:
        document = api_document.fetch(server)
        items = [{"platform": "p", "code": str(i)} for i in range(4)]
        assert server.post("/process", {"items": items[:3]}).status == 202
        answer = server.post("/process", {"items": items})
        document.check_answer("POST", "/process", answer)
        assert (answer.status, answer.json["detail"]) == (400, TOO_MANY.format(3))
        assert server.json("/jobs")["total"] == 1


WRONG = [
    # body beside items, loc, type
    ({"items": "all"}, "body.items", "list_type"),
    ({"items": None}, "body.items", "list_type"),
    ({"items": {}}, "body.items", "list_type"),
    ({"items": ["p/c"]}, "body.items.0", "object_type"),
    ({"items": [{}]}, "body.items.0.code", "missing"),
    ({"items": [{"platform": "p", "code": None}]}, "body.items.0.code", "string_type"),
    ({"items": [{"platform": "p", "code": 7}]}, "body.items.0.code", "string_type"),
    ({"items": [{"platform": "p", "code": ""}]}, "body.items.0.code", "pattern"),
    ({"items": [{"platform": "p", "code": "x" * 129}]}, "body.items.0.code", "pattern"),
    ({"items": [{"platform": ".p", "code": "c"}]}, "body.items.0.platform", "pattern"),
    ({"items": [{"platform": "p", "code": "../../etc"}]}, "body.items.0.code", "pattern"),
    ({"items": [{"platform": "p", "code": "é"}]}, "body.items.0.code", "pattern"),
    ({"items": [{"platform": "p", "code": "c\n"}]}, "body.items.0.code", "pattern"),
    ({"items": [{"platform": "p", "code": "c", "url": "../up.mp4"}]}, "body.items.0.url", "url"),
    ({"items": [{"platform": "p", "code": "c", "url": "file:///etc/passwd"}]},
     "body.items.0.url", "url"),
    ({"items": [{"platform": "p", "code": "c", "url": "http://h/v.mp4"}]},
     "body.items.0.url", "url"),
    ({"items": [{"platform": "p", "code": "c", "url": ""}]}, "body.items.0.url",
     "string_too_short"),
    ({"items": [{"platform": "p", "code": "c", "url": "a" * 2049}]}, "body.items.0.url",
     "string_too_long"),
    ({"batch_size": 0}, "body.batch_size", "range"),
    ({"batch_size": 100001}, "body.batch_size", "range"),
    ({"batch_size": "5"}, "body.batch_size", "int_type"),
    ({"batch_size": 5.0}, "body.batch_size", "int_type"),
    ({"batch_size": True}, "body.batch_size", "int_type"),
    ({"sleep_between_batches": -0.1}, "body.sleep_between_batches", "range"),
    ({"sleep_between_batches": 3600.1}, "body.sleep_between_batches", "range"),
    ({"sleep_between_batches": "1"}, "body.sleep_between_batches", "float_type"),
    ({"local_mode": 1}, "body.local_mode", "bool_type"),
    ({"skip_upload": "true"}, "body.skip_upload", "bool_type"),
    ({"force": 0}, "body.force", "bool_type"),
    ({"priority": 101}, "body.priority", "range"),
    ({"priority": -101}, "body.priority", "range"),
    ({"webhook_url": "ftp://h/"}, "body.webhook_url", "url"),
    ({"webhook_url": "hook"}, "body.webhook_url", "url"),
    ({"webhook_url": "http://127.0.0.1/hook"}, "body.webhook_url", "url"),
    ({"webhook_url": "http://[::1]:80/"}, "body.webhook_url", "url"),
    ({"webhook_url": "https://user:pw@example.org/"}, "body.webhook_url", "url"),
    ({"webhook_url": 1}, "body.webhook_url", "string_type"),
]


@pytest.mark.parametrize("body, loc, kind", WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_a_wrong_field_is_named(server, document, body, loc, kind):
    answer = server.post("/process", {**job_of(), **body})
    document.check_answer("POST", "/process", answer)
    assert answer.status == 422, answer
    assert (loc, kind) in [(e["loc"], e["type"]) for e in answer.json["errors"]], answer
    assert loc in answer.json["detail"] or len(answer.json["errors"]) > 1


RIGHT = [
    {"batch_size": 1}, {"batch_size": 100000}, {"batch_size": None},
    {"sleep_between_batches": 0}, {"sleep_between_batches": 3600}, {"sleep_between_batches": 0.5},
    {"local_mode": True}, {"skip_upload": False}, {"force": None},
    {"priority": 100}, {"priority": -100}, {"priority": None}, {"unknown": [1, {"x": None}]},
    {"webhook_url": None}, {"webhook_url": "https://example.org/hook?x=1"},
    {"items": [{"platform": "p", "code": "x" * 128, "url": None, "more": 1}]},
    {"items": [{"platform": "_", "code": "a.b-c_D9", "url": "a b/é.mp4"}]},
    {"items": [{"platform": "p", "code": "c", "url": "https://example.org/v.mp4"}]},
    {"items": [{"platform": "p", "code": "c", "url": "s3://bucket/some/key.mp4"}]},
]


@pytest.mark.parametrize("body", RIGHT, ids=[str(i) for i in range(len(RIGHT))])
def test_what_is_right_is_taken(quiet_module, body):
    answer = quiet_module.post("/jobs", {**job_of(), **body})
    assert answer.status == 202, answer
    for name in ("priority", "force"):
        if body.get(name) is not None:
            assert answer.json[name] == body[name]


@pytest.fixture(scope="module")
def quiet_module(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("quiet"), env={"CLIP_MODEL": "openai/none"}) as running:
        yield running


def test_every_wrong_field_is_named_at_once(server, document):
    body = {"items": [{"platform": "", "code": 1}, {"code": ".."}, 3], "batch_size": "x",
            "priority": 1.5, "force": "no", "webhook_url": "nowhere"}
    answer = server.post("/process", body, headers={"Idempotency-Key": "no blanks"})
    document.check_answer("POST", "/process", answer)
    assert {e["loc"] for e in answer.json["errors"]} == {
        "header.Idempotency-Key", "body.items.0.platform", "body.items.0.code",
        "body.items.1.platform", "body.items.1.code", "body.items.2", "body.batch_size",
        "body.priority", "body.force", "body.webhook_url"}


@pytest.mark.parametrize("wrong", [100, 101, 1000])
def test_faults_past_the_limit_are_counted(server, document, wrong):
    items = [{"platform": "p", "code": "."} for _ in range(wrong)]
    answer = server.post("/process", {"items": items})
    document.check_answer("POST", "/process", answer)
    assert len(answer.json["errors"]) == min(wrong, 100)
    assert answer.json["detail"].startswith(f"{wrong} fields are wrong")


@pytest.mark.parametrize("text, status", [
    ("", 400), ("{", 400), ("nothing", 400), ('{"items": [],}', 400), ("[]", 422), ("null", 422),
    ("7", 422), ('"text"', 422), ('{"items": [], "items": []}', 400), ("\ufeff{}", 400)])
def test_what_is_no_object(server, document, text, status):
    answer = server.request("POST", "/process", body=text.encode(),
                            headers={"Content-Type": "application/json"})
    document.check_answer("POST", "/process", answer)
    assert answer.status == status, answer


def test_another_media_type_is_415(server, document):
    answer = server.request("POST", "/process", body=json.dumps(job_of()),
                            headers={"Content-Type": "text/plain"})
    document.check_answer("POST", "/process", answer)
    assert answer.status == 415


# --- Idempotency-Key ----------------------------------------------------------------------------------


def test_the_same_key_and_body_is_the_same_job(quiet):
    key = {"Idempotency-Key": "k-1"}
    first = quiet.post("/process", job_of(), headers=key)
    again = quiet.post("/process", job_of(), headers=key)
    assert (first.status, again.status) == (202, 202)
    assert again.json == first.json and again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert quiet.json("/jobs")["total"] == 1
    other = quiet.post("/process", job_of("p/d"), headers=key)
    assert other.status == 422 and other.json["code"] == "idempotency_key_reused", other
    fresh = quiet.post("/process", job_of(), headers={"Idempotency-Key": "k-2"})
    assert fresh.json["jobId"] != first.json["jobId"]
    quiet.restart()
    later = quiet.post("/process", job_of(), headers=key)
    assert later.json == first.json and later.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("length, status", [(1, 202), (255, 202), (256, 422)])
def test_length_of_the_key(quiet, length, status):
    answer = quiet.post("/process", job_of(), headers={"Idempotency-Key": "k" * length})
    assert answer.status == status, answer


# --- shown ----------------------------------------------------------------------------------------------


def test_status(server, document, done):
    answer = server.get(f"/status/{done}")
    document.check_answer("GET", "/status/{job_id}", answer)
    found = answer.json
    assert found["status"] == "completed" and found["progress"] == 100
    assert found["counts"] == {"total": 3, "waiting": 0, "processing": 0, "success": 2, "failed": 1,
                               "stopped": 0}
    assert [i["status"] for i in found["items"]] == ["success", "success", "failed"]
    assert [i["code"] for i in found["items"]] == ["one", "two", "missing"]
    error = found["items"][2]["error"]
    assert error["code"] == "not_found" and error["retryable"] is False and error["attempts"] >= 1
    assert error["message"] and error["stage"]
    assert found["items"][0]["frames"] == len(server.frames("tiktok/one")) > 0
    assert found["createdAt"] <= found["updatedAt"] and found["createdAt"].endswith("Z")
    assert found["log_tail"] == [f"{x['ts']} {x['level']} {x['msg']}" for x in found["logs"]]
    assert found["logs"]


@pytest.mark.parametrize("tail", [0, 1, 2, 1000])
def test_tail(server, done, tail):
    whole = server.status(done, tail=1000)["logs"]
    assert server.status(done, tail=tail)["logs"] == (whole[-tail:] if tail else [])


@pytest.mark.parametrize("tail", ["-1", "1001", "x", "1.0", "", "99999999999999999999"])
def test_wrong_tail(server, document, done, tail):
    for path in ("/status/{job_id}", "/jobs/{job_id}/logs"):
        answer = server.get(f"{path.format(job_id=done)}?tail={tail}")
        document.check_answer("GET", path, answer)
        assert answer.status == 422 and answer.json["errors"][0]["loc"] == "query.tail", answer


def test_job(server, document, done):
    answer = server.get(f"/jobs/{done}")
    document.check_answer("GET", "/jobs/{job_id}", answer)
    job = answer.json
    assert job["progress"] == {"completed": 3, "total": 3} and job["percentage"] == 100
    frames = sum(i["frames"] for i in job["items"])
    assert job["results"] == {"success": 2, "failed": 1, "stopped": 0, "frames": frames}
    assert job["error"] is None and job["priority"] == 5
    assert job["items"] == server.status(done)["items"]
    assert server.get(f"/jobs/{done.upper()}").json == job


def test_a_job_in_which_nothing_succeeds_has_failed(server, document):
    job = server.submit(["tiktok/none-1", "tiktok/none-2"])
    assert server.wait_job(job)["status"] == "failed"
    found = server.get(f"/jobs/{job}")
    document.check_answer("GET", "/jobs/{job_id}", found)
    assert found.json["error"] == "none of its 2 videos succeeded"
    assert found.json["results"] == {"success": 0, "failed": 2, "stopped": 0, "frames": 0}


def test_logs_and_progress(server, document, done):
    logs = server.get(f"/jobs/{done}/logs")
    document.check_answer("GET", "/jobs/{job_id}/logs", logs)
    assert logs.json["job_id"] == done
    lines = logs.json["logs"].splitlines()
    assert lines == server.status(done, tail=1000)["log_tail"]
    bad = logs.json["error_logs"].splitlines()
    assert bad and set(bad) < set(lines) and all(re.match(r"\S+ (error|warn) ", x) for x in bad)
    assert any("missing" in x for x in bad)
    progress = server.get(f"/jobs/{done}/progress")
    document.check_answer("GET", "/jobs/{job_id}/progress", progress)
    assert progress.json == {"job_id": done, "progress": {"completed": 3, "total": 3},
                             "percentage": 100, "job_status": "completed"}


@pytest.mark.parametrize("method, path", [
    ("GET", "/status/{}"), ("GET", "/jobs/{}"), ("DELETE", "/jobs/{}"), ("POST", "/jobs/{}/start"),
    ("POST", "/jobs/{}/stop"), ("GET", "/jobs/{}/logs"), ("GET", "/jobs/{}/progress"),
    ("GET", "/jobs/{}/events")])
def test_a_job_that_is_not_there(server, document, method, path):
    answer = server.request(method, path.format(NOBODY))
    document.check_answer(method, path.format("{job_id}"), answer)
    assert (answer.status, answer.json["detail"]) == (404, "Job not found")
    assert answer.json["instance"] == path.format(NOBODY)
    for odd in ("none", "0", NOBODY + "0", NOBODY.replace("-", "")):
        found = server.request(method, path.format(odd))
        assert (found.status, found.json["detail"]) == (404, "Job not found"), found


# --- pages ------------------------------------------------------------------------------------------------


def test_pages(quiet):
    document = api_document.fetch(quiet)
    jobs = [quiet.submit([f"p/{i}"]) for i in range(25)]

    def page(query):
        answer = quiet.get(f"/jobs{query}")
        document.check_answer("GET", "/jobs", answer)
        assert answer.status == 200
        return answer.json
    first = page("")
    assert [j["job_id"] for j in first["jobs"]] == jobs[:10]
    assert (first["total"], first["page"], first["page_size"]) == (25, 1, 10)
    assert [j["job_id"] for j in page("?page=3")["jobs"]] == jobs[20:]
    assert page("?page=4") == {"jobs": [], "total": 25, "page": 4, "page_size": 10}
    assert page("?page=1000000&page_size=100")["jobs"] == []
    newest = page("?order=desc&page_size=7&page=2")
    assert [j["job_id"] for j in newest["jobs"]] == jobs[::-1][7:14]
    assert [j["job_id"] for j in page("?page_size=100")["jobs"]] == jobs
    quiet.post(f"/jobs/{jobs[3]}/stop")
    assert [j["job_id"] for j in page("?status=stopped")["jobs"]] == [jobs[3]]
    assert page("?status=pending&page_size=1")["total"] == 24
    assert page("?status=running")["total"] == 0


@pytest.mark.parametrize("query, loc", [
    ("page=0", "page"), ("page=1000001", "page"), ("page=x", "page"), ("page=1.5", "page"),
    ("page_size=0", "page_size"), ("page_size=101", "page_size"), ("page_size=", "page_size"),
    ("order=up", "order"), ("order=", "order"), ("order=asc+desc", "order"),
    ("status=done", "status"), ("status=PENDING", "status")])
def test_wrong_pages(server, document, query, loc):
    answer = server.get(f"/jobs?{query}")
    document.check_answer("GET", "/jobs", answer)
    assert answer.status == 422
    assert [e["loc"] for e in answer.json["errors"]] == [f"query.{loc}"]


def test_rows_carry_counts_and_at_most_20_items(quiet):
    for count in (20, 21):
        job = quiet.submit([f"p/{i}" for i in range(count)])
        row = [j for j in quiet.json("/jobs")["jobs"] if j["job_id"] == job][0]
        assert len(row["items"]) == 20 and row["counts"]["total"] == count
        assert [i["code"] for i in row["items"]] == [str(i) for i in range(20)]
        assert len(quiet.json(f"/jobs/{job}")["items"]) == count


# --- changed ------------------------------------------------------------------------------------------------


def test_stop_start_delete_of_a_job_that_waits(quiet):
    document = api_document.fetch(quiet)
    job = quiet.submit(["p/1", "p/2"])

    def post(what, status=200):
        answer = quiet.post(f"/jobs/{job}/{what}")
        document.check_answer("POST", f"/jobs/{{job_id}}/{what}", answer)
        assert answer.status == status, answer
        return answer.json
    started = post("start")
    assert started["job_status"] == "pending"  # it waits already: nothing changes
    stopped = post("stop")
    assert stopped["job_status"] == "stopped" and stopped["job_id"] == job and stopped["message"]
    found = quiet.json(f"/jobs/{job}")
    assert found["status"] == "stopped" and found["percentage"] == 100
    assert {i["status"] for i in found["items"]} == {"stopped"}
    assert found["results"] == {"success": 0, "failed": 0, "stopped": 2, "frames": 0}
    assert post("stop", 400)["code"] == "wrong_state"
    assert post("start")["job_status"] == "pending"
    again = quiet.json(f"/jobs/{job}")
    assert again["percentage"] == 0 and {i["status"] for i in again["items"]} == {"waiting"}
    gone = quiet.delete(f"/jobs/{job}")
    document.check_answer("DELETE", "/jobs/{job_id}", gone)
    assert gone.json == {"status": "success", "message": "Job deleted", "job_id": job}
    assert quiet.get(f"/jobs/{job}").status == 404
    assert quiet.delete(f"/jobs/{job}").status == 404
    assert quiet.json("/jobs")["total"] == 0


def test_a_completed_job_cannot_be_started_or_stopped(server, document, done):
    for what in ("start", "stop"):
        answer = server.post(f"/jobs/{done}/{what}")
        document.check_answer("POST", f"/jobs/{{job_id}}/{what}", answer)
        assert answer.status == 400 and answer.json["code"] == "wrong_state"
        assert len(answer.json["detail"].split()) >= 3, answer


def test_start_runs_what_did_not_succeed_and_nothing_else(tmp_path, clip):
    with Server(tmp_path) as server:
        server.add_video("p", "good", clip("two_frames").path)
        job = server.submit(["p/late-1", "p/late-2"])
        assert server.wait_job(job)["status"] == "failed"
        server.add_video("p", "late-1", clip("one_frame").path)
        answer = server.post(f"/jobs/{job}/start")
        assert answer.status == 200 and answer.json["job_status"] in ("pending", "running")
        found = server.wait_job(job)
        assert found["status"] == "completed"
        assert [i["status"] for i in found["items"]] == ["success", "failed"]


def test_a_running_job_is_stopped_before_it_is_forgotten(tmp_path, clip):
    with Server(tmp_path) as server:
        server.add_video("p", "long", clip("long_60").path)
        job = server.submit(["p/long"])
        server.wait_job(job, states=("running",))
        harness.wait_until(lambda: harness.children_of(server.pid), 20, "a decode process")
        assert server.delete(f"/jobs/{job}").status == 200
        assert not harness.children_of(server.pid)
        assert server.get(f"/jobs/{job}").status == 404
        harness.wait_until(lambda: server.json("/concurrency/stats")["active_workers"] == 0, 5,
                           "the worker to be free")


def test_the_same_video_twice_is_extracted_once(server, clip):
    server.add_video("p", "twin", clip("cuts").path)
    found = server.run(["p/twin", "p/twin"])
    assert [i["status"] for i in found["items"]] == ["success", "success"]
    assert found["items"][0]["frames"] == found["items"][1]["frames"] > 0
    ended = [x["msg"] for x in found["logs"] if "frames in" in x["msg"]]
    assert len(ended) == 1, found["logs"]


# --- as it happens --------------------------------------------------------------------------------------------


def test_events_tell_the_way_of_a_job(server, clip):
    server.add_video("p", "events", clip("sources").path)
    job = server.submit(["p/events"], force=True)
    with server.sse(job) as events:
        assert events.status == 200
        assert events.headers["Content-Type"].startswith("text/event-stream")
        told = list(events)  # it ends by itself
    assert told[0].kind == "state"
    assert told[-1].kind == "state" and told[-1].json["status"] == "completed"
    assert {"state", "item", "log"} <= {e.kind for e in told} <= {"state", "item", "progress", "log"}
    ids = [int(e.id) for e in told]
    assert ids == sorted(ids)
    steps = [e.json["progress"] for e in told if e.kind in ("state", "progress")]
    assert steps == sorted(steps) and steps[-1] == 100
    with server.sse(job, last=told[1].id) as events:
        rest = list(events)
    assert [(e.id, e.kind, e.data) for e in rest][-1] == (told[-1].id, "state", told[-1].data)
    assert all(int(e.id) > int(told[1].id) for e in rest)


@pytest.mark.parametrize("last", ["-1", "x", "", "1e3", "99999999999999999999999"])
def test_a_last_event_id_that_was_never_given_is_none(server, done, last):
    with server.sse(done, last=last) as events:
        assert events.status == 200
        assert next(iter(events)).kind == "state"
