"""oriane verify on a real radosgw and a real Qdrant: damage done by other programs is found and repaired,
what is of nobody stays, and an outage is an outage."""

import json
import random
import sqlite3
import subprocess

import pytest

import harness
from both_stores import Both
from server import Server
from test_s3 import Bucket
from test_s3_qdrant import gateway, points  # noqa: F401  fixtures
from test_verify import found

NAMES = ["cuts", "letterbox", "vfr"]


class Stored(Both):
    """Three videos put there by `oriane run --upload`."""

    def __init__(self, tmp_path, gateway, points, clip, **settings):
        super().__init__(gateway, points)
        self.oriane = harness.Oriane(tmp_path)
        self.clips = [clip(name).path for name in NAMES]
        result = self.run(**settings)
        self.videos = {v["code"].split("-")[0]: v for v in result.lines}
        self.before = self.effects()

    def run(self, **settings):
        result = self.oriane.run("--upload", *self.clips, settings=self.settings(**settings))
        assert result.code == 0, result
        return result

    def verify(self, *arguments, **settings):
        return self.oriane("verify", "--json", "--out", "out", *(arguments or ["--all"]),
                           settings=self.settings(**settings))

    def name(self, which):
        return f"local/{self.videos[which]['code']}"

    def line(self, result, which):
        return next(v for v in result.lines if v["code"] == self.videos[which]["code"])


@pytest.fixture
def stored(tmp_path, gateway, points, clip):  # noqa: F811
    return Stored(tmp_path, gateway, points, clip)


def test_damage_from_outside_is_repaired(stored):
    cuts, letterbox, vfr = (stored.videos[name]["frames"] for name in NAMES)
    clean = stored.verify()
    assert clean.code == 0 and [v["status"] for v in clean.lines] == ["ok"] * 3, clean

    foreign = [f"{stored.name('cuts')}/video.mp4", f"{stored.name('cuts')}/1_0.50.png/below",
               f"{stored.name('cuts')}x/notes.txt", "top.txt"]
    for key in foreign:
        stored.put(key, b"not ours")
    stored.put(f"{stored.name('cuts')}/99_1.25.png", b"stale")
    stored.post("/points/delete", {"points": [cuts[0]["id"], cuts[1]["id"]]})
    stored.post("/points/payload", {"payload": {"scene": 77}, "points": [letterbox[0]["id"]]})
    stored.post("/points/payload/delete", {"keys": ["dhash"], "points": [letterbox[1]["id"]]})
    stored.post("/points/payload", {"payload": {"uuid": "x"}, "points": [letterbox[2]["id"]]})
    one = stored.points.points(stored.collection, with_vector=True)[0]
    stray = {"id": "11111111-2222-5333-8444-555555555555", "vector": one["vector"]}
    stored.post("/points", {"points": [
        {**stray, "payload": {**one["payload"], "video_code": vfr[0]["path"].split("/")[1],
                              "platform": "local"}},
        {**stray, "id": "11111111-2222-5333-8444-666666666666",
         "payload": {**one["payload"], "video_code": "gone"}}]}, method="PUT")

    damaged = stored.effects()
    dry = stored.verify("--all", "--dry-run")
    assert dry.code == 1 and stored.effects() == damaged, dry
    result = stored.verify()
    assert result.code == 0, result
    assert found(stored.line(result, "cuts")) == {"frame_stale": 1, "point_missing": 2}
    assert found(stored.line(result, "letterbox")) == {"point_wrong": 3}
    assert found(stored.line(result, "vfr")) == {"point_stale": 1}
    gone = next(v for v in result.lines if v["code"] == "gone")
    assert found(gone) == {"manifest_missing": 1, "point_stale": 1}
    for line in dry.lines:
        assert found(line) == found(next(v for v in result.lines if v["code"] == line["code"]))
    for key in foreign:
        assert stored.get(key) == b"not ours"
        stored.delete(key)
    assert stored.effects() == stored.before
    assert stored.verify().code == 0


def test_a_deleted_object_is_made_by_the_next_run(stored):
    key = stored.videos["cuts"]["frames"][1]["path"]
    stored.delete(key)
    result = stored.verify()
    assert result.code == 1 and found(stored.line(result, "cuts")) == {"frame_missing": 1}
    assert stored.line(result, "cuts")["faults"][0]["first"] == key
    assert stored.line(result, "cuts")["advice"] == "run the video again"
    assert json.loads(stored.get(f"{stored.name('cuts')}/manifest.json"))["complete"] is False
    # nobody could be at work on it any more after a second, yet the manifest was marked just now
    assert stored.verify(stored.name("cuts"), "--remove").one["status"] == "skipped"
    stored.run()
    assert stored.effects() == stored.before
    assert stored.verify().code == 0


