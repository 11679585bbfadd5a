"""`oriane run`: what it prints, what it leaves, how it exits."""

import hashlib
import json
import os
import re
import shutil
import uuid

import numpy as np
import pytest
from PIL import Image

import harness

NUMBER = (int, float)


def is_number(value):
    return isinstance(value, NUMBER) and not isinstance(value, bool)


def check_box(box, width, height):
    assert set(box) == {"x", "y", "w", "h"}
    assert all(isinstance(v, int) and not isinstance(v, bool) for v in box.values())
    assert box["x"] >= 0 and box["y"] >= 0 and box["w"] > 0 and box["h"] > 0
    assert box["x"] + box["w"] <= width and box["y"] + box["h"] <= height


def check_frame(frame, n, video, out, extension="png"):
    assert {"n", "second", "path", "width", "height", "scene", "dhash", "id"} <= set(frame)
    assert frame["n"] == n
    assert is_number(frame["second"]) and 0 <= frame["second"] <= video["duration"]
    assert re.fullmatch(r"[0-9a-f]{16}", frame["dhash"])
    assert 1 <= frame["scene"] <= len(video["scenes"])
    scene = video["scenes"][frame["scene"] - 1]
    assert scene["start"] - 0.006 <= frame["second"] <= scene["end"] + 0.006
    name = f"{n}_{frame['second']:.2f}.{extension}"
    assert frame["path"] == f"{video['platform']}/{video['code']}/{name}"
    assert frame["id"] == str(uuid.uuid5(uuid.NAMESPACE_URL, frame["path"]))
    with Image.open(out / "frames" / frame["path"]) as image:
        assert image.size == (frame["width"], frame["height"])


def test_every_field_of_a_result(extracted, clip):
    done = extracted("cuts")
    video = done.json
    assert {"platform", "code", "status", "error", "source", "duration", "crop", "scenes", "frames",
            "timings", "warnings"} <= set(video)
    assert video["platform"] == "local"
    assert video["status"] == "success"
    assert video["error"] is None
    assert video["warnings"] == []
    assert video["crop"] is None
    assert not video.get("skipped")
    assert str(done.clip.path) in json.dumps(video["source"])
    assert video["duration"] == pytest.approx(12.0, abs=0.05)
    assert video["timings"] and all(is_number(v) and v >= 0 for v in video["timings"].values())
    assert len(video["scenes"]) == 6
    for scene, following in zip(video["scenes"], [*video["scenes"][1:], None]):
        assert {"start", "end"} <= set(scene)
        assert scene["start"] < scene["end"]
        assert following is None or scene["end"] == following["start"]
    assert video["scenes"][0]["start"] == pytest.approx(0, abs=0.001)
    assert len(video["frames"]) >= 6
    seconds = [f["second"] for f in video["frames"]]
    assert seconds == sorted(seconds)
    for n, frame in enumerate(video["frames"], 1):
        check_frame(frame, n, video, done.out)


def test_numbers_are_written_short(extracted):
    """11.88, not 11.880000000000001."""
    text = extracted("cuts").result.out
    assert not re.search(r"\d\.\d{7,}", text), text


def test_code_of_a_local_file(extracted):
    done = extracted("cuts")
    path = os.path.realpath(done.clip.path)
    stem = done.clip.path.stem
    assert done.json["code"] == f"{stem}-{hashlib.sha1(path.encode()).hexdigest()[:8]}"


def test_stills_are_the_pictures(extracted, clip):
    """The still of a frame is the picture of the video at that time."""
    import pictures  # of tests/media
    done = extracted("two_frames")
    for frame, seed in zip(done.frames, (82, 83)):
        with Image.open(done.picture(frame)) as image:
            still = np.asarray(image.convert("RGB")).astype(int)
        true = pictures.photo(seed, 320, 180).astype(int)
        assert np.abs(still - true).mean() < 6


def test_manifest(extracted):
    done = extracted("cuts")
    folder = harness.frames_folder(done.out, done.json)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["platform"] == "local" and manifest["code"] == done.json["code"]
    assert len(manifest["frames"]) == len(done.frames)
    assert [f["id"] for f in manifest["frames"]] == [f["id"] for f in done.frames]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", manifest["created_at"])
    names = {p.name for p in folder.iterdir() if not p.name.startswith(".")}
    assert names == {"manifest.json", *(f["path"].split("/")[-1] for f in done.frames)}
    assert harness.leftovers(done.out) == []


def test_points_carry_the_payload(extracted):
    done = extracted("cuts")
    rows = harness.points(done.out)
    assert len(rows) == len(done.frames)
    for row, frame in zip(rows, done.frames):
        assert row["path"] == frame["path"]
        assert row["frame_number"] == frame["n"]
        assert row["frame_second"] == pytest.approx(frame["second"], abs=0.006)
        assert (row["width"], row["height"]) == (frame["width"], frame["height"])
        assert row["scene"] == frame["scene"] and row["dhash"] == frame["dhash"]


def test_people_get_a_table_and_the_folder(oriane, clip):
    path = clip("two_frames").path
    result = oriane("run", "--out", "out", path)
    assert result.code == 0, result
    assert path.name in result.out or path.stem in result.out
    assert "out" in result.out
    with pytest.raises(ValueError):
        json.loads(result.out.splitlines()[0])


def test_json_prints_nothing_else(oriane, clip):
    result = oriane.run(clip("two_frames").path, clip("words").path, settings={"LOG_LEVEL": "debug"})
    assert {v["status"] for v in result.lines} == {"success", "failed"}


