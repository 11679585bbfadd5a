"""oriane verify on the stores of this machine: every kind of damage is found, named and repaired, or it is
said what is to be done; what is not ours stays; killed at any moment it goes on."""

import json
import random
import shutil
import sqlite3
import subprocess

import pytest

import harness
from server import Server

NAMES = ["cuts", "letterbox"]


@pytest.fixture(scope="module")
def master(tmp_path_factory, clip):
    """Two videos as a run leaves them; tests work on copies."""
    folder = tmp_path_factory.mktemp("verify")
    oriane = harness.Oriane(folder)
    result = oriane.run(*[clip(name).path for name in NAMES])
    assert result.code == 0, result
    return folder / "out", {v["code"].split("-")[0]: v for v in result.lines}, harness.effects(
        folder / "out")


class Store:
    """A copy of the master's output that a test damages."""

    def __init__(self, tmp_path, master):
        out, self.videos, self.effects = master
        self.out = tmp_path / "out"
        shutil.copytree(out, self.out)
        self.oriane = harness.Oriane(tmp_path)
        self.video = self.videos["cuts"]
        self.name = f"local/{self.video['code']}"
        self.folder = self.out / "frames" / "local" / self.video["code"]
        self.manifest = self.folder / "manifest.json"

    def verify(self, *arguments, settings=None):
        return self.oriane("verify", "--json", "--out", "out", *(arguments or ["--all"]),
                           settings=settings)

    def sql(self, *statement):
        connection = sqlite3.connect(self.out / "vectors.db")
        with connection:
            rows = connection.execute(*statement).fetchall()
        connection.close()
        return rows

    def is_whole(self):
        return harness.effects(self.out) == self.effects


@pytest.fixture
def store(tmp_path, master):
    return Store(tmp_path, master)


def found(line):
    return {f["code"]: f["found"] for f in line["faults"]}


def of(result, store):
    return next(v for v in result.lines if v["code"] == store.video["code"])


def test_nothing_is_wrong_and_nothing_changes(store):
    for _ in range(2):
        result = store.verify()
        assert result.code == 0, result
        assert [v["status"] for v in result.lines] == ["ok", "ok"]
        assert {v["frames"] for v in result.lines} == {len(v["frames"])
                                                       for v in store.videos.values()}
        assert store.is_whole()
    text = store.oriane("verify", "--all", "--out", "out")
    assert text.code == 0 and "2 videos looked at: nothing is wrong" in text.out, text


# name: (what a hand from outside does, what is found). All of it can be repaired from what is there.
def add_stale_frame(store):
    (store.folder / "99_1.25.png").write_bytes(b"stale")


def drop_point(store):
    store.sql("delete from points where video_code = ? and frame_number = 2",
              (store.video["code"],))


def drop_all_points(store):
    store.sql("delete from points")


def drop_store(store):
    for path in store.out.glob("vectors.db*"):
        path.unlink()


def alter_payload(store):
    store.sql("update points set scene = scene + 7, dhash = '0000000000000000' "
              "where video_code = ? and frame_number = 1", (store.video["code"],))


def alter_model(store):
    store.sql("update points set model = 'other' where video_code = ? and frame_number = 1",
              (store.video["code"],))


def move_point(store):
    """Now another video's, and of no manifest there."""
    store.sql("update points set video_code = 'stranger' where video_code = ? and frame_number = 1",
              (store.video["code"],))


def add_stale_point(store):
    store.sql("insert into points select randomblob(16), platform, video_code, 99, 9.5, "
              "platform || '/' || video_code || '/99_9.50.png', created_at, width, height, scene, "
              "dhash, model, vector, change from points where video_code = ? and frame_number = 1",
              (store.video["code"],))


def add_points_of_nobody(store):
    store.sql("insert into points select randomblob(16), platform, 'gone', frame_number, "
              "frame_second, 'local/gone/1_0.00.png', created_at, width, height, scene, dhash, "
              "model, vector, change from points where video_code = ?", (store.video["code"],))


