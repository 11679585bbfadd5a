"""The performance guide as its reader uses it: each of its commands as written, run by a shell with curl
in a folder that holds sample_100_videos_request.json, and each of its three configurations."""

import json
import os
import re
import shutil
import socket
import subprocess

import pytest

import harness
from server import Server

EXAMPLES = harness.REPOSITORY / "examples"
SAMPLE = EXAMPLES / "sample_100_videos_request.json"
KEY = "your-api-key-here"

STATS = """
curl -X GET "http://localhost:8000/concurrency/stats" \\
  -H "X-API-Key: your-api-key-here"
"""
CONFIG = """
curl -X GET "http://localhost:8000/config" \\
  -H "X-API-Key: your-api-key-here"
"""
PROCESS = """
curl -X POST "http://localhost:8000/process" \\
  -H "X-API-Key: your-api-key-here" \\
  -H "Content-Type: application/json" \\
  -d @sample_100_videos_request.json
"""
STATUS = """
time curl -X GET "http://localhost:8000/status/{job_id}" \\
  -H "X-API-Key: your-api-key-here"
"""


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def items():
    return [(i["platform"], i["code"]) for i in json.loads(SAMPLE.read_text())["items"]]


@pytest.fixture(scope="module")
def guide(tmp_path_factory, clip):
    """A server as the guide has it. In the long form all hundred videos are there, else two."""
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    if not port_is_free(8000):
        pytest.skip("port 8000, which the guide's commands name, is taken")
    folder = tmp_path_factory.mktemp("guide")
    shutil.copy(SAMPLE, folder)
    server = Server(folder, key=KEY, env={"API_PORT": 8000}, starts=False)
    if harness.IS_LONG:
        subprocess.run([harness.REPOSITORY / "tools" / "sample-videos", server.videos], check=True,
                       stdout=subprocess.DEVNULL)
    else:
        for (platform, code), name in zip(items(), ("cuts", "letterbox")):
            server.add_video(platform, code, clip(name).path)
    with server.start():
        server.wait_ready()
        yield server


def shell(guide, command):
    """Standard output of a command line of the guide, as JSON."""
    result = subprocess.run(["/bin/bash", "-c", command], cwd=guide.folder, capture_output=True,
                            text=True, check=False, timeout=60,
                            env={"PATH": os.environ["PATH"], "HOME": str(guide.folder)})
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout), result.stderr


def test_concurrency_statistics(guide):
    answer, _ = shell(guide, STATS)
    whole = {"active_jobs", "max_parallel_jobs", "pending_jobs", "completed_jobs", "failed_jobs",
             "queue_size", "active_workers", "max_workers"}
    assert whole <= set(answer)
    assert all(type(answer[k]) is int and answer[k] >= 0 for k in whole), answer
    assert answer["max_parallel_jobs"] == 2 and answer["max_workers"] == 2


def test_configuration(guide):
    answer, _ = shell(guide, CONFIG)
    names = {"api_name", "api_port", "output_root", "max_workers", "batch_size", "sample_fps",
             "crop_enabled", "dedup_enabled", "collection", "dim", "clip_model",
             "max_videos_per_request", "pipeline_max_parallel_jobs"}
    assert names <= set(answer)
    assert answer["api_port"] == 8000 and answer["max_videos_per_request"] == 1000
    assert KEY not in json.dumps(answer)


def test_a_hundred_videos_and_their_status(guide):
    answer, _ = shell(guide, PROCESS)
    assert answer["jobId"] == answer["job_id"]
    status, timing = shell(guide, STATUS.replace("{job_id}", answer["jobId"]))
    assert "real" in timing
    assert status["status"] in ("pending", "running", "completed")
    assert [(i["platform"], i["code"]) for i in status["items"]] == items()
    done = guide.wait_job(answer["jobId"], timeout=600 if harness.IS_LONG else harness.DEADLINE_S)
    assert done["status"] == "completed" and done["progress"] == 100
    there = 100 if harness.IS_LONG else 2
    assert done["counts"]["success"] == there
    assert done["counts"]["failed"] == 100 - there
    for item in done["items"]:
        if item["status"] == "failed":
            assert item["error"]["code"] == "not_found"
            assert item["error"]["retryable"] is False
        else:
            assert item["frames"] > 0
    stats, _ = shell(guide, STATS)
    assert stats["completed_jobs"] >= 1 and stats["queue_size"] == 0