def test_no_progress_bar_without_a_terminal(oriane, clip):
    result = oriane("run", "--out", "out", clip("two_frames").path)
    assert "\r" not in result.err and "\x1b" not in result.err + result.out


def test_several_files_and_folders(oriane, clip, tmp_path):
    folder = tmp_path / "in" / "deeper"
    folder.mkdir(parents=True)
    for i, name in enumerate(("one_frame", "two_frames")):
        shutil.copy(clip(name).path, folder / f"{i} Ünïcode, spaces & more.mp4")
    (folder / "notes.txt").write_text("no video")
    (folder / ".hidden.mp4").write_text("hidden")
    result = oriane.run("in", clip("odd").path)
    assert result.code == 0, result
    assert len(result.lines) == 3
    codes = [v["code"] for v in result.lines]
    assert len(set(codes)) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,128}", c) and c[0] != "." for c in codes)


def test_same_stem_in_two_folders_stays_apart(oriane, clip, tmp_path):
    for folder, name in (("a", "one_frame"), ("b", "two_frames")):
        (tmp_path / folder).mkdir()
        shutil.copy(clip(name).path, tmp_path / folder / "video.mp4")
    result = oriane.run("a/video.mp4", "b/video.mp4")
    assert result.code == 0, result
    first, second = (v["code"] for v in result.lines)
    assert first != second and first.startswith("video-") and second.startswith("video-")


def test_the_same_file_twice_is_done_once(oriane, clip):
    path = clip("one_frame").path
    result = oriane.run(path, path)
    assert result.code == 0 and len(result.lines) == 1, result


def test_long_and_hostile_names(oriane, clip, tmp_path):
    names = ["x" * 240 + ".mp4", "-rf.mp4", "..mp4", "a\nb\x1b[31m.mp4", "#%&;'\".mp4"]
    (tmp_path / "in").mkdir()
    for name in names:
        shutil.copy(clip("one_frame").path, tmp_path / "in" / name)
    result = oriane.run("--", *(f"in/{n}" for n in names))
    assert result.code == 0, result
    assert len(result.lines) == len(names)
    assert len({v["code"] for v in result.lines}) == len(names)
    for video in result.lines:
        assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", video["code"])
        assert harness.frames_folder(tmp_path / "out", video).is_dir()
    assert "\x1b" not in result.err


@pytest.mark.parametrize("asked,extension,kind", [
    ("png", "png", "PNG"), ("jpeg", "jpg", "JPEG"), ("jpg", "jpg", "JPEG"), ("webp", "webp", "WEBP")])
def test_frame_formats(oriane, clip, tmp_path, asked, extension, kind):
    video = oriane.run(clip("two_frames").path, settings={"VP_FRAME_FORMAT": asked}).one
    assert video["frames"]
    for n, frame in enumerate(video["frames"], 1):
        check_frame(frame, n, video, tmp_path / "out", extension)
        with Image.open(tmp_path / "out" / "frames" / frame["path"]) as image:
            assert image.format == kind


def test_frame_quality_changes_the_size(oriane, clip, tmp_path):
    sizes = []
    for quality in (10, 95):
        settings = {"VP_FRAME_FORMAT": "jpeg", "VP_FRAME_QUALITY": quality}
        video = oriane.run(clip("one_frame").path, out=f"out{quality}", settings=settings).one
        path = tmp_path / f"out{quality}" / "frames" / video["frames"][0]["path"]
        sizes.append(path.stat().st_size)
    assert sizes[0] * 2 < sizes[1]


def test_missing_model_stops_before_any_work(oriane, clip, tmp_path):
    result = oriane.run(clip("one_frame").path, settings={"CLIP_MODEL": "openai/clip-vit-base-patch32"})
    assert result.code == 1 and result.out == "", result
    assert "openai/clip-vit-base-patch32" in result.err
    assert not list(tmp_path.rglob("*.png"))


def test_unknown_builtin_model(oriane, clip):
    result = oriane.run(clip("one_frame").path, settings={"CLIP_MODEL": "builtin/nonsense"})
    assert result.code in (1, 2) and "builtin/visual-512" in result.err, result


def test_wrong_dimension(oriane, clip):
    result = oriane.run(clip("one_frame").path, settings={"QDRANT_DIM": 768})
    assert result.code in (1, 2), result
    assert "768" in result.err and "512" in result.err


def test_output_folder_inside_the_input_folder(oriane, clip, tmp_path):
    """Its own frames are no input, the second run finds the same videos."""
    (tmp_path / "in").mkdir()
    shutil.copy(clip("one_frame").path, tmp_path / "in" / "a.mp4")
    for _ in range(2):
        result = oriane.run("in", out="in/out")
        assert result.code == 0 and len(result.lines) == 1, result


def test_crop_and_dedup_can_be_switched_off(oriane, clip):
    video = oriane.run(clip("letterbox").path, settings={"VP_ENABLE_CROP": 0}).one
    assert video["crop"] is None
    assert all((f["width"], f["height"]) == (320, 180) for f in video["frames"])


def test_flags_are_settings(oriane, clip):
    result = oriane.run(clip("letterbox").path, "--enable-crop=0", "--frame-format", "jpeg")
    video = result.one
    assert video["crop"] is None
    assert all(f["path"].endswith(".jpg") for f in video["frames"])


def test_video_relative_and_absolute_is_the_same(oriane, clip, tmp_path):
    shutil.copy(clip("one_frame").path, tmp_path / "a.mp4")
    first = oriane.run("a.mp4").one
    second = oriane.run(tmp_path / "a.mp4").one
    assert first["code"] == second["code"] and second["skipped"] is True
