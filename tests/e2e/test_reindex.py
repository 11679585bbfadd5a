"""A store remembers which model filled it; `oriane reindex` gives it the vectors of another one. The
models are builtin/visual-512 and small CLIP folders with seeded weights (tests/media/models.py)."""

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
import uuid
from pathlib import Path

import numpy as np
import pytest

import harness
import models
from server import Server
from test_terminal import on_terminal, screen

NAMES = ["cuts", "letterbox", "two_frames", "vfr", "pillarbox", "black"]  # black: no frame at all
ROUNDS = harness.kill_rounds(100, 20)
BASE_SEED = int(os.environ.get("ORIANE_KILL_SEED", "20240901"))
OLD = "builtin/visual-512"


def settings_of(name, **more):
    folder = models.get(name)
    dim = models.MODELS[name]().dim
    return {"CLIP_MODEL": folder, "QDRANT_DIM": dim, **more}


@pytest.fixture(scope="module")
def clip_small():
    return settings_of("clip-small")


@pytest.fixture(scope="module")
def world(tmp_path_factory, clip, clip_small):
    """The videos, a store of them by the old model, and what a run with the new one leaves."""
    folder = tmp_path_factory.mktemp("world")
    oriane = harness.Oriane(folder)
    videos = [clip(n).path for n in NAMES]
    assert oriane.run(*videos, out="old").code == 0
    fresh = oriane.run(*videos, out="new", settings=clip_small)
    assert fresh.code == 0, fresh
    wall = 60
    for i in range(3):
        shutil.copytree(folder / "old", folder / f"reindexed{i}")
        start = time.monotonic()
        assert oriane("reindex", "--out", f"reindexed{i}", settings=clip_small).code == 0
        wall = min(wall, time.monotonic() - start)
    return {"videos": videos, "old": folder / "old", "wall": wall,
            "old_effects": harness.effects(folder / "old"),
            "new_effects": harness.effects(folder / "new"), "folder": folder}


@pytest.fixture
def out(world, tmp_path):
    """The old store, a copy of one's own."""
    shutil.copytree(world["old"], tmp_path / "out")
    return tmp_path / "out"


def reindex(oriane, settings, *arguments, **options):
    return oriane("reindex", "--json", "--out", "out", *arguments, settings=settings, **options)


@contextlib.contextmanager
def holding(out):
    """The store, open as a process that searches has it."""
    with contextlib.closing(sqlite3.connect(out / "vectors.db")) as connection:
        connection.execute("select count(*) from points").fetchall()
        yield


def counts(report):
    found = {}
    for video in report["videos"]:
        word = "resumed" if video["resumed"] else video["status"]
        found[word] = found.get(word, 0) + 1
    return found


def times(out):
    """When each point was made, which harness.points leaves out."""
    with contextlib.closing(sqlite3.connect(out / "vectors.db")) as connection:
        return connection.execute("select uuid, created_at from points order by uuid").fetchall()


def assert_new(out, world):
    files, points = harness.effects(out)
    assert points == world["new_effects"][1]
    assert files == world["new_effects"][0]
    assert not (out / "vectors.db.reindex").exists()
    assert harness.leftovers(out) == []


# --- the store's memory ---------------------------------------------------------------------------

def test_another_model_is_refused_by_name(oriane, world, out, clip_small):
    """In one sentence with both models and the command, before any work."""
    name = models.get("clip-small").name
    before = harness.effects(out)
    picture = next((out / "frames").rglob("1_*.png"))
    for arguments in (["run", "--out", "out", world["videos"][0]],
                      ["search", "--out", "out", "--image", picture]):
        result = oriane(*arguments, settings=clip_small)
        assert result.code == 1 and result.out == "", result
        assert len(result.err.splitlines()) == 1, result
        for words in (OLD, name, "`oriane reindex`", "[store_mismatch]"):
            assert words in result.err, result
    assert harness.effects(out) == before


