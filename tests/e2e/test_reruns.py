"""A second run does no work; another one replaces all it should and nothing else."""

import json
import os
import shutil
import time

import pytest

import harness


@pytest.fixture
def done(oriane, clip, tmp_path):
    """A private copy of a clip, extracted once."""
    video = tmp_path / "video.mp4"
    shutil.copy(clip("cuts").path, video)
    result = oriane.run(video)
    assert result.code == 0, result
    return video, tmp_path / "out", result.one


def inodes(out):
    return {str(p): (p.stat().st_ino, p.stat().st_mtime_ns) for p in (out / "frames").rglob("*")
            if p.is_file()}


def test_second_run_does_nothing_and_says_so(oriane, done):
    video, out, first = done
    before, effects = inodes(out), harness.effects(out)
    again = oriane.run(video).one
    assert again["skipped"] is True and again["status"] == "success"
    assert inodes(out) == before and harness.effects(out) == effects
    for field in ("platform", "code", "duration", "crop", "scenes", "frames", "warnings"):
        assert again[field] == first[field], field
    table = oriane("run", "--out", "out", video)
    assert table.code == 0 and "unchanged" in table.out + table.err, table


def test_force_extracts_again(oriane, done):
    video, out, first = done
    effects = harness.effects(out)
    again = oriane.run("--force", video).one
    assert not again.get("skipped")
    assert again["frames"] == first["frames"]
    assert harness.effects(out) == effects


def test_touched_file_is_another_file(oriane, done):
    video, out, first = done
    effects = harness.effects(out)
    os.utime(video, ns=(1_000_000_000, 1_000_000_000))
    again = oriane.run(video).one
    assert not again.get("skipped")
    assert harness.points(out) == effects[1]


def test_other_content_leaves_nothing_stale(oriane, done, clip):
    video, out, first = done
    shutil.copy(clip("two_frames").path, video)
    again = oriane.run(video).one
    assert not again.get("skipped") and again["code"] == first["code"]
    folder = harness.frames_folder(out, again)
    names = {p.name for p in folder.iterdir() if not p.name.startswith(".")}
    assert names == {"manifest.json", *(f["path"].rsplit("/", 1)[1] for f in again["frames"])}
    rows = harness.points(out)
    assert [r["path"] for r in rows] == [f["path"] for f in again["frames"]]


@pytest.mark.parametrize("settings", [
    {"VP_FRAME_FORMAT": "jpeg"}, {"VP_FRAME_FORMAT": "jpeg", "VP_FRAME_QUALITY": "50"},
    {"VP_SCENE_THRESH": "0.9"}, {"VP_ENABLE_CROP": "0"}, {"VP_DHASH_SIZE": "9"},
    {"VP_MIN_FRAMES": "30"}])
def test_other_settings_replace_the_result(oriane, done, settings):
    video, out, first = done
    again = oriane.run(video, settings=settings).one
    assert not again.get("skipped")
    folder = harness.frames_folder(out, again)
    names = {p.name for p in folder.iterdir() if not p.name.startswith(".")}
    assert names == {"manifest.json", *(f["path"].rsplit("/", 1)[1] for f in again["frames"])}
    assert [r["path"] for r in harness.points(out)] == [f["path"] for f in again["frames"]]
    fresh = harness.Oriane(out.parent / "fresh")
    expected = fresh.run(video, settings=settings).one
    assert expected["frames"] == again["frames"]
    assert harness.effects(fresh.folder / "out") == harness.effects(out)


@pytest.mark.parametrize("settings", [
    {"VP_MAX_WORKERS": "1"}, {"VP_BATCH_SIZE": "3"}, {"LOG_LEVEL": "debug"}, {"API_PORT": "9000"}])
def test_settings_that_change_no_result_cause_no_work(oriane, done, settings):
    assert oriane.run(done[0], settings=settings).one["skipped"] is True


def test_there_and_back_again(oriane, done):
    video, out, first = done
    effects = harness.effects(out)
    oriane.run(video, settings={"VP_FRAME_FORMAT": "webp"})
    again = oriane.run(video).one
    assert not again.get("skipped")
    assert harness.effects(out) == effects