def add_frames_of_nobody(store):
    folder = store.out / "frames" / "local" / "gone"
    folder.mkdir()
    (folder / "1_0.00.png").write_bytes(b"frame")


REPAIRABLE = {
    "a stale frame": (add_stale_frame, {"frame_stale": 1}),
    "a missing point": (drop_point, {"point_missing": 1}),
    "no points": (drop_all_points, {"point_missing": "all"}),
    "no vector store": (drop_store, {"point_missing": "all"}),
    "a wrong payload": (alter_payload, {"point_wrong": 1}),
    "a wrong model": (alter_model, {"point_wrong": 1}),
    "a moved point": (move_point, {"point_missing": 1}),
    "a stale point": (add_stale_point, {"point_stale": 1}),
    "points of nobody": (add_points_of_nobody, {}),
    "frames of nobody": (add_frames_of_nobody, {}),
}


@pytest.mark.parametrize("damage", REPAIRABLE)
def test_it_is_found_and_repaired(store, damage):
    harm, expected = REPAIRABLE[damage]
    harm(store)
    assert not store.is_whole()
    before = harness.effects(store.out)
    expected = {k: len(store.video["frames"]) if v == "all" else v for k, v in expected.items()}

    dry = store.verify("--all", "--dry-run")
    assert dry.code == 1, dry
    assert found(of(dry, store)) == expected
    assert all(f["repaired"] == 0 for line in dry.lines for f in line["faults"])
    assert harness.effects(store.out) == before

    result = store.verify()
    assert result.code == 0, result
    assert found(of(result, store)) == expected
    assert {v["status"] for v in result.lines} <= {"ok", "repaired"}
    assert all(f["repaired"] == f["found"] for line in result.lines for f in line["faults"])
    assert store.is_whole()
    again = store.verify()
    assert again.code == 0 and all(v["status"] == "ok" for v in again.lines), again


def drop_frame(store):
    (store.out / "frames" / store.video["frames"][1]["path"]).unlink()


def empty_frame(store):
    (store.out / "frames" / store.video["frames"][1]["path"]).write_bytes(b"")


def cut_frame(store):
    path = store.out / "frames" / store.video["frames"][1]["path"]
    path.write_bytes(path.read_bytes()[:-1])


def spoil_frame(store):
    """Of the right size; it is noticed when its point has to be made again."""
    path = store.out / "frames" / store.video["frames"][1]["path"]
    path.write_bytes(b"x" * path.stat().st_size)
    store.sql("delete from points where video_code = ?", (store.video["code"],))


@pytest.mark.parametrize("harm, expected", [
    (drop_frame, {"frame_missing": 1}), (empty_frame, {"frame_damaged": 1}),
    (cut_frame, {"frame_damaged": 1}),
    (spoil_frame, {"point_missing": "all", "frame_damaged": 1})])
def test_a_lost_still_is_named_and_made_by_the_next_run(store, clip, harm, expected):
    expected = {k: len(store.video["frames"]) if v == "all" else v for k, v in expected.items()}
    harm(store)
    result = store.verify(store.name)
    assert result.code == 1
    assert result.one["status"] == "differs" and result.one["advice"] == "run the video again"
    assert found(result.one) == expected
    assert json.loads(store.manifest.read_text())["complete"] is False
    again = store.verify(store.name)
    assert again.code == 1 and found(again.one) == {"manifest_unfinished": 1}
    rerun = store.oriane.run(*[clip(name).path for name in NAMES])
    assert rerun.code == 0 and [v["skipped"] for v in rerun.lines].count(True) == 1
    assert store.is_whole()
    assert store.verify().code == 0