def test_a_bucket_that_is_not_looked_at_is_not_cleaned_up_after(stored, tmp_path, clip):
    """SKIP_UPLOAD=1 hides the bucket: its videos' points stay, though one video kept here has both."""
    result = stored.oriane.run(clip("pans").path, out="out", settings=stored.settings(SKIP_UPLOAD=1))
    assert result.code == 0, result
    result = stored.verify("--all", SKIP_UPLOAD=1)
    assert result.code == 1 and "--remove" in result.err and "SKIP_UPLOAD" in result.err, result
    assert stored.effects() == stored.before


@pytest.mark.parametrize("harm", ["deleted", "cut"])
def test_without_its_manifest_a_video_goes(stored, harm):
    key = f"{stored.name('cuts')}/manifest.json"
    text = stored.get(key)
    stored.delete(key)
    if harm == "cut":
        stored.put(key, text[:len(text) // 2])
    # Younger than an item may take: maybe another machine's, whose lock we do not see.
    young = stored.verify()
    assert young.code == 0 and stored.line(young, "cuts")["status"] == "skipped", young
    harness.wait_until(lambda: stored.verify(VP_ITEM_TIMEOUT=1).lines and
                       not stored.keys(f"{stored.name('cuts')}/"), 15, "it to be old enough")
    assert not stored.rows(video_code=stored.videos["cuts"]["code"])
    assert stored.verify().code == 0
    stored.run()
    assert stored.effects() == stored.before


@pytest.mark.parametrize("seed", range(40 if harness.IS_LONG else 2))
def test_killed_at_any_moment_it_converges(stored, seed):
    rng = random.Random(seed)
    frames = [f for v in stored.videos.values() for f in v["frames"]]
    ids = [f["id"] for f in rng.sample(frames, 7)]
    stored.post("/points/delete", {"points": ids[:4]})
    stored.post("/points/payload", {"payload": {"path": "p/q/1_0.00.png"}, "points": ids[4:]})
    for name in NAMES:
        stored.put(f"{stored.name(name)}/{rng.randrange(50, 99)}_1.25.jpg", b"stale")
    for _ in range(3):
        process = stored.oriane.start("verify", "--all", "--out", "out",
                                      settings=stored.settings(), stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        try:
            process.wait(rng.uniform(0, 1.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    final = stored.verify()
    assert final.code == 0, final
    assert stored.effects() == stored.before


def test_videos_kept_on_this_machine_are_not_taken_for_lost(tmp_path, gateway, points, clip):  # noqa: F811
    """Jobs with skip_upload and local_mode, and `oriane run`, beside one in the bucket."""
    both = Both(gateway, points)
    with Server(tmp_path, env=both.settings(LOCAL_MODE=0)) as server:
        server.wait_ready()
        for code, options in (("away", {}), ("kept", {"skip_upload": True}),
                              ("local", {"local_mode": True})):
            job = server.run([server.add_video("p", code, clip("cuts").path)], **options)
            assert job["counts"]["success"] == 1
        oriane = harness.Oriane(tmp_path)
        env = both.settings()
        assert oriane.run(clip("letterbox").path, out=server.out, settings=env).code == 0
        before = both.effects(), harness.effects(server.out)

        def verify(*arguments):
            return oriane("verify", "--json", "--out", server.out, *(arguments or ["--all"]),
                          settings=env)
        result = verify()
        assert result.code == 0, result
        assert [v["status"] for v in result.lines] == ["ok"] * 4, result
        assert (both.effects(), harness.effects(server.out)) == before

        # points are made again where they were; where nobody knows, nothing leaves this machine
        both.post("/points/delete", {"points": [server.frames("p/kept")[0]["id"]]})
        assert [v["status"] for v in verify().lines].count("repaired") == 1
        assert both.effects() == before[0]
        both.post("/points/delete", {"filter": {"must": [
            {"key": "video_code", "match": {"value": "kept"}}]}})
        named = verify("p/kept")
        assert named.code == 1 and named.one["advice"] == "run the video again", named
        assert not both.rows(video_code="kept")


@pytest.mark.parametrize("what", ["empty", "kept_here", "anothers"])
def test_a_wrong_bucket_empties_no_collection(stored, gateway, points, clip, what):  # noqa: F811
    other = Bucket(gateway)
    wrong = {"S3_FRAMES_BUCKET": other.name}
    if what == "kept_here":
        assert stored.oriane.run(clip("sources").path, settings=stored.settings()).code == 0
    if what == "anothers":
        elsewhere = {**wrong, "QDRANT_COLLECTION": f"{stored.collection}_x"}
        run = stored.oriane.run("--upload", clip("sources").path, settings=stored.settings(**elsewhere))
        assert run.code == 0, run
    result = stored.verify(**wrong)
    assert result.code == 1 and "[not_found]" in result.err and "--remove" in result.err, result
    ids = {p["id"] for p in stored.rows()}
    assert ids >= {p["id"] for p in stored.before[1]}
    stored.verify()  # what was made of another's videos goes again
    assert stored.effects() == stored.before


def test_frames_in_the_bucket_and_points_here(tmp_path, gateway, points, clip):  # noqa: F811
    both = Both(gateway, points)
    env = both.settings(QDRANT_URL=None, QDRANT_KEY=None)
    oriane = harness.Oriane(tmp_path)
    video = oriane.run("--upload", clip("cuts").path, settings=env).one
    assert oriane.run(clip("letterbox").path, settings=env).code == 0  # and one in the folder
    before = both.bucket.tree(), harness.effects(tmp_path / "out")

    def verify():
        return oriane("verify", "--json", "--all", "--out", "out", settings=env)
    assert [v["status"] for v in verify().lines] == ["ok", "ok"]
    with sqlite3.connect(tmp_path / "out" / "vectors.db") as connection:
        connection.execute("delete from points where frame_number = 1")
    connection.close()
    both.put(f"local/{video['code']}/77_1.25.webp", b"stale")
    result = verify()
    assert result.code == 0 and [v["status"] for v in result.lines] == ["repaired"] * 2, result
    assert (both.bucket.tree(), harness.effects(tmp_path / "out")) == before


@pytest.mark.parametrize("payload", [{"a": 1}, {"platform": "local", "video_code": "\x1b[31m no code"}])
def test_a_point_of_nobody_is_named_and_left(stored, payload):
    vector = stored.points.points(stored.collection, with_vector=True)[0]["vector"]
    stranger_id = "ffffffff-ffff-4fff-bfff-ffffffffffff"  # not the first, which is asked for its model
    stored.post("/points", {"points": [{"id": stranger_id, "vector": vector,
                                        "payload": payload}]}, "PUT")
    for _ in range(2):
        result = stored.verify()
        assert result.code == 1, result
        stranger = next(v for v in result.lines if v["platform"] is None)
        assert stranger["faults"][0]["code"] == "point_foreign"
        assert stranger["faults"][0]["first"] == stranger_id
    text = stored.oriane("verify", "--all", "--out", "out", settings=stored.settings())
    assert text.code == 1 and "1 points of another program" in text.out, text
    stored.post("/points/delete", {"points": [stranger_id]})
    assert stored.verify().code == 0


def test_a_strangers_point_in_a_video_of_ours_is_not_said_to_be_repaired(stored):
    platform, code = stored.name("cuts").split("/")
    first = stored.points.points(stored.collection, with_vector=True)[0]
    payload = {"platform": platform, "video_code": code, "model": first["payload"]["model"]}
    stored.post("/points", {"points": [{"id": 7, "vector": first["vector"], "payload": payload}]}, "PUT")
    for arguments in ["--dry-run"], []:
        line = stored.line(stored.verify("--all", *arguments), "cuts")
        assert found(line) == {"point_foreign": 1} and line["status"] == "differs"
        assert "whoever wrote it must delete it" in line["advice"]


def test_a_store_that_is_away_or_refuses_ends_it(stored, gateway, points):  # noqa: F811
    for settings, code in (({"AWS_SECRET_ACCESS_KEY": "wrong"}, "store_denied"),
                           ({"S3_FRAMES_BUCKET": "no-such-bucket"}, "bucket_missing"),
                           ({"QDRANT_KEY": "wrong"}, "store_denied")):
        result = stored.verify(**settings)
        assert result.code == 1 and f"[{code}]" in result.err, result
    points.kill()
    try:
        result = stored.verify()
        assert result.code == 1 and "[store_unavailable]" in result.err, result
    finally:
        points.start()
    gateway.kill_gateway()
    try:
        result = stored.verify()
        assert result.code == 1 and "[store_unavailable]" in result.err, result
    finally:
        gateway.gateway()
    assert stored.verify().code == 0
    assert stored.effects() == stored.before
