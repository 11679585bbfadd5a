"""All of it at once: videos in a bucket, through the API, to frames in S3 and points in Qdrant, and back through
search; with kill -9 of the server, of all of S3 and of Qdrant in turn while they are at it. What is left is
what an undisturbed run leaves, and `verify` finds nothing wrong. The videos are the real ones where they lie beside the repository, else clips.
ORIANE_KILL_SEED=N starts there; the long form kills many times."""

import json
import os
import random
import tempfile
import time

import pytest

import clips
import harness
from both_stores import Both
from server import Server
from test_s3 import Bucket, radosgw
from test_s3_qdrant import check, points  # noqa: F401

SEED = int(os.environ.get("ORIANE_KILL_SEED", "20240601"))
ROUNDS = 8 if harness.IS_LONG else 1
GENERATED = ["cuts", "letterbox", "dissolves", "pans", "vfr", "two_frames"]


@pytest.fixture(scope="module")
def gateway():
    """One whose objects outlive a kill of all its processes."""
    if radosgw.missing():
        pytest.skip(radosgw.missing())
    with tempfile.TemporaryDirectory(prefix="ori-s3-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        running = radosgw.Radosgw(folder, keeps=True)
        try:
            running.start()
            yield running
        finally:
            running.stop()


def sources(clip):
    """{code: file} of the batch."""
    if not (clips.SHARED / "truth.json").exists():
        return {name: clip(name).path for name in GENERATED}
    names = json.loads((clips.SHARED / "truth.json").read_text())
    return {name.rsplit(".", 1)[0]: clips.SHARED / name for name in names
            if (clips.SHARED / name).exists()}


class Batch:
    def __init__(self, gateway, clip):
        self.videos = Bucket(gateway)
        self.items = []
        for code, path in sources(clip).items():
            self.videos.s3.put(self.videos.name, f"real/{code}/video.mp4", path.read_bytes(), "video/mp4")
            self.items.append(f"real/{code}")

    def settings(self, both, **more):
        return both.settings(LOCAL_MODE=0, S3_VIDEOS_BUCKET=self.videos.name, JOB_MAX_ATTEMPTS=1,
                             DRAIN_TIMEOUT=5, **more)


def find_all(server, both, items):
    """Each still, sent as a picture, finds its own frame first; what was found."""
    stills = 0
    for item in items:
        frames = server.frames(item)
        assert frames, item
        for frame in frames:
            answer = server.upload("/search-by/image?limit=1", both.get(frame["path"]))
            assert answer.status == 200, answer
            assert answer.json[0]["id"] == frame["id"], (frame, answer.json)
            assert answer.json[0]["payload"]["path"] == frame["path"]
            stills += 1
    return stills


def wait_success(server, job):
    done = server.wait_job(job, timeout=300)
    assert done["counts"]["success"] == done["counts"]["total"], done
    assert all(item["attempts"] == 1 for item in done["items"]), done


@pytest.fixture(scope="module")
def batch(gateway, clip):
    return Batch(gateway, clip)


@pytest.fixture(scope="module")
def calm(tmp_path_factory, batch, gateway, points):  # noqa: F811
    both = Both(gateway, points)
    with Server(tmp_path_factory.mktemp("calm"), env=batch.settings(both)) as server:
        server.wait_ready()
        began = time.monotonic()
        wait_success(server, server.submit(batch.items))
        seconds = time.monotonic() - began
    return both.effects(), seconds


class Victims:
    def __init__(self, server, gateway, points):
        self.by_name = {"server": (server.kill, server.start),
                        "radosgw": (gateway.kill_all, gateway.start_again),
                        "qdrant": (points.kill, points.start)}
        self.dead = None

    def kill(self, name):
        self.by_name[name][0]()
        self.dead = name

    def revive(self):
        name, self.dead = self.dead, None
        if name:
            self.by_name[name][1]()


def test_the_batch_survives_kills_of_everything(tmp_path, batch, gateway, points, calm):  # noqa: F811
    expected, seconds = calm
    rng, story = random.Random(SEED), []
    both = Both(gateway, points)
    with Server(tmp_path, env=batch.settings(both)) as server:
        server.wait_ready()
        victims = Victims(server, gateway, points)
        try:
            jobs = [server.submit(batch.items)]
            harness.wait_until(lambda: len(both.keys()) > 1, 60, "the first objects")
            for number in range(ROUNDS):
                order = ["server", "radosgw", "qdrant"] if number == 0 else rng.sample(
                    list(victims.by_name), 3)
                for name in order:
                    if number > 0:  # in the middle of whatever it is at
                        time.sleep(rng.uniform(0, seconds / 2))
                    if server.status(jobs[-1])["status"] == "completed":
                        jobs.append(server.submit(batch.items, force=True))
                    victims.kill(name)
                    story.append(name)
                    if name != "server":
                        server.wait_not_ready("127.0.0.1")
                    victims.revive()
            for job in jobs:
                wait_success(server, job)
        finally:
            victims.revive()
        print(f"seed {SEED}: {len(jobs)} jobs, killed: {' '.join(story)}")
        server.wait_ready()
        assert both.effects() == expected, story
        for item in batch.items:
            check(server, both.bucket, points, item, both.collection)
        assert find_all(server, both, batch.items) == len(expected[1])
    for arguments in (["--dry-run"], []):
        result = harness.Oriane(tmp_path / "verify")(
            "verify", "--all", *arguments, settings=batch.settings(both, VP_OUTPUT_DIR=server.out))
        assert result.code == 0, result
    assert both.effects() == expected
