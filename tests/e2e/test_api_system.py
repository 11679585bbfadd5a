"""The server about itself: root, health, readiness, models, settings, concurrency."""

import re

import pytest

import api_document
from server import Server


@pytest.fixture(scope="module")
def document(server):
    return api_document.fetch(server)


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("accept, status", [
    (None, 200), ("*/*", 200), ("application/json", 200), (BROWSER, 302), ("text/html", 302),
    ("text/html;q=0.1, application/json", 200), ("text/html;q=0", 200)])
def test_root(server, document, accept, status):
    answer = server.get("/", key=False, headers={"Accept": accept} if accept else {})
    assert answer.status == status, answer
    assert "Accept" in answer.headers["Vary"]
    if status == 302:
        assert answer.headers["Location"] == "/ui/"
    else:
        document.check_answer("GET", "/", answer)
        assert answer.json["status"] == "ok"
        assert answer.json["api_name"] == "Oriane Extraction Pipeline API"


def test_health(server, document):
    first = server.get("/health", key=False)
    document.check_answer("GET", "/health", first)
    assert first.json["status"] == "ok" and first.json["uptime_seconds"] >= 0
    second = server.get("/health", key=False)
    assert second.json["uptime_seconds"] >= first.json["uptime_seconds"]


def test_ready(server, document):
    answer = server.wait_ready()
    document.check_answer("GET", "/ready", answer)
    assert answer.json["status"] == "ready"
    assert {k: v["ok"] for k, v in answer.json["checks"].items()} == {
        "model": True, "vectors": True, "frames": True, "jobs": True}


def test_models(server, document):
    server.wait_ready()
    answer = server.get("/models/status")
    document.check_answer("GET", "/models/status", answer)
    assert answer.json == {"clip_model_loaded": True, "clip_model_name": "builtin/visual-512",
                           "dim": 512, "backend": "builtin", "precision": "f32", "device": "cpu",
                           "reason": None}


def test_without_weights_jobs_are_taken_and_ready_says_what_to_do(tmp_path):
    with Server(tmp_path, env={"CLIP_MODEL": "openai/clip-vit-base-patch32"}) as server:
        document = api_document.fetch(server)
        answer = server.wait_not_ready("openai/clip-vit-base-patch32")
        document.check_answer("GET", "/ready", answer)
        command = "run: oriane model pull openai/clip-vit-base-patch32 "
        assert command in answer.json["detail"]
        assert int(answer.headers["Retry-After"]) > 0
        checks = answer.json["checks"]
        assert not checks["model"]["ok"] and command in checks["model"]["reason"]
        assert checks["jobs"] == {"ok": True, "reason": None}
        models = server.get("/models/status")
        document.check_answer("GET", "/models/status", models)
        assert models.json["clip_model_loaded"] is False and models.json["backend"] is None
        assert command in models.json["reason"]
        job = server.submit(["p/c"])
        assert server.status(job)["status"] == "pending"
        for path, body in (("/search-by/text", {"prompt": "x"}),
                           ("/search-by/frame", {"id": "0" * 8 + "-0000-0000-0000-" + "0" * 12})):
            found = server.post(path, body)
            document.check_answer("POST", path, found)
            assert found.status == 503 and found.json["code"] == "not_ready", found
            assert int(found.headers["Retry-After"]) > 0


def test_concurrency(server, document):
    answer = server.get("/concurrency/stats")
    document.check_answer("GET", "/concurrency/stats", answer)
    assert answer.json["max_parallel_jobs"] == 2 and answer.json["max_workers"] == 2


def test_config_has_the_names_of_the_contract(server, document):
    answer = server.get("/config")
    document.check_answer("GET", "/config", answer)
    found = answer.json
    for name in ("api_name", "api_port", "output_root", "max_workers", "batch_size", "sample_fps",
                 "crop_enabled", "dedup_enabled", "collection", "dim", "clip_model",
                 "max_videos_per_request", "pipeline_max_parallel_jobs"):
        assert name in found
    assert found["max_workers"] == 2 and found["crop_enabled"] is True and found["dim"] == 512
    assert found["vp_scene_thresh"] == 0.22 and found["vp_crop_cropdetect"] == "24:16:0"
    assert found["clip_model"] == "builtin/visual-512"


def test_config_has_the_port_that_was_taken(server):
    assert server.json("/config")["api_port"] == server.port


def test_config_shows_no_secret(tmp_path):
    secrets = {"API_KEY": "key-secret-1", "API_PASSWORD": "password-secret-2",
               "API_USERNAME": "docs", "WEBHOOK_SECRET": "webhook-secret-3",
               "AWS_SECRET_ACCESS_KEY": "aws-secret-4", "AWS_ACCESS_KEY_ID": "aws-id-secret-5",
               "AWS_SESSION_TOKEN": "token-secret-6", "QDRANT_KEY": "qdrant-secret-7",
               "AWS_ENDPOINT_URL": "http://user:url-secret-8@127.0.0.1:1"}
    with Server(tmp_path, env=secrets, key="key-secret-1") as server:
        answer = server.get("/config")
        assert answer.status == 200
        assert not re.search(r"secret-\d", answer.text), answer.text
        assert answer.json["aws_endpoint_url"] == "http://user:***@127.0.0.1:1"
        assert not any(k.endswith(("_key", "password", "_secret", "_token", "_key_id"))
                       for k in answer.json)


def test_metrics_is_text(server):
    answer = server.get("/metrics", key=False)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "\noriane_jobs{" in answer.text


@pytest.mark.parametrize("path", ["/health", "/ready", "/concurrency/stats", "/config", "/jobs",
                                  "/models/status", "/metrics"])
def test_slash_and_head(server, path):
    server.wait_ready()
    plain, slashed = server.get(path), server.get(path + "/")
    assert plain.status == slashed.status == 200
    head = server.head(path)
    assert head.status == 200 and head.body == b""
    assert head.headers["Content-Type"] == plain.headers["Content-Type"]


def test_request_id(server):
    assert re.fullmatch(r"[\x21-\x7e]{8,64}", server.get("/health").headers["X-Request-Id"])
    own = server.get("/health", headers={"X-Request-Id": "trace-4711"})
    assert own.headers["X-Request-Id"] == "trace-4711"
    refused = server.get("/jobs/none", headers={"X-Request-Id": "trace-4712"})
    assert refused.status == 404 and refused.json["request_id"] == "trace-4712"