def test_changed_weights_of_the_same_name_are_refused(oriane, clip, tmp_path):
    """A model pulled from a hub keeps its name when its weights change; its digest tells."""
    home = tmp_path / "hf"
    for sha, recipe in (("1" * 40, "clip-small"), ("2" * 40, "clip-small-bf16")):
        snapshot = home / "hub" / "models--test--clip" / "snapshots" / sha
        shutil.copytree(models.get(recipe), snapshot)
    reference = home / "hub" / "models--test--clip" / "refs" / "main"
    reference.parent.mkdir()
    reference.write_text("1" * 40)
    settings = {"CLIP_MODEL": "test/clip", "QDRANT_DIM": 64, "HF_HOME": home}
    assert oriane.run(clip("two_frames").path, settings=settings).code == 0
    assert oriane.run(clip("two_frames").path, settings=settings).one["skipped"] is True
    reference.write_text("2" * 40)
    result = oriane.run(clip("two_frames").path, settings=settings)
    assert result.code == 1 and "store_mismatch" in result.err, result
    assert "weights" in result.err and "test/clip" in result.err
    assert reindex(oriane, settings).json["switched"] is True
    assert oriane.run(clip("two_frames").path, settings=settings).one["skipped"] is True
    reference.write_text("1" * 40)
    assert "store_mismatch" in oriane.run(clip("two_frames").path, settings=settings).err


def test_server_of_another_model_is_not_ready_until_the_reindex(world, tmp_path, clip, clip_small):
    """It takes jobs all the while, and goes on by itself once the store is its model's."""
    with Server(tmp_path) as server:
        item = server.add_video("p", "one", clip("cuts").path)
        assert server.run([item])["counts"]["success"] == 1
        server.stop()
        server.env.update(clip_small)
        server.start()
        answer = server.wait_not_ready("`oriane reindex`")
        assert OLD in answer.json["detail"] and models.get("clip-small").name in answer.json["detail"]
        searched = server.post("/search-by/text", {"prompt": "a red apple"})
        assert searched.status == 503 and "`oriane reindex`" in searched.json["detail"]
        other = server.add_video("p", "two", clip("two_frames").path)
        job = server.submit([item, other])
        assert server.status(job)["counts"]["waiting"] == 2
        result = reindex(harness.Oriane(tmp_path), clip_small)
        assert result.code == 0 and result.json["switched"] is True, result
        server.wait_ready()
        found = server.wait_job(job)
        assert found["counts"]["success"] == 2
        frame = server.frames(item)[0]
        best = server.post("/search-by/frame", {"id": frame["id"]}).json[0]
        assert best["id"] == frame["id"]
        assert best["payload"]["model"].startswith(models.get("clip-small").name)


# --- a reindex ------------------------------------------------------------------------------------

def test_equals_a_fresh_run(oriane, world, out, clip_small):
    """Files and points, ids, payloads and vectors to the bit; and a run has nothing to do."""
    result = reindex(oriane, clip_small)
    assert result.code == 0 and result.err == "", result
    report = result.json
    frames = len(world["old_effects"][1])
    assert report["model"].startswith(models.get("clip-small").name + "@")
    assert (report["dim"], report["model_before"], report["dim_before"]) == (64, OLD, 512)
    assert report["switched"] is True and report["unchanged"] is False
    assert report["frames"] == report["points"] == frames
    assert counts(report) == {"success": len(NAMES) - 1}
    assert sum(v["frames"] for v in report["videos"]) == frames
    assert report["manifests"] == len(NAMES)  # also that of the video without frames
    assert_new(out, world)
    again = oriane.run(*world["videos"], settings=clip_small)
    assert again.code == 0 and all(v["skipped"] for v in again.lines), again
    assert_new(out, world)


