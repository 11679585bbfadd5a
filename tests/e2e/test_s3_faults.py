"""S3 behind a proxy that breaks off, lies, dawdles and refuses: uploads and ranged reads end right or with
the right code, nothing partial is seen, and no upload in parts is left behind."""

import subprocess
import time
from pathlib import Path

import pytest

import harness
from fault_proxy import (FaultProxy, dawdle, half, latency, reset, silence, status, trickle,
                         wrong_length)
from server import Server
from test_s3 import Bucket, gateway, pictures  # noqa: F401

SLOW_DOWN = "<Error><Code>SlowDown</Code><Message>Please reduce your rate</Message></Error>"
DENIED = "<Error><Code>AccessDenied</Code></Error>"
MEBI = 1 << 20


class Place:
    """A bucket behind a proxy and a server on it; one attempt an item, so nothing is hidden by a second."""

    def __init__(self, folder, gateway, **settings):
        self.gateway, self.folder = gateway, Path(folder)
        self.bucket, self.proxy = Bucket(gateway), FaultProxy(gateway.port, 5)
        env = self.bucket.settings(AWS_ENDPOINT_URL=self.proxy.url, LOG_LEVEL="debug",
                                   JOB_MAX_ATTEMPTS=1, S3_VIDEOS_BUCKET=self.bucket.name, **settings)
        self.server = Server(self.folder / "server", env=env, starts=False)

    def __enter__(self):
        self.server.start()
        self.server.wait_ready()
        return self

    def __exit__(self, *exception):
        self.proxy.clear()
        self.proxy.accept()
        self.server.__exit__(*exception)
        self.proxy.__exit__()

    def uploads_in_parts(self):
        """Ids of those that are begun and neither completed nor aborted."""
        code, _, body = self.bucket.s3.request("GET", f"/{self.bucket.name}", {"uploads": ""})
        assert code == 200, body
        return body.decode().count("<UploadId>")


def run_through(place, code, *weather, timeout=60):
    """One item while it blows; how the job ended. Each of weather: a fault and where it is put."""
    for fault, options in weather:
        place.proxy.add(fault, **options)
    try:
        return place.server.wait_job(place.server.submit([f"p/{code}"], force=True), timeout=timeout)
    finally:
        place.proxy.clear()


def error_of(job):
    assert job["status"] == "failed", job
    return job["items"][0]["error"]


# --- frames ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frames(tmp_path_factory, gateway, clip):  # noqa: F811
    with Place(tmp_path_factory.mktemp("frames"), gateway) as place:
        place.server.add_video("p", "v", clip("cuts").path)
        assert run_through(place, "v")["status"] == "completed"
        place.expected = place.bucket.tree()
        assert len(place.expected) > 5
        yield place


UPLOADS = {
    "reset amid the body": reset(request_bytes=1000),
    "done and never told": reset(response_bytes=0),
    "half an answer": half(),
    "500": status(500),
    "502 without a word": status(502),
    "503 SlowDown": status(503, SLOW_DOWN, retry_after=1),
    "late": latency(0.2),
    "an answer said to be longer": wrong_length(5),
    "an answer byte by byte": trickle(1, 0.001),
    "a server slow to take it": dawdle(2000, 0.002),
}


@pytest.mark.parametrize("how", UPLOADS)
def test_frames_arrive_through_what_passes(frames, how):
    """Three of a video's puts meet it, and are sent again."""
    before = frames.proxy.faults.total()
    job = run_through(frames, "v", (UPLOADS[how], {"method": "PUT", "times": 3}))
    assert job["status"] == "completed" and job["items"][0]["attempts"] == 1, job
    assert frames.proxy.faults.total() == before + 3
    assert frames.bucket.tree() == frames.expected


def test_several_puts_of_a_video_are_under_way_at_once(frames):
    frames.proxy.cut()
    frames.proxy.open_max = 0
    job = run_through(frames, "v", (latency(0.3), {"method": "PUT", "path": r"\.png$"}))
    assert job["status"] == "completed", job
    assert 3 < frames.proxy.open_max <= 20
    assert frames.bucket.tree() == frames.expected


@pytest.mark.parametrize("fault, code, reason", [
    (status(403, DENIED), "store_denied", "AccessDenied"),
    (status(400, "<Error><Code>EntityTooLarge</Code></Error>"), "store_denied", "EntityTooLarge"),
])
def test_the_first_refusal_ends_the_video_and_nothing_of_it_is_left(frames, clip, fault, code, reason):
    frames.server.add_video("p", f"new-{reason}", clip("cuts").path)
    before = frames.bucket.tree()
    error = error_of(run_through(frames, f"new-{reason}",
                                 (fault, {"method": "PUT", "path": r"/3_[0-9.]+\.png"})))
    assert error["code"] == code and reason in error["message"], error
    assert "3_" in error["message"] and not error["retryable"]
    assert frames.bucket.tree() == before


