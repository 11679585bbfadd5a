"""oriane reindex where frames are in a real radosgw and points in a real Qdrant: a new collection beside the
old one gets what a run with the new model would have put there."""

import random
import subprocess

import pytest

import harness
from both_stores import Both
from server import Server
from test_reindex import OLD, counts, settings_of
from test_s3_qdrant import gateway, points  # noqa: F401  fixtures

NAMES = ["cuts", "letterbox", "black"]  # black: no frame at all


class Stored(Both):
    def __init__(self, folder, gateway, points, clip, new):
        super().__init__(gateway, points)
        self.oriane, self.new = harness.Oriane(folder), new
        self.clips = [clip(name).path for name in NAMES]
        self.videos = self.run(self.settings()).lines

    def run(self, settings, out="out"):
        result = self.oriane.run("--upload", *self.clips, out=out, settings=settings)
        assert result.code == 0, result
        return result

    def new_settings(self, **more):
        return self.settings(**self.new, QDRANT_COLLECTION=f"{self.collection}_new", **more)

    def reindex(self, **more):
        return self.oriane("reindex", "--json", "--out", "out", settings=self.new_settings(**more))

    def new_rows(self):
        found = self.points.points(f"{self.collection}_new", with_vector=True)
        return sorted((harness.without_clock(p) for p in found), key=lambda p: p["id"])


@pytest.fixture(scope="module")
def new():
    return settings_of("clip-small")


@pytest.fixture
def stored(tmp_path, gateway, points, clip, new):  # noqa: F811
    return Stored(tmp_path, gateway, points, clip, new)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory, gateway, points, clip, new):  # noqa: F811
    """What a run with the new model leaves."""
    both = Both(gateway, points)
    oriane = harness.Oriane(tmp_path_factory.mktemp("fresh"))
    result = oriane.run("--upload", *[clip(name).path for name in NAMES],
                        settings=both.settings(**new))
    assert result.code == 0, result
    found = both.points.points(both.collection, with_vector=True)
    return both.bucket.tree(), sorted((harness.without_clock(p) for p in found),
                                      key=lambda p: p["id"])


def test_a_new_collection_beside_the_old_one(tmp_path, stored, fresh):
    old_rows, old_tree = stored.rows(), stored.bucket.tree()
    # onto the old collection it will not go, and says what to do
    refused = stored.oriane("reindex", "--out", "out", settings=stored.settings(**stored.new))
    assert refused.code == 1 and "QDRANT_COLLECTION" in refused.err, refused
    assert "[store_mismatch]" in refused.err and stored.bucket.tree() == old_tree

    result = stored.reindex()
    assert result.code == 0, result
    assert counts(result.json) == {"success": 3}
    assert result.json["switched"] and result.json["model_before"] == OLD
    assert result.json["points"] == len(fresh[1]) and result.json["manifests"] == 3
    assert stored.new_rows() == fresh[1]
    assert stored.bucket.tree() == fresh[0]
    assert stored.rows() == old_rows

    again = stored.reindex()
    assert again.code == 0 and again.json["unchanged"] and again.json["frames"] == 0, again
    assert all(v["skipped"] for v in stored.run(stored.new_settings()).lines)
    verified = stored.oriane("verify", "--json", "--all", "--out", "out",
                             settings=stored.new_settings())
    assert verified.code == 0 and all(v["status"] == "ok" for v in verified.lines), verified
    # with the settings of before it is another model's, and nothing is touched
    other = stored.oriane("verify", "--json", "--all", "--out", "out", settings=stored.settings())
    assert other.code == 1 and stored.rows() == old_rows and stored.bucket.tree() == fresh[0]

    frame = next(f for v in stored.videos for f in v["frames"])
    picture = stored.get(frame["path"])
    (tmp_path / "frame.png").write_bytes(picture)
    hits = stored.oriane("search", "--remote", "--json", "--limit", "1", "--image",
                         tmp_path / "frame.png", settings=stored.new_settings())
    assert hits.code == 0 and hits.json[0]["id"] == frame["id"], hits
    with Server(tmp_path / "server", env=stored.new_settings()) as server:
        server.wait_ready()
        answer = server.upload("/search-by/image?limit=1", picture)
        assert answer.status == 200 and answer.json[0]["id"] == frame["id"], answer
        text = server.post("/search-by/text", {"prompt": "a red square", "limit": 2})
        assert text.status == 200 and len(text.json) == 2, text


@pytest.mark.parametrize("seed", range(30 if harness.IS_LONG else 2))
def test_killed_at_any_moment_it_goes_on(stored, fresh, seed):
    rng = random.Random(seed)
    old_rows = stored.rows()
    for _ in range(4):
        process = stored.oriane.start("reindex", "--json", "--out", "out",
                                      settings=stored.new_settings(), stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        try:
            process.wait(rng.uniform(0, 1.5))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    final = stored.reindex()
    assert final.code == 0, final
    assert stored.new_rows() == fresh[1]
    assert stored.bucket.tree() == fresh[0]
    assert stored.rows() == old_rows


def test_a_lost_still_leaves_its_video_as_it_is(stored):
    video = stored.videos[0]
    stored.delete(video["frames"][0]["path"])
    before = stored.get(f"local/{video['code']}/manifest.json")
    result = stored.reindex()
    assert result.code == 1 and counts(result.json) == {"success": 2, "failed": 1}, result
    assert video["frames"][0]["path"] in result.err and "[not_found]" in result.err
    assert stored.get(f"local/{video['code']}/manifest.json") == before
    assert not [p for p in stored.new_rows() if p["payload"]["video_code"] == video["code"]]


def test_what_was_kept_on_this_machine_stays(tmp_path, points, clip, new):  # noqa: F811
    """Points in Qdrant alone, frames in the folder: a job's, a local_mode job's, and a run's."""
    collection = f"kept_{tmp_path.name}"
    env = {"QDRANT_URL": points.url, "QDRANT_KEY": points.key, "QDRANT_COLLECTION": collection}
    with Server(tmp_path, env=env) as server:
        server.wait_ready()
        assert server.run([server.add_video("p", "job", clip("cuts").path)])["counts"]["success"]
        assert server.run([server.add_video("p", "local", clip("cuts").path)],
                          local_mode=True)["counts"]["success"]
    oriane = harness.Oriane(tmp_path)
    assert oriane.run(clip("letterbox").path, settings=env).code == 0
    here = harness.points(tmp_path / "out")
    settings = {**env, **new, "QDRANT_COLLECTION": f"{collection}_new"}
    result = oriane("reindex", "--json", "--out", "out", settings=settings)
    assert result.code == 0 and counts(result.json) == {"success": 1, "skipped": 2}, result
    assert {p["payload"]["video_code"] for p in points.points(f"{collection}_new")} == {"job"}
    assert harness.points(tmp_path / "out") == here
    local = oriane("reindex", "--json", "--out", "out", settings={**settings, "LOCAL_MODE": 1})
    assert local.code == 0 and counts(local.json) == {"success": 2}, local
