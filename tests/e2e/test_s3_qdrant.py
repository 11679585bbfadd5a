"""Both real servers at once: a job's frames in S3, its points in Qdrant, and back through search; then each
of them killed in turn."""


import pytest

import qdrant
from server import Server
from test_s3 import Bucket, gateway  # noqa: F401  a fixture


@pytest.fixture(scope="module")
def points():
    try:
        running = qdrant.Qdrant()
    except qdrant.Missing as reason:
        pytest.skip(str(reason))
    with running:
        yield running


@pytest.fixture
def bucket(gateway):
    return Bucket(gateway)


def check(server, bucket, points, item, collection="watched_frames"):
    """Manifest, objects and points of a video are those of its frames."""
    platform, code = item.split("/")
    frames = server.frames(item)
    assert frames
    assert set(bucket.s3.keys(bucket.name, f"{item}/")) == {f"{item}/manifest.json",
                                                            *(frame["path"] for frame in frames)}
    assert sorted(point["id"] for point in points.points(
        collection, platform=platform, video_code=code)) == sorted(frame["id"] for frame in frames)
    return frames


def test_through_both_and_back_and_each_killed_in_turn(tmp_path, bucket, gateway, points, clip):
    env = bucket.settings(QDRANT_URL=points.url, QDRANT_KEY=qdrant.KEY, LOCAL_MODE=0)
    with Server(tmp_path, env=env) as server:
        server.wait_ready()
        items = [server.add_video("p", name, clip(name).path) for name in ("cuts", "letterbox")]
        assert server.run(items)["counts"]["success"] == 2
        for item in items:
            for frame in check(server, bucket, points, item):
                _, still = bucket.s3.get(bucket.name, frame["path"])
                answer = server.upload("/search-by/image?limit=1", still)
                assert answer.status == 200 and answer.json[0]["id"] == frame["id"], answer
        assert not (server.out / "frames" / "p").exists()

        for name, kill, start in (("vectors", points.kill, points.start),
                                  ("frames", gateway.kill_gateway, gateway.gateway)):
            kill()
            server.wait_not_ready(name)
            job = server.submit([server.add_video("q", f"without-{name}", clip("cuts").path)])
            assert server.status(job)["status"] in ("pending", "running")
            start()
            assert server.wait_job(job)["counts"]["success"] == 1
            check(server, bucket, points, f"q/without-{name}")

        server.kill()
        server.start()
        server.wait_ready()
        for item in items:
            check(server, bucket, points, item)


def test_run_of_an_input_in_s3_goes_to_both_and_of_a_file_to_none(oriane, bucket, points, clip):
    bucket.s3.put(bucket.name, "run/one/video.mp4", clip("cuts").path.read_bytes())
    settings = bucket.settings(QDRANT_URL=points.url, QDRANT_KEY=qdrant.KEY)
    local = oriane.run(clip("cuts").path, settings=settings)
    assert local.code == 0 and local.one["frames"], local
    assert (oriane.folder / "out" / "frames" / local.one["frames"][0]["path"]).exists()
    far = oriane.run(f"s3://{bucket.name}/run/", settings=settings)
    assert far.code == 0 and far.one["code"] == "one", far
    assert points.points(platform="local") == []
    ids = sorted(frame["id"] for frame in far.one["frames"])
    assert sorted(p["id"] for p in points.points(platform="run", video_code="one")) == ids
    assert {frame["path"] for frame in far.one["frames"]} < set(bucket.s3.keys(bucket.name, "run/one/"))
    text = oriane("run", "--out", "out", f"s3://{bucket.name}/run/", settings=settings)
    assert "1 unchanged" in text.out and f"vectors: {points.url}, collection" in text.out, text