@pytest.mark.parametrize("harm", ["drop", "cut", "nonsense", "folder"])
def test_without_a_manifest_a_video_goes_and_can_come_back(store, clip, harm):
    foreign = store.folder / "notes.txt"
    foreign.write_text("not ours")
    if harm in ("drop", "folder"):
        store.manifest.unlink()
    if harm == "folder":
        store.manifest.mkdir()
        (store.manifest / "1_0.00.png").write_text("what lies deeper is not ours")
    elif harm != "drop":
        text = store.manifest.read_text()
        store.manifest.write_text(text[:len(text) // 2] if harm == "cut" else "[]")
    dry = store.verify("--all", "--dry-run")
    assert dry.code == 1 and foreign.exists() and len(list(store.folder.glob("*.png"))) > 1
    result = store.verify()
    assert result.code == 0, result
    code = "manifest_missing" if harm in ("drop", "folder") else "manifest_broken"
    assert found(of(result, store))[code] == 1
    assert of(result, store)["advice"] == "run the video again to have it back"
    assert sorted(p.name for p in store.folder.iterdir()) == \
        (["manifest.json", "notes.txt"] if harm == "folder" else ["notes.txt"])
    assert not store.sql("select 1 from points where video_code = ?", (store.video["code"],))
    assert store.verify().code == 0
    if harm == "folder":
        shutil.rmtree(store.manifest)
    assert store.oriane.run(*[clip(name).path for name in NAMES]).code == 0
    foreign.unlink()
    assert store.is_whole()


def test_an_unfinished_video_is_named_or_removed(store):
    manifest = json.loads(store.manifest.read_text())
    store.manifest.write_text(json.dumps({**manifest, "complete": False}))
    add_stale_frame(store)
    before = harness.effects(store.out)
    result = store.verify()
    assert result.code == 1 and found(of(result, store)) == {"manifest_unfinished": 1}
    assert of(result, store)["advice"] == "run the video again"
    assert harness.effects(store.out) == before  # a run will replace all of it
    removed = store.verify(store.name, "--remove")
    assert removed.code == 0 and removed.one["status"] == "repaired", removed
    assert not store.folder.exists()
    assert store.verify().code == 0


def test_what_is_not_ours_stays(store):
    foreign = ["1_0.50.gif", "x1_0.50.png", "1_0.5.png", "1_0.500.png", "manifest.json.old",
               "video.mp4", "deeper/1_0.50.png"]
    for name in foreign:
        (store.folder / name).parent.mkdir(exist_ok=True)
        (store.folder / name).write_bytes(b"not ours")
    other = store.out / "frames" / "local" / f"{store.video['code']}x"
    other.mkdir()
    (other / "notes.txt").write_bytes(b"a neighbour with the same beginning")
    named = store.out / "frames" / "local" / "no code of ours" / "1_0.50.png"  # whatever lies in it
    named.parent.mkdir()
    named.write_bytes(b"not ours")
    add_stale_frame(store)
    assert store.verify().code == 0
    assert all((store.folder / name).exists() for name in foreign)
    assert (other / "notes.txt").exists() and named.exists()
    assert not (store.folder / "99_1.25.png").exists()


def test_points_without_any_manifest_are_not_deleted_by_mistake(store):
    shutil.rmtree(store.out / "frames")
    result = store.verify()
    assert result.code == 1 and "[not_found]" in result.err and "--remove" in result.err, result
    assert harness.points(store.out) == store.effects[1]
    for more in ([], ["--dry-run"]):
        named = store.verify(store.name, *more)
        assert named.code == 1 and found(named.one)["manifest_missing"] == 1, named
        assert "another bucket" in named.one["advice"] and "--remove" in named.one["advice"]
        assert harness.points(store.out) == store.effects[1]
    named = store.verify(store.name, "--remove")
    assert named.code == 0 and named.one["status"] == "repaired", named
    assert not store.sql("select 1 from points where video_code = ?", (store.video["code"],))
    assert store.verify("--all", "--remove").code == 0
    assert harness.points(store.out) == []


def test_another_model_is_left_alone(store):
    manifest = json.loads(store.manifest.read_text())
    store.manifest.write_text(json.dumps({**manifest, "model": "some/other"}))
    before = harness.effects(store.out)
    for more in ([], ["--remove"]):
        result = store.verify(store.name, *more)
        assert result.code == 1 and found(result.one) == {"manifest_model": 1}, result
        assert "CLIP_MODEL" in result.one["advice"]
        assert harness.effects(store.out) == before


def test_manifests_of_before_say_no_sizes(store):
    manifest = json.loads(store.manifest.read_text())
    assert all(f["bytes"] == (store.folder / f["file"]).stat().st_size
               for f in manifest["frames"])
    for frame in manifest["frames"]:
        del frame["bytes"]
    store.manifest.write_text(json.dumps(manifest))
    cut_frame(store)
    assert store.verify().code == 0
    empty_frame(store)
    assert found(of(store.verify(), store)) == {"frame_damaged": 1}


def test_names_and_the_table(store):
    add_stale_frame(store)
    text = store.oriane("verify", "--out", "out", store.name, "local/nobody", store.name)
    assert text.code == 0, text
    assert "2 videos looked at, 1 in order, 1 repaired" in text.out
    assert f"{store.name}" in text.out and "1 frame_stale" in text.out
    nobody = next(line for line in text.out.splitlines() if line.startswith("local/nobody"))
    assert nobody.split(None, 1)[1] == "ok: nothing is stored of it"


@pytest.mark.parametrize("wrong", [[], ["--all", "local/x"], ["local"], ["local/"], ["/x"],
                                   ["a/b/c"], ["../x"], ["a/.b"], ["a/" + "c" * 129],
                                   ["--all", "--dry-run", "--remove"], ["--some"]])
def test_wrong_usage(oriane, wrong):
    result = oriane("verify", *wrong)
    assert result.code == 2 and not result.out, result


def test_longest_names(oriane):
    result = oriane("verify", "--json", "p" * 128 + "/" + "c" * 128)
    assert result.code == 0 and result.one["status"] == "ok"


def kill(oriane, rng, wall, *arguments):
    process = oriane.start(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=rng.uniform(0, wall))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.mark.parametrize("seed", range(60 if harness.IS_LONG else 4))
def test_killed_at_any_moment_it_converges(store, seed):
    rng = random.Random(seed)
    for harm in rng.sample([add_stale_frame, drop_all_points, alter_payload, add_stale_point,
                            add_points_of_nobody, add_frames_of_nobody], 4):
        harm(store)
    for _ in range(3):
        kill(store.oriane, rng, 0.6, "verify", "--all", "--out", "out")
    final = store.verify()
    assert final.code == 0, final
    assert store.is_whole()
    assert harness.leftovers(store.out) == []


def test_a_server_at_work_is_waited_for(tmp_path, clip):
    with Server(tmp_path) as server:
        items = [server.add_video("p", f"v{i}", clip("long_60").path) for i in range(2)]
        job = server.submit(items)
        harness.wait_until(lambda: list((server.out / "frames").glob("p/*/*.png")), 30, "a frame")
        result = harness.Oriane(tmp_path)("verify", "--json", "--all", "--out", server.out)
        assert result.code == 0, result
        assert server.status(job)["counts"]["failed"] == 0
        assert server.wait_job(job)["counts"]["success"] == 2
        again = harness.Oriane(tmp_path)("verify", "--json", "--all", "--out", server.out)
        assert again.code == 0 and [v["status"] for v in again.lines] == ["ok", "ok"], again


def test_an_interrupt_ends_it(store):
    store.oriane("config")
    drop_all_points(store)
    process = store.oriane.start("verify", "--all", "--out", "out")
    harness.wait_until(lambda: harness.children_of(process.pid) or process.poll() is not None, 10,
                       "a still on its way")
    process.send_signal(2)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 1 and b"interrupted" in err, (out, err)
    assert store.verify().code == 0
    assert store.is_whole()