def test_foreign_files_survive(oriane, done):
    video, out, first = done
    folder = harness.frames_folder(out, first)
    foreign = {"notes.txt": "mine", "1_0.00.txt": "mine", "cover.png": "mine", "1.png": "mine",
               "x1_0.00.png": "mine", "sub/1_0.00.png": "mine"}
    for name, text in foreign.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    sibling = folder.parent / (folder.name + "-other")
    sibling.mkdir()
    (sibling / "1_0.00.png").write_text("another video's")
    assert oriane.run("--force", video).code == 0
    assert oriane.run(video, settings={"VP_SCENE_THRESH": "0.9"}).code == 0
    for name, text in foreign.items():
        assert (folder / name).read_text() == text, name
    assert (sibling / "1_0.00.png").read_text() == "another video's"


def test_a_stray_frame_of_an_earlier_run_goes(oriane, done):
    """It matches the frame pattern, the new run did not write it."""
    video, out, first = done
    stray = harness.frames_folder(out, first) / "97_97.00.png"
    stray.write_text("stale")
    assert oriane.run("--force", video).code == 0
    assert not stray.exists()


BROKEN = [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"version":1}', b"[" * 100000,
          b'{"frames":[{"file":"../../../escape.png"}]}', b" " * 20_000_000]


@pytest.mark.parametrize("content", BROKEN, ids=[str(i) for i in range(len(BROKEN))])
def test_broken_manifest_counts_as_none(oriane, done, content):
    video, out, first = done
    effects = harness.effects(out)
    (harness.frames_folder(out, first) / "manifest.json").write_bytes(content)
    result = oriane.run(video)
    assert result.code == 0, result
    assert not result.one.get("skipped") and result.one["frames"] == first["frames"]
    assert harness.effects(out) == effects


def test_manifest_cannot_send_the_broom_elsewhere(oriane, done, tmp_path):
    """Names inside a manifest are only ever names of frames in the video's own folder."""
    video, out, first = done
    victim = tmp_path / "1_0.00.png"
    victim.write_text("not yours")
    path = harness.frames_folder(out, first) / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["frames"][0]["file"] = "../../../../1_0.00.png"
    manifest["frames"][0]["path"] = "../../1_0.00.png"
    path.write_text(json.dumps(manifest))
    assert oriane.run("--force", video).code == 0
    assert victim.read_text() == "not yours"


def test_a_deleted_frame_comes_back(oriane, done):
    video, out, first = done
    effects = harness.effects(out)
    (out / "frames" / first["frames"][0]["path"]).unlink()
    result = oriane.run(video)
    assert result.code == 0, result
    assert harness.effects(out) == effects


def test_a_deleted_vector_store_comes_back(oriane, done):
    video, out, first = done
    effects = harness.effects(out)
    for path in out.glob("vectors.db*"):
        path.unlink()
    assert oriane.run(video).code == 0
    assert harness.effects(out) == effects


def test_failure_after_success_keeps_or_redoes_but_never_mixes(oriane, done):
    video, out, first = done
    good = video.read_bytes()
    stat = video.stat()
    video.write_bytes(b"no video any more")
    assert oriane.run(video).code == 1
    video.write_bytes(good)
    os.utime(video, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    again = oriane.run(video).one
    assert again["status"] == "success" and again["frames"] == first["frames"]
    rows = harness.points(out)
    assert [r["path"] for r in rows] == [f["path"] for f in first["frames"]]


def test_two_programs_at_once_on_the_same_video(oriane, clip, tmp_path):
    """One writer a video: whoever comes second waits, then has nothing to do."""
    path = clip("cuts").path
    processes = [oriane.start("run", "--json", "--out", "out", path) for _ in range(3)]
    outputs = [p.communicate(timeout=120) for p in processes]
    assert [p.returncode for p in processes] == [0, 0, 0], outputs
    lines = [json.loads(out) for out, _ in outputs]
    assert sum(1 for v in lines if not v.get("skipped")) == 1
    fresh = harness.Oriane(tmp_path / "fresh")
    fresh.run(path)
    assert harness.effects(tmp_path / "out") == harness.effects(tmp_path / "fresh" / "out")


def test_created_at_is_now(done):
    manifest = json.loads((harness.frames_folder(done[1], done[2]) / "manifest.json").read_text())
    assert manifest["created_at"][:10] in (time.strftime("%Y-%m-%d", time.gmtime()),
                                          time.strftime("%Y-%m-%d", time.gmtime(time.time() - 600)))