def test_a_second_one_does_no_work(oriane, world, out, clip_small):
    assert reindex(oriane, clip_small).code == 0
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*.json")}
    report = reindex(oriane, clip_small).json
    assert report["unchanged"] is True and report["switched"] is False
    assert report["videos"] == [] and report["manifests"] == 0
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*.json")} == before
    result = oriane("reindex", "--out", "out", settings=clip_small)
    assert result.code == 0 and "there was no work to do" in result.out, result


def test_there_and_back(oriane, world, out, clip_small):
    created = times(out)
    assert reindex(oriane, clip_small).code == 0
    assert reindex(oriane, {"CLIP_MODEL": OLD}).code == 0
    assert harness.effects(out) == world["old_effects"]
    assert times(out) == created


def test_lossy_stills_come_close(oriane, clip, tmp_path, clip_small):
    """A JPEG still is not quite the frame that a run embeds."""
    lossy = {"VP_FRAME_FORMAT": "jpeg"}
    assert oriane.run(clip("cuts").path, settings=lossy).code == 0
    assert reindex(oriane, {**clip_small, **lossy}).code == 0
    assert oriane.run(clip("cuts").path, out="fresh", settings={**clip_small, **lossy}).code == 0
    for a, b in zip(harness.points(tmp_path / "out"), harness.points(tmp_path / "fresh")):
        a, b = dict(a), dict(b)
        u, v = (np.frombuffer(x.pop("vector"), np.float32) for x in (a, b))
        assert a == b
        assert np.dot(u, v) > 0.99