def test_a_video_that_was_whole_stays_named_as_not_complete(frames):
    """The manifest of before said complete; after a failed run over it, it may not."""
    error = error_of(run_through(frames, "v", (status(403, DENIED),
                                               {"method": "PUT", "path": r"/5_[0-9.]+\.png"})))
    assert error["code"] == "store_denied"
    assert '"complete":false' in frames.bucket.tree()["p/v/manifest.json"].replace(" ", "")
    assert run_through(frames, "v")["status"] == "completed"
    assert frames.bucket.tree() == frames.expected


def test_a_stop_amid_slow_uploads_is_quick_and_leaves_nothing(frames, clip):
    frames.server.add_video("p", "stopped", clip("cuts").path)
    before = frames.bucket.tree()
    frames.proxy.add(latency(30), method="PUT", path=r"/p/stopped/.*\.png")
    asked = frames.proxy.faults["latency"]
    job = frames.server.submit(["p/stopped"])
    harness.wait_until(lambda: frames.proxy.faults["latency"] >= asked + 3, 30, "puts under way")
    began = time.monotonic()
    assert frames.server.post(f"/jobs/{job}/stop").status == 200
    assert frames.server.wait_job(job)["status"] == "stopped"
    assert time.monotonic() - began < 5
    frames.proxy.cut()  # what it still holds never reaches the store
    frames.proxy.clear()
    assert frames.bucket.tree() == before


@pytest.mark.skipif(not harness.IS_LONG, reason="half a minute each: --long")
@pytest.mark.parametrize("fault", [silence(), trickle(1, 0.5)], ids=["silence", "slow loris"])
def test_a_put_that_is_not_answered_is_sent_again(frames, fault):
    job = run_through(frames, "v", (fault, {"method": "PUT", "times": 2}), timeout=200)
    assert job["status"] == "completed" and job["items"][0]["attempts"] == 1, job
    assert frames.bucket.tree() == frames.expected


# --- parts ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts(tmp_path_factory, gateway):  # noqa: F811
    """A still of more than 8 MB: two parts."""
    folder = tmp_path_factory.mktemp("parts")
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                    "testsrc2=s=2880x1620:r=5,noise=alls=90:allf=t+u", "-frames:v", "3", "-c:v",
                    "libx264", "-preset", "ultrafast", "-qp", "8", "-pix_fmt", "yuv420p",
                    folder / "noise.mp4"], check=True)
    with Place(folder, gateway, VP_MIN_FRAMES=1) as place:
        place.server.add_video("p", "v", folder / "noise.mp4")
        assert run_through(place, "v")["status"] == "completed"
        place.expected = place.bucket.tree()
        asked = [row for row in place.proxy.asked if "partNumber=2" in row[1]]
        assert asked and place.uploads_in_parts() == 0
        yield place


PARTS = {
    "reset amid a part": (reset(request_bytes=2 * MEBI), {"path": "partNumber=2", "times": 3}),
    "a part done and never told": (reset(response_bytes=0), {"path": "partNumber=2", "times": 3}),
    "a part meets 503": (status(503, SLOW_DOWN), {"path": "partNumber=1", "times": 2}),
    "begun and never told": (reset(response_bytes=0), {"method": "POST", "path": r"\?uploads",
                                                       "times": 1}),
    "joined and never told": (reset(response_bytes=0), {"method": "POST", "path": r"\?uploadId",
                                                        "times": 1}),
    "half an answer to the joining": (half(), {"method": "POST", "path": r"\?uploadId", "times": 1}),
}


@pytest.mark.parametrize("how", PARTS)
def test_parts_arrive_through_what_passes(parts, how):
    before = parts.proxy.faults.total()
    job = run_through(parts, "v", PARTS[how])
    assert job["status"] == "completed" and job["items"][0]["attempts"] == 1, job
    assert parts.proxy.faults.total() > before
    assert parts.bucket.tree() == parts.expected


@pytest.mark.parametrize("path", ["partNumber=2", r"\?uploadId=[^&]+$"], ids=["part", "joining"])
def test_an_upload_that_is_refused_is_aborted(parts, path):
    begun = [parts.uploads_in_parts()]
    job = run_through(parts, "v", (status(403, DENIED), {"method": "PUT" if "part" in path else "POST",
                                                         "path": path}))
    error = error_of(job)
    assert error["code"] == "store_denied" and "AccessDenied" in error["message"], error
    assert [parts.uploads_in_parts()] == begun
    assert not any(k.endswith(".png") and k not in parts.expected for k in parts.bucket.tree())
    assert run_through(parts, "v")["status"] == "completed"
    assert parts.bucket.tree() == parts.expected