# --- its configurations ---------------------------------------------------------------------------


def values(name):
    lines = (EXAMPLES / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


CONFIGURATIONS = {
    "high-performance.env": {
        "VP_BATCH_SIZE": "32", "PIPELINE_MAX_PARALLEL_JOBS": "4", "VP_MAX_WORKERS": "16",
        "VP_CROP_HWACCEL": "cuda", "VP_CROP_ENCODER": "h264_nvenc", "VP_CROP_PRESET": "p5",
        "MAX_VIDEOS_PER_REQUEST": "1000"},
    "memory-constrained.env": {
        "VP_BATCH_SIZE": "4", "PIPELINE_MAX_PARALLEL_JOBS": "1", "VP_MAX_WORKERS": "4",
        "VP_CROP_HWACCEL": "cuda", "VP_CROP_ENCODER": "h264_nvenc", "VP_CROP_PRESET": "p3",
        "MAX_VIDEOS_PER_REQUEST": "100"},
    "development.env": {
        "VP_BATCH_SIZE": "2", "PIPELINE_MAX_PARALLEL_JOBS": "1", "VP_MAX_WORKERS": "2",
        "VP_CROP_HWACCEL": "auto", "VP_CROP_ENCODER": "libx264", "VP_CROP_PRESET": "fast",
        "MAX_VIDEOS_PER_REQUEST": "10", "LOCAL_MODE": "1", "SKIP_UPLOAD": "1"},
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_is_the_guides(name):
    assert values(name) == CONFIGURATIONS[name]


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_works(tmp_path, clip, name):
    """As a .env file; the settings that the harness gives of itself step aside."""
    shutil.copy(EXAMPLES / name, tmp_path / ".env")
    with Server(tmp_path, env={"VP_MAX_WORKERS": "None"}) as server:
        server.wait_ready()
        config = server.json("/config")
        expected = values(name)
        assert config["max_workers"] == int(expected["VP_MAX_WORKERS"])
        assert config["batch_size"] == int(expected["VP_BATCH_SIZE"])
        assert config["pipeline_max_parallel_jobs"] == int(expected["PIPELINE_MAX_PARALLEL_JOBS"])
        most = int(expected["MAX_VIDEOS_PER_REQUEST"])
        assert config["max_videos_per_request"] == most
        video = server.add_video("youtube", "one", clip("cuts").path)
        assert server.run([video])["counts"]["success"] == 1
        many = {"items": [{"platform": "p", "code": str(i)} for i in range(most + 1)]}
        refused = server.post("/process", many)
        assert refused.status == 400
        assert refused.json["detail"] == (
            f"Request exceeds maximum allowed videos per request: {most}")


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_without_weights_takes_jobs_and_says_what_to_do(tmp_path, clip, name):
    shutil.copy(EXAMPLES / name, tmp_path / ".env")
    with Server(tmp_path, env={"VP_MAX_WORKERS": "None", "CLIP_MODEL": "None"}) as server:
        answer = server.wait_not_ready("openai/clip-vit-base-patch32")
        assert re.search(r"oriane model pull |CLIP_MODEL=", answer.json["detail"]), answer
        assert answer.status == 503, answer
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert answer.json["checks"]["model"]["ok"] is False
        job = server.submit([server.add_video("youtube", "one", clip("cuts").path)])
        assert server.status(job)["status"] == "pending"
        assert server.get("/health", key=False).status == 200