@pytest.mark.parametrize("damage", ["gone", "cut", "no picture", "empty"])
def test_a_broken_still_leaves_its_video_out(oriane, world, out, clip_small, damage):
    victim = sorted((out / "frames").rglob("2_*.png"))[0]
    code = victim.parent.name
    whole = victim.read_bytes()
    if damage == "gone":
        victim.unlink()
    else:
        victim.write_bytes({"cut": whole[:len(whole) // 2], "no picture": b"not a picture",
                            "empty": b""}[damage])
    result = reindex(oriane, clip_small)
    assert result.code == 1, result
    report = result.json
    assert report["switched"] is True
    assert counts(report) == {"success": len(NAMES) - 2, "failed": 1}
    [failed] = [v for v in report["videos"] if v["status"] == "failed"]
    assert failed["code"] == code
    assert victim.name in failed["error"]["message"]
    assert failed["error"]["code"] == {"gone": "not_found", "empty": "empty_file"}.get(
        damage, "bad_picture")
    assert [code in line and victim.name in line and "run this video again" in line
            for line in result.err.splitlines()] == [True]
    points = harness.points(out)
    assert points == [p for p in world["new_effects"][1] if p["video_code"] != code]
    again = oriane.run(*world["videos"], settings=clip_small)  # does what it was told
    assert again.code == 0
    assert [v["code"] for v in again.lines if not v["skipped"]] == [code]
    assert_new(out, world)


def test_the_wrong_folder_of_frames_empties_no_store(oriane, world, out, clip_small, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    before = harness.points(out)
    result = reindex(oriane, {**clip_small, "VP_FRAMES_DIR": tmp_path / "elsewhere"})
    assert result.code == 1 and "VP_FRAMES_DIR" in result.err, result
    assert result.json["switched"] is False
    assert harness.points(out) == before
    gone = reindex(oriane, {**clip_small, "VP_FRAMES_DIR": tmp_path / "nowhere"})
    assert gone.code == 1 and "VP_FRAMES_DIR" in gone.err and "not_found" in gone.err, gone
    assert not (tmp_path / "nowhere").exists()
    assert reindex(oriane, clip_small).code == 0
    assert_new(out, world)


def test_nothing_is_stored(oriane, tmp_path, clip_small):
    result = reindex(oriane, clip_small)
    assert result.code == 1 and "`oriane run` comes first" in result.err, result
    assert result.out == ""
    assert not (tmp_path / "out").exists()
    assert oriane("reindex", "operand", settings=clip_small).code == 2


def test_another_target_begins_anew(oriane, world, out, clip_small):
    """What was embedded for one model is not taken for another's; nor for another precision's."""
    with holding(out):
        assert counts(reindex(oriane, clip_small).json) == {"success": len(NAMES) - 1}
        assert counts(reindex(oriane, clip_small).json) == {"resumed": len(NAMES) - 1}
        odd = settings_of("clip-odd")
        assert counts(reindex(oriane, odd).json) == {"success": len(NAMES) - 1}
        assert counts(reindex(oriane, clip_small).json) == {"success": len(NAMES) - 1}
    assert counts(reindex(oriane, {**clip_small, "VP_PRECISION": "f32"}).json) in (
        {"resumed": len(NAMES) - 1}, {"success": len(NAMES) - 1})  # auto may be f32 here, or bf16


# --- others at work on the store ------------------------------------------------------------------

def test_a_running_server_keeps_its_store(tmp_path, clip, clip_small):
    """The frames are embedded beside it; the switch waits for its end, and loses nothing that it did
    in between."""
    oriane = harness.Oriane(tmp_path)
    with Server(tmp_path) as server:
        items = [server.add_video("p", n, clip(n).path) for n in ("cuts", "sources", "letterbox")]
        assert server.run(items)["counts"]["success"] == 3
        result = reindex(oriane, clip_small)
        assert result.code == 1 and "[store_in_use]" in result.err, result
        assert "warning" in result.err.splitlines()[0]
        assert result.json["switched"] is False and counts(result.json) == {"success": 3}
        frame = server.frames(items[0])[0]
        assert server.post("/search-by/frame", {"id": frame["id"]}).json[0]["id"] == frame["id"]
        # It goes on: a video of before with another result, one that is new.
        shutil.copy2(clip("pillarbox").path, server.videos / "p" / "sources" / "video.mp4")
        new = server.add_video("p", "two_frames", clip("two_frames").path)
        assert server.run([items[1], new])["counts"]["success"] == 2
        server.stop()
        result = reindex(oriane, clip_small)
        assert result.code == 0 and result.err == "", result
        assert counts(result.json) == {"resumed": 2, "success": 2}
        server.env.update(clip_small)
        server.start()
        server.wait_ready()
        job = server.submit(items + [new])
        assert server.wait_job(job)["counts"]["success"] == 4
        listed = {f["id"] for i in items + [new] for f in server.frames(i)}
        server.stop()
    stored = harness.points(tmp_path / "out")
    assert {str(uuid.UUID(bytes=p["uuid"])) for p in stored} == listed
    with Server(tmp_path / "fresh", env=clip_small) as server:
        sources = {"cuts": "cuts", "sources": "pillarbox", "letterbox": "letterbox",
                   "two_frames": "two_frames"}
        found = server.run([server.add_video("p", n, clip(s).path) for n, s in sources.items()])
        assert found["counts"]["success"] == 4
        server.stop()
    assert stored == harness.points(tmp_path / "fresh" / "out")


def test_runs_with_the_old_model_in_between(oriane, world, out, clip, clip_small):
    """Videos that come, change and go while the reindex is unfinished."""
    with holding(out):
        assert reindex(oriane, clip_small).code == 1
    assert oriane.run(clip("windowbox").path).code == 0
    assert oriane.run(clip("cuts").path, "--force").code == 0  # the same again, but later
    result = reindex(oriane, clip_small)
    assert result.code == 0, result
    assert counts(result.json) == {"resumed": len(NAMES) - 2, "success": 2}
    again = oriane.run(*world["videos"], clip("windowbox").path, settings=clip_small)
    assert all(v["skipped"] for v in again.lines), again


def test_only_one_at_a_time(oriane, world, out, clip_small):
    first = oriane.start("reindex", "--json", "--out", "out",
                         settings={**clip_small, "VP_MAX_WORKERS": 1})
    try:
        harness.wait_until((out / "vectors.db.reindex").exists, 30, "the first one's file")
        os.kill(first.pid, signal.SIGSTOP)
        second = reindex(oriane, clip_small)
    finally:
        os.kill(first.pid, signal.SIGCONT)
    out_text, err = first.communicate(timeout=60)
    assert first.returncode == 0, err
    assert json.loads(out_text)["switched"] is True
    assert second.code == 1 and "[store_in_use]" in second.err, second
    assert_new(out, world)


# --- stopped, killed, full ------------------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it_and_the_next_goes_on(oriane, world, out, clip_small, number):
    process = oriane.start("reindex", "--json", "--out", "out",
                           settings={**clip_small, "VP_MAX_WORKERS": 1})
    stage = out / "vectors.db.reindex-wal"
    harness.wait_until(lambda: stage.exists() and stage.stat().st_size > 100_000, 30, "some work")
    start = time.monotonic()
    process.send_signal(number)
    text, err = process.communicate(timeout=60)
    assert time.monotonic() - start < 5
    if process.returncode != 0:  # else it was faster than the signal
        assert process.returncode == 1 and err.decode() == "oriane: interrupted\n", err
        first = json.loads(text)
        assert first["switched"] is False
        assert harness.points(out) == world["old_effects"][1]
        second = reindex(oriane, clip_small).json
        done = counts(first).get("success", 0)
        assert counts(second) == {k: v for k, v in (("resumed", done),
                                                    ("success", len(NAMES) - 1 - done)) if v}
        assert second["frames"] == sum(v["frames"] for v in second["videos"] if not v["resumed"])
    assert_new(out, world)


def kill_at_random(process, rng, wall):
    """One kill -9 somewhere between start and a little past the shortest end seen."""
    share = rng.uniform(0, 1.1)
    try:
        process.wait(timeout=share * wall)
        return "had ended"
    except subprocess.TimeoutExpired:
        kill(process)
        harness.note_kill("reindex, at random", f"{share:.2f}")
        return f"killed at {share:.2f}"


def kill(process):
    children = harness.children_of(process.pid)
    process.kill()
    process.wait(timeout=10)
    harness.wait_until(lambda: not any(map(harness.is_alive, children)), 5, "orphans to end")


def size_of(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("then", ["reindex", "run"])
@pytest.mark.parametrize("moment", ["embedding", "the store's log", "first manifest",
                                    "third manifest"])
def test_killed_at_each_step(oriane, world, out, clip_small, moment, then):
    """The steps with effects: vectors into the stage, the switch's transaction, manifests."""
    manifests = sorted((out / "frames").rglob("manifest.json"))
    before = [m.stat().st_mtime_ns for m in manifests]

    def written():
        return sum(m.stat().st_mtime_ns != t for m, t in zip(manifests, before))
    due = {"embedding": lambda: size_of(out / "vectors.db.reindex-wal") > 60_000,
           # gone again in milliseconds: the first manifest is the last chance
           "the store's log": lambda: size_of(out / "vectors.db-wal") > 0 or written() > 0,
           "first manifest": lambda: written() >= 1, "third manifest": lambda: written() >= 3}[moment]
    process = oriane.start("reindex", "--out", "out", settings={**clip_small, "VP_MAX_WORKERS": 1},
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not due():
        assert process.poll() is None or due(), "it ended first"
    kill(process)
    harness.note_kill("reindex, at a step", moment)
    [model] = {p["model"] for p in harness.points(out)}
    print(f"{moment}: {model}, {written()} manifests")
    if "manifest" in moment:
        assert model != OLD
    if moment == "embedding":
        assert model == OLD
    if model == OLD:
        assert harness.points(out) == world["old_effects"][1]
    if then == "run" and model != OLD:
        assert oriane.run(*world["videos"], settings=clip_small).code == 0
        assert harness.effects(out) == world["new_effects"]
    assert reindex(oriane, clip_small).code == 0
    again = oriane.run(*world["videos"], settings=clip_small)
    assert all(v["skipped"] for v in again.lines), again
    assert_new(out, world)


@pytest.mark.parametrize("seed", range(BASE_SEED, BASE_SEED + ROUNDS))
def test_killed_at_any_moment(oriane, world, out, clip_small, seed):
    """Then finished by another reindex, or by a run: files and points are those of a fresh run."""
    rng = random.Random(seed)
    story = []
    settings = {**clip_small, "VP_MAX_WORKERS": rng.choice([1, 2])}
    for _ in range(rng.choice([1, 1, 2, 3])):
        process = oriane.start("reindex", "--out", "out", settings=settings,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        story.append(kill_at_random(process, rng, world["wall"]))
    model = {p["model"] for p in harness.points(out)}
    assert len(model) == 1, (story, model)  # never a mixture
    print(f"seed {seed}: {settings['VP_MAX_WORKERS']} workers, {story}, then {model}")
    if model == {OLD}:
        assert harness.points(out) == world["old_effects"][1], story
        if rng.random() < 0.3:  # the old model's run finds all as it was
            back = oriane.run(*world["videos"])
            assert back.code == 0 and all(v["skipped"] for v in back.lines), story
        result = reindex(oriane, clip_small)
        assert result.code == 0, (story, result)
    elif rng.random() < 0.5:  # switched: a run ends what is left of it, a reindex sweeps
        assert oriane.run(*world["videos"], settings=clip_small).code == 0, story
        assert harness.effects(out) == world["new_effects"], story
        assert reindex(oriane, clip_small).code == 0, story
    else:
        assert reindex(oriane, clip_small).code == 0, story
        again = oriane.run(*world["videos"], settings=clip_small)
        assert all(v["skipped"] for v in again.lines), (story, again)
    assert_new(out, world)


@pytest.fixture
def small_disk(tmp_path):
    """A file system for the store; needs the right to mount."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("free_bytes", [0, 40_000, 150_000])
def test_full_disk(oriane, world, out, clip_small, small_disk, free_bytes):
    """The old store is as it was, what was embedded is kept, and room is all it takes."""
    database = small_disk / "vectors.db"
    shutil.copy2(out / "vectors.db", database)
    settings = {**clip_small, "VECTOR_DB": database}
    ballast = small_disk / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
        file.truncate(max(0, file.tell() - free_bytes) // 4096 * 4096)
    result = reindex(oriane, settings)
    assert result.code == 1 and "disk_full" in result.err, result
    ballast.unlink()
    (out / "vectors.db").unlink()
    shutil.copy2(database, out / "vectors.db")
    assert harness.points(out) == world["old_effects"][1]
    assert reindex(oriane, settings).code == 0
    shutil.copy2(database, out / "vectors.db")
    assert_new(out, world)


# --- for people -----------------------------------------------------------------------------------

def test_the_table(oriane, world, out, clip_small):
    victim = sorted((out / "frames").rglob("1_*.png"))[0]
    victim.write_bytes(b"")
    result = oriane("reindex", "--out", "out", settings=clip_small)
    assert result.code == 1, result
    lines = result.out.splitlines()
    assert lines[0].split() == ["VIDEO", "FRAMES", "RESULT"]
    rows = {line.split()[0]: line.split(None, 2)[2] for line in lines[1:len(NAMES)]}
    assert rows.pop(f"local/{victim.parent.name}") == "failed: empty_file"
    assert set(rows.values()) == {"embedded"} and len(rows) == len(NAMES) - 2
    assert "1 failed" in result.out and OLD in result.out
    assert str(Path("out") / "vectors.db") in result.out


def test_progress_on_a_terminal(oriane, world, out, clip_small):
    code, text, seen = on_terminal(oriane, "reindex", "--out", "out", settings=clip_small)
    assert code == 0
    assert "videos" in seen and "frames" in seen
    assert [line for line in screen(seen, 80) if line] == []
    assert f"{len(NAMES) - 1} embedded" in text