# --- videos ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def videos(tmp_path_factory, gateway):  # noqa: F811
    """A video of some 16 MB in the bucket, and what its file gives."""
    folder = tmp_path_factory.mktemp("videos")
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25", "-vf",
                    "noise=alls=90:allf=t+u", "-t", "6", "-c:v", "libx264", "-preset", "ultrafast",
                    "-qp", "12", "-pix_fmt", "yuv420p", folder / "video.mp4"], check=True)
    data = (folder / "video.mp4").read_bytes()
    assert len(data) > 12 * MEBI
    with Server(folder / "local") as server:
        server.add_video("p", "v", folder / "video.mp4")
        assert server.run(["p/v"])["status"] == "completed"
        expected = pictures(harness.tree(server.out / "frames"))
    with Place(folder, gateway, SKIP_UPLOAD=1) as place:
        place.bucket.s3.put(place.bucket.name, "p/v/video.mp4", data)
        place.data, place.expected = data, expected
        yield place


def frames_of(place, code="v"):
    tree = pictures(harness.tree(place.server.out / "frames" / "p" / code))
    return {f"p/v/{name}": digest for name, digest in tree.items()}


def test_a_video_is_fetched_once_over_several_connections(videos):
    before = videos.proxy.bytes_down
    videos.proxy.cut()
    videos.proxy.open_max = 0
    assert run_through(videos, "v")["status"] == "completed"
    assert frames_of(videos) == videos.expected
    assert len(videos.data) <= videos.proxy.bytes_down - before < len(videos.data) + 200000
    assert videos.proxy.open_max > 1


READS = {
    "reset amid the body": reset(response_bytes=100000),
    "reset before a byte": reset(response_bytes=0),
    "half a body": half(),
    "500": status(500),
    "503 SlowDown": status(503, SLOW_DOWN, retry_after=1),
    "late": latency(0.3),
    "a length too long": wrong_length(1000),
    "a length too short": wrong_length(-1000),
    "piece by piece": trickle(32768, 0.002),
}


@pytest.mark.parametrize("how", READS)
def test_a_video_is_read_through_what_passes(videos, how):
    """It goes on where it broke: what came is not asked for again."""
    before, down = videos.proxy.faults.total(), videos.proxy.bytes_down
    job = run_through(videos, "v", (READS[how], {"method": "GET", "path": r"video\.mp4", "times": 3}))
    assert job["status"] == "completed" and job["items"][0]["attempts"] == 1, job
    assert frames_of(videos) == videos.expected
    assert videos.proxy.faults.total() == before + 3
    assert videos.proxy.bytes_down - down < len(videos.data) + MEBI
    assert not [p for p in (videos.server.out / "tmp").rglob("*") if p.is_file()]


@pytest.mark.parametrize("fault, code, reason", [
    (status(403, DENIED), "store_denied", "AccessDenied"),
    (status(404, "<Error><Code>NoSuchKey</Code></Error>"), "not_found", "/p/v/video.mp4"),
])
def test_a_read_that_is_refused_fails_fast(videos, fault, code, reason):
    began = time.monotonic()
    error = error_of(run_through(videos, "v", (fault, {"method": "GET", "path": r"video\.mp4"})))
    assert error["code"] == code and reason in error["message"], error
    assert time.monotonic() - began < 10


def test_a_video_that_is_replaced_while_it_is_read(videos):
    """No result is made of two objects: the etag of the first is asked for all along."""
    other = bytes(reversed(videos.data))
    videos.bucket.s3.put(videos.bucket.name, "p/w/video.mp4", videos.data)
    videos.proxy.add(latency(0.5), method="GET", path=r"/p/w/video\.mp4")
    asked = videos.proxy.faults["latency"]
    job = videos.server.submit(["p/w"])
    harness.wait_until(lambda: videos.proxy.faults["latency"] >= asked + 4, 30, "a read")
    videos.bucket.s3.put(videos.bucket.name, "p/w/video.mp4", other)
    videos.proxy.clear()
    error = error_of(videos.server.wait_job(job))
    assert error["code"] == "source_changed" and "replaced" in error["message"], error
    assert not frames_of(videos, "w")


def test_a_stop_amid_a_slow_read_is_quick(videos):
    videos.proxy.add(latency(30), method="GET", path=r"video\.mp4")
    asked = videos.proxy.faults["latency"]
    job = videos.server.submit(["p/v"], force=True)
    harness.wait_until(lambda: videos.proxy.faults["latency"] > asked, 30, "a read")
    began = time.monotonic()
    assert videos.server.post(f"/jobs/{job}/stop").status == 200
    assert videos.server.wait_job(job)["status"] == "stopped"
    assert time.monotonic() - began < 5
    videos.proxy.cut()
    videos.proxy.clear()


@pytest.mark.skipif(not harness.IS_LONG, reason="half a minute each: --long")
@pytest.mark.parametrize("fault", [silence(), trickle(8, 0.5)], ids=["silence", "slow loris"])
def test_a_read_that_does_not_come_is_begun_again(videos, fault):
    job = run_through(videos, "v", (fault, {"method": "GET", "path": r"video\.mp4", "times": 2}),
                      timeout=200)
    assert job["status"] == "completed" and job["items"][0]["attempts"] == 1, job
    assert frames_of(videos) == videos.expected
