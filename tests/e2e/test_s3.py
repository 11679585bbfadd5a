"""Frames in S3: a real radosgw, read by a second implementation and by awscli; outages and refusals."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import harness
from server import Server

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "s3"))

import radosgw  # noqa: E402
import s3_client  # noqa: E402

AWS = Path("/usr/bin/aws")
TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "json": "application/json"}


@pytest.fixture(scope="module")
def gateway():
    if radosgw.missing():
        pytest.skip(radosgw.missing())
    with tempfile.TemporaryDirectory(prefix="ori-s3-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        running = radosgw.Radosgw(folder)
        try:
            running.start()
            yield running
        finally:
            running.stop()


class Bucket:
    count = 0

    def __init__(self, gateway):
        Bucket.count += 1
        self.gateway, self.name = gateway, f"frames-{os.getpid()}-{Bucket.count}"
        self.s3 = s3_client.S3(gateway.endpoint, radosgw.ACCESS, radosgw.SECRET)
        self.s3.make_bucket(self.name)

    def settings(self, **more):
        return {"AWS_ENDPOINT_URL": self.gateway.endpoint, "AWS_ACCESS_KEY_ID": radosgw.ACCESS,
                "AWS_SECRET_ACCESS_KEY": radosgw.SECRET, "S3_FRAMES_BUCKET": self.name, **more}

    def tree(self, prefix=""):
        """As harness.tree: {key: sha256}, manifests without their clock fields."""
        found = {}
        for key in self.s3.keys(self.name, prefix):
            _, body = self.s3.get(self.name, key)
            if key.endswith("manifest.json"):
                found[key] = json.dumps(harness.without_clock(json.loads(body)))
            else:
                found[key] = hashlib.sha256(body).hexdigest()
        return found


@pytest.fixture
def bucket(gateway):
    return Bucket(gateway)


def aws(bucket, *arguments):
    result = subprocess.run(
        [AWS, "--endpoint-url", bucket.gateway.endpoint, "s3", *arguments], check=False,
        capture_output=True, stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "AWS_ACCESS_KEY_ID": radosgw.ACCESS,
             "AWS_SECRET_ACCESS_KEY": radosgw.SECRET, "AWS_DEFAULT_REGION": "us-east-1",
             "AWS_EC2_METADATA_DISABLED": "true"})
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def local_tree(tmp_path, clip):
    """What the same video leaves in a folder."""
    with Server(tmp_path / "local") as server:
        server.add_video("p", "v", clip.path)
        assert server.run(["p/v"])["status"] == "completed"
        return harness.tree(server.out / "frames")


def files_below(folder):
    return [str(p) for p in Path(folder).rglob("*") if p.is_file()]


def test_frames_and_manifest_go_to_the_bucket(tmp_path, bucket, clip):
    expected = local_tree(tmp_path, clip("cuts"))
    with Server(tmp_path / "s3", env=bucket.settings()) as server:
        server.add_video("p", "v", clip("cuts").path)
        assert server.run(["p/v"])["status"] == "completed"
        assert bucket.tree() == expected
        assert not files_below(server.out / "frames") and not files_below(server.out / "tmp")
        for key in expected:
            headers, _ = bucket.s3.get(bucket.name, key)
            assert headers["Content-Type"] == TYPES[key.rsplit(".", 1)[1]], key
        frames = server.frames("p/v")
        assert {f["path"] for f in frames} == {k for k in expected if not k.endswith(".json")}
        for frame in frames:
            answer = server.get(frame["url"])
            assert hashlib.sha256(answer.body).hexdigest() == expected[frame["path"]]
            assert server.get(frame["thumbnail"]).headers["Content-Type"] == "image/jpeg"
        assert server.get("/frames/p/other").status == 404
        assert server.get("/frames/p/v/99_1.00.png").status == 404
        # once more: no work, and nothing changes
        assert server.run(["p/v"])["status"] == "completed"
        assert server.wait_event("item.done", skipped=True)
        assert bucket.tree() == expected
        assert server.wait_event("stores.remote")["frames"] == f"s3://{bucket.name}"
        assert server.log_text().count('"stores.remote"') == 1


def test_no_key_and_no_signature_in_the_log(tmp_path, bucket, clip):
    env = bucket.settings(LOG_LEVEL="trace", S3_VIDEOS_BUCKET=bucket.name)
    bucket.s3.put(bucket.name, "p/v/video.mp4", clip("cuts").path.read_bytes())
    with Server(tmp_path, env=env) as server:
        assert server.run(["p/v"])["status"] == "completed"
        text = server.log_text()
        assert "x-amz-date" in text.lower()  # it does tell of the requests
        for secret in (radosgw.SECRET, radosgw.ACCESS, "Signature=", "Credential="):
            assert secret not in text, secret


@pytest.mark.skipif(not AWS.exists(), reason="awscli is not installed")
def test_awscli_reads_what_we_wrote_and_we_what_it_wrote(tmp_path, bucket, clip):
    with Server(tmp_path / "s3", env=bucket.settings()) as server:
        server.add_video("p", "v", clip("cuts").path)
        assert server.run(["p/v"])["status"] == "completed"
        aws(bucket, "cp", "--recursive", f"s3://{bucket.name}", str(tmp_path / "copy"))
        assert harness.tree(tmp_path / "copy") == bucket.tree()
        frame = server.frames("p/v")[0]
        (tmp_path / "other.png").write_bytes(b"\x89PNG what another program wrote")
        aws(bucket, "cp", str(tmp_path / "other.png"), f"s3://{bucket.name}/{frame['path']}")
        assert server.get(frame["url"]).body == b"\x89PNG what another program wrote"


def test_a_rerun_leaves_no_stale_object_and_no_foreign_one_goes(tmp_path, bucket, clip):
    foreign = ["p/v/video.mp4", "p/v/notes.txt", "p/v/1_0.50.png/below", "p/vv/1_0.50.png"]
    with Server(tmp_path / "s3", env=bucket.settings()) as server:
        for key in foreign:
            bucket.s3.put(bucket.name, key, b"not ours")
        server.add_video("p", "v", clip("cuts").path)
        assert server.run(["p/v"])["status"] == "completed"
        before = set(bucket.tree()) - set(foreign)
        assert any(k.endswith(".png") for k in before)
        server.restart({"VP_FRAME_FORMAT": "jpeg"})
        assert server.run(["p/v"])["status"] == "completed"
        after = set(bucket.tree())
        assert set(foreign) <= after
        assert {k.replace(".png", ".jpg") for k in before} == after - set(foreign)
        headers, _ = bucket.s3.get(bucket.name, server.frames("p/v")[0]["path"])
        assert headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("wrong, code, reason", [
    ({"AWS_SECRET_ACCESS_KEY": "not-the-secret"}, "store_denied", "SignatureDoesNotMatch"),
    ({"AWS_ACCESS_KEY_ID": "NOBODY"}, "store_denied", "InvalidAccessKeyId"),
    ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "store_denied", "AccessDenied"),
    ({"S3_UNSIGNED": 1}, "store_denied", "AccessDenied"),
    ({"S3_FRAMES_BUCKET": "no-such-bucket"}, "bucket_missing", "NoSuchBucket"),
])
def test_a_refusal_fails_fast_with_its_reason(tmp_path, bucket, clip, wrong, code, reason):
    with Server(tmp_path, env=bucket.settings(**wrong)) as server:
        server.add_video("p", "v", clip("cuts").path)
        server.wait_not_ready(reason)
        begin = time.monotonic()
        job = server.wait_job(server.submit(["p/v"]))
        assert time.monotonic() - begin < 10
        assert job["status"] == "failed"
        error = job["items"][0]["error"]
        assert error["code"] == code and reason in error["message"], error
        assert not error["retryable"] and error["attempts"] == 1
        assert "not-the-secret" not in server.log_text()
        assert not bucket.s3.keys(bucket.name)


def test_half_a_pair_of_keys_is_a_bad_setting(tmp_path, bucket, clip):
    server = Server(tmp_path, env=bucket.settings(AWS_SECRET_ACCESS_KEY=None), starts=False)
    assert server.spawn().wait(30) == 2
    assert "AWS_ACCESS_KEY_ID: set without AWS_SECRET_ACCESS_KEY" in server.log_text()
    assert radosgw.ACCESS not in server.log_text()


def test_a_gateway_killed_amid_a_job_is_waited_for(tmp_path, bucket, clip):
    codes = [f"v{i}" for i in range(6)]
    with Server(tmp_path / "calm", env=bucket.settings()) as server:
        for code in codes:
            server.add_video("p", code, clip("cuts").path)
        assert server.run([f"p/{c}" for c in codes])["status"] == "completed"
        points = harness.points(server.out)
    expected = bucket.tree()
    stormy = Bucket(bucket.gateway)
    with Server(tmp_path / "storm", env=stormy.settings()) as server:
        for code in codes:
            server.add_video("p", code, clip("cuts").path)
        job = server.submit([f"p/{c}" for c in codes])
        harness.wait_until(lambda: stormy.s3.keys(stormy.name), 30, "a first object")
        bucket.gateway.kill_gateway()
        try:
            server.wait_not_ready("127.0.0.1")
            server.wait_event("frames.down")
            status = server.json(f"/status/{job}")
            assert status["status"] in ("running", "pending"), status
            assert status["counts"]["failed"] == 0
            assert server.get("/health", key=False).status == 200
            begin = time.monotonic()
            assert server.get("/frames/p/v0").status == 503
            assert time.monotonic() - begin < 20
        finally:
            bucket.gateway.gateway()
        done = server.wait_job(job, timeout=120)
        assert done["status"] == "completed", done
        assert done["counts"]["success"] == len(codes)
        server.wait_event("frames.up")
        server.wait_ready()
        assert stormy.tree() == expected
        assert harness.points(server.out) == points


def test_a_server_killed_amid_its_uploads_leaves_the_same(tmp_path, bucket, clip):
    codes = [f"v{i}" for i in range(4)]
    with Server(tmp_path / "calm", env=bucket.settings()) as server:
        for code in codes:
            server.add_video("p", code, clip("cuts").path)
        assert server.run([f"p/{c}" for c in codes])["status"] == "completed"
        points = harness.points(server.out)
    expected = bucket.tree()
    stormy = Bucket(bucket.gateway)
    with Server(tmp_path / "storm", env=stormy.settings()) as server:
        for code in codes:
            server.add_video("p", code, clip("cuts").path)
        job = server.submit([f"p/{c}" for c in codes])
        for objects in (1, 8, 17):
            harness.wait_until(lambda: len(stormy.s3.keys(stormy.name)) >= objects, 60, "objects")
            server.kill()
            server.start()
        assert server.wait_job(job)["counts"]["success"] == len(codes)
        assert stormy.tree() == expected
        assert harness.points(server.out) == points


def test_a_stop_ends_items_although_the_gateway_is_away(tmp_path, bucket, clip):
    with Server(tmp_path, env=bucket.settings()) as server:
        server.wait_ready()
        server.add_video("p", "v", clip("cuts").path)
        bucket.gateway.kill_gateway()
        try:
            job = server.submit(["p/v"])
            server.wait_event("frames.down")
            begin = time.monotonic()
            assert server.post(f"/jobs/{job}/stop").status == 200
            assert time.monotonic() - begin < 3
            assert server.wait_job(job)["status"] == "stopped"
        finally:
            bucket.gateway.gateway()


@pytest.mark.parametrize("option", ["skip_upload", "local_mode"])
def test_a_job_may_keep_its_frames_here(tmp_path, bucket, clip, option):
    with Server(tmp_path, env=bucket.settings()) as server:
        server.add_video("p", "v", clip("cuts").path)
        assert server.run(["p/v"], **{option: True})["status"] == "completed"
        assert not bucket.s3.keys(bucket.name)
        frames = server.frames("p/v")
        assert frames and server.get(frames[0]["url"]).status == 200
        assert (server.out / "frames" / frames[0]["path"]).exists()


@pytest.mark.parametrize("setting", ["SKIP_UPLOAD", "LOCAL_MODE"])
def test_a_server_that_keeps_its_frames_is_not_loosened(tmp_path, bucket, clip, setting):
    with Server(tmp_path, env=bucket.settings(**{setting: 1})) as server:
        server.add_video("p", "v", clip("cuts").path)
        job = server.run(["p/v"], skip_upload=False, local_mode=False)
        assert job["status"] == "completed"
        assert not bucket.s3.keys(bucket.name)
        assert files_below(server.out / "frames")


def test_run_uploads_when_told_to(oriane, bucket, clip):
    settings = bucket.settings()
    plain = oriane.run(clip("cuts").path, settings=settings)
    assert plain.code == 0 and not bucket.s3.keys(bucket.name), plain
    uploaded = oriane.run("--upload", clip("cuts").path, out="up", settings=settings)
    assert uploaded.code == 0, uploaded
    assert bucket.tree() == harness.tree(oriane.folder / "out" / "frames")
    assert not files_below(oriane.folder / "up" / "frames")
    again = oriane.run("--upload", clip("cuts").path, out="up", settings=settings)
    assert again.one["skipped"] is True
    for wrong, code, words in ((bucket.settings(LOCAL_MODE=1), 2, "LOCAL_MODE"),
                               (bucket.settings(SKIP_UPLOAD=1), 2, "SKIP_UPLOAD"),
                               (bucket.settings(AWS_SECRET_ACCESS_KEY="x"), 1,
                                "SignatureDoesNotMatch"),
                               ({}, 2, "AWS_ACCESS_KEY_ID")):
        refused = oriane.run("--upload", clip("cuts").path, out="no", settings=wrong)
        assert refused.code == code and words in refused.err, refused
        assert not (oriane.folder / "no" / "vectors.db").exists() or not harness.points(
            oriane.folder / "no")


def test_keys_of_a_profile(tmp_path, bucket, clip):
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text(
        f"[default]\naws_access_key_id = wrong\naws_secret_access_key = wrong\n\n"
        f"[work]\naws_access_key_id = {radosgw.ACCESS}\naws_secret_access_key={radosgw.SECRET}\n")
    (home / ".aws" / "config").write_text("[profile work]\nregion = us-east-1\n")
    env = bucket.settings(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, HOME=home,
                          AWS_PROFILE="work")
    with Server(tmp_path / "s", env=env) as server:
        server.add_video("p", "v", clip("cuts").path)
        assert server.run(["p/v"])["status"] == "completed"
        assert bucket.s3.keys(bucket.name)
        assert server.wait_event("stores.remote")["credentials"] == "profile"
        server.restart({"AWS_PROFILE": "none"})
        server.wait_not_ready("AWS_PROFILE=none")


# --- videos ---------------------------------------------------------------------------------------


def pictures(tree):
    return {k: v for k, v in tree.items() if not k.endswith("manifest.json")}


def test_videos_come_from_the_bucket(tmp_path, bucket, clip):
    expected = pictures(local_tree(tmp_path, clip("cuts")))
    video = clip("cuts").path.read_bytes()
    videos = Bucket(bucket.gateway)
    odd = "a b/c+d (1)/\u00e9?#%.mp4"
    videos.s3.put(videos.name, "p/v/video.mp4", video, "video/mp4")
    videos.s3.put(videos.name, odd, video)
    with Server(tmp_path / "s3", env=bucket.settings(S3_VIDEOS_BUCKET=videos.name)) as server:
        job = server.run(["p/v", {"platform": "p", "code": "u", "url": f"s3://{videos.name}/{odd}"}])
        assert job["status"] == "completed" and job["counts"]["success"] == 2, job
        assert pictures(bucket.tree("p/v/")) == expected
        assert pictures(bucket.tree("p/u/")) == {k.replace("p/v/", "p/u/"): v
                                                 for k, v in expected.items()}
        manifest = json.loads(bucket.s3.get(bucket.name, "p/u/manifest.json")[1])
        assert manifest["source"]["name"] == "\u00e9?#%.mp4"
        assert manifest["source"]["bytes"] == len(video)
        # the same object again is no work; replaced, it is
        server.run(["p/v"])
        server.wait_event("item.done", skipped=True)
        videos.s3.put(videos.name, "p/v/video.mp4", clip("dissolves").path.read_bytes())
        assert server.run(["p/v"])["status"] == "completed"
        assert pictures(bucket.tree("p/v/")) != expected
        assert not files_below(server.out / "tmp")


def test_a_file_of_this_machine_comes_first(tmp_path, bucket, clip):
    bucket.s3.put(bucket.name, "p/v/video.mp4", b"no video")
    env = bucket.settings(S3_VIDEOS_BUCKET=bucket.name, SKIP_UPLOAD=1)
    with Server(tmp_path, env=env) as server:
        server.add_video("p", "v", clip("cuts").path)
        assert server.run(["p/v"])["status"] == "completed"


def test_frames_may_stay_although_the_video_comes_from_s3(tmp_path, bucket, clip):
    bucket.s3.put(bucket.name, "p/v/video.mp4", clip("cuts").path.read_bytes())
    env = bucket.settings(S3_VIDEOS_BUCKET=bucket.name, SKIP_UPLOAD=1)
    with Server(tmp_path, env=env) as server:
        assert server.run(["p/v"])["status"] == "completed"
        assert server.frames("p/v") and files_below(server.out / "frames")
        assert bucket.s3.keys(bucket.name) == ["p/v/video.mp4"]


def failed_item(job):
    assert job["status"] == "failed", job
    return job["items"][0]["error"]


def test_what_cannot_be_read_from_s3(tmp_path, bucket):
    noise = os.urandom(1 << 20) * 40
    bucket.s3.put(bucket.name, "p/noise/video.mp4", noise)
    bucket.s3.put(bucket.name, "p/empty/video.mp4", b"")
    bucket.s3.put(bucket.name, "p/large/video.mp4", noise + b"x")
    env = bucket.settings(S3_VIDEOS_BUCKET=bucket.name, LOG_LEVEL="debug", VP_MAX_BYTES=len(noise))
    with Server(tmp_path, env=env) as server:
        assert failed_item(server.run(["p/noise"]))["code"] == "not_media"
        fetched = server.wait_event("medium.fetched")
        assert fetched["of"] == len(noise) and fetched["bytes"] < 2 << 20, fetched
        assert failed_item(server.run(["p/empty"]))["code"] == "empty_file"
        assert failed_item(server.run(["p/large"]))["code"] == "limit_exceeded"
        error = failed_item(server.run(["p/none"]))
        assert error["code"] == "not_found" and error["stage"] == "open"
        assert f"s3://{bucket.name}/p/none/video.mp4" in error["message"]
        assert str(server.videos) in error["message"]
        url = f"s3://{bucket.name}/p/noise/video.mp4"
        error = failed_item(server.run([{"platform": "p", "code": "x", "url": url}],
                                       local_mode=True))
        assert error["code"] == "unsupported_url"
        error = failed_item(server.run([{"platform": "p", "code": "x",
                                         "url": "s3://no-such-bucket/k"}]))
        assert error["code"] == "bucket_missing"
    with Server(tmp_path / "local") as server:
        error = failed_item(server.run([{"platform": "p", "code": "x", "url": url}]))
        assert error["code"] == "unsupported_url"


def test_a_gateway_killed_while_a_video_is_read(tmp_path, bucket, clip):
    codes = [f"v{i}" for i in range(4)]
    expected = pictures(local_tree(tmp_path, clip("cuts")))
    for code in codes:
        bucket.s3.put(bucket.name, f"p/{code}/video.mp4", clip("cuts").path.read_bytes())
    env = bucket.settings(S3_VIDEOS_BUCKET=bucket.name, SKIP_UPLOAD=1, JOB_MAX_ATTEMPTS=1)
    with Server(tmp_path / "s3", env=env) as server:
        server.wait_ready()
        bucket.gateway.kill_gateway()
        try:
            job = server.submit([f"p/{c}" for c in codes])
            server.wait_event("item.handed_back")
        finally:
            bucket.gateway.gateway()
        done = server.wait_job(job, timeout=120)
        assert done["counts"]["success"] == len(codes), done
        for code in codes:
            assert pictures(harness.tree(server.out / "frames" / "p" / code)) == {
                k.replace("p/v/", ""): v for k, v in expected.items()}
