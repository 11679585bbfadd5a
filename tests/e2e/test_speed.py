"""VP_SPEED: what fast and turbo find, leave out, and say."""

import json
import subprocess

import numpy as np
import pytest
from PIL import Image

import clips
import film

FRAME_S = 1 / 24
SLACK_S = 0.006  # names of frames have two digits


@pytest.fixture(scope="session")
def encoded(tmp_path_factory):
    """encoded("clip", "name.mkv", options...): another encoding of a clip."""
    folder = tmp_path_factory.mktemp("encoded")

    def make(name, to, *options):
        path = folder / f"{name}-{to}"
        if not path.exists():
            subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(clips.get(name).path),
                            *film.BT709, *options, str(path)], check=True)
        return path
    return make


X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20")
FIXED = (*X264, "-sc_threshold", "0", "-g", "36")


def run(oriane, path, speed, **settings):
    out = f"out-{speed}"
    result = oriane.run(path, out=out, settings={"VP_SPEED": speed, **settings})
    assert result.code == 0, result
    return oriane.folder / out, result.one


def starts(video):
    return [s["start"] for s in video["scenes"][1:]]


def key_frames(path):
    said = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
                           "packet=pts_time,flags", "-of", "json", str(path)], capture_output=True,
                          text=True, check=True).stdout
    return sorted(float(p["pts_time"]) for p in json.loads(said)["packets"] if "K" in p["flags"])


def warned(video, code):
    return [w for w in video["warnings"] if w.startswith(code)]


@pytest.mark.parametrize("name", ["cuts", "sources", "dissolves", "fades_black", "flashes", "pans"])
@pytest.mark.parametrize("options", [X264, FIXED], ids=["scene-cut", "fixed"])
def test_fast_finds_the_scenes_of_exact(oriane, encoded, name, options):
    path = encoded(name, "fixed.mkv" if options is FIXED else "cut.mkv", *options)
    exact = run(oriane, path, "exact")[1]
    fast = run(oriane, path, "fast")[1]
    assert len(fast["scenes"]) == len(exact["scenes"]), (starts(fast), starts(exact))
    windows = clips.get(name).truth.get("windows", [])
    for a, b in zip(starts(fast), starts(exact)):
        is_gradual = any(first - 0.1 <= b <= last + 0.1 for first, last in windows)
        assert abs(a - b) <= (0.25 if is_gradual else FRAME_S + 0.002)
    assert fast["duration"] == pytest.approx(exact["duration"], abs=FRAME_S)
    for number, scene in enumerate(fast["scenes"], 1):
        assert scene.get("duplicate_of") or any(f["scene"] == number for f in fast["frames"])
    assert not warned(fast, "speed_exact")


def test_turbo_times_are_those_of_key_frames(oriane, encoded):
    path = encoded("cuts", "cut.mkv", *X264)
    keys = key_frames(path)
    video = run(oriane, path, "turbo")[1]
    assert len(video["scenes"]) == 6
    for second in starts(video):
        assert min(abs(second - k) for k in keys) < 0.002
    for frame in video["frames"]:
        assert min(abs(frame["second"] - k) for k in keys) < SLACK_S


@pytest.mark.parametrize("speed", ["fast", "turbo"])
@pytest.mark.parametrize("name", ["cuts", "pans"])
def test_kept_frames_are_what_exact_decodes_there(oriane, encoded, tmp_path, name, speed):
    """No picture is kept that lacks a reference or the loop filter, and none under another time."""
    path = encoded(name, "fixed.mkv", *FIXED)
    folder, video = run(oriane, path, speed, VP_ENABLE_CROP="0", VP_FRAME_FORMAT="png")
    assert video["frames"]
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(path),
                    str(tmp_path / "%04d.png")], check=True)

    def grey_of(path):
        with Image.open(path) as image:
            return np.asarray(image.convert("L")).astype(int)
    for frame in video["frames"]:
        at = round(frame["second"] * 24)
        kept = grey_of(folder / "frames" / frame["path"])
        off = {i: np.abs(kept - grey_of(tmp_path / f"{i + 1:04}.png")).mean()
               for i in (at - 1, at, at + 1) if (tmp_path / f"{i + 1:04}.png").exists()}
        # the two conversions to RGB differ by rounding, and by how chroma is spread
        assert off[at] < 1.5 and off[at] == min(off.values()), (frame, off)


def test_less_is_decoded(oriane, encoded):
    path = encoded("cuts", "cut.mkv", *X264)
    whole = len(json.loads(subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=size", "-of",
         "json", str(path)], capture_output=True, text=True, check=True).stdout)["packets"])
    decoded = {}
    for speed in ("exact", "fast", "turbo"):
        result = oriane.run(path, out=f"out-{speed}", settings={"VP_SPEED": speed,
                                                                "LOG_LEVEL": "debug"})
        decoded[speed] = result.one["timings"]["decode"]
    assert len(key_frames(path)) < whole / 10
    assert decoded["turbo"] < decoded["exact"]


@pytest.mark.parametrize("speed", ["fast", "turbo"])
@pytest.mark.parametrize("to, options", [
    ("mjpeg.mkv", ("-c:v", "mjpeg", "-q:v", "4")),
    ("ffv1.mkv", ("-c:v", "ffv1")),
    ("x264.avi", X264),
    ("fields.ts", (*X264, "-flags", "+ilme+ildct", "-top", "1")),
])
def test_without_key_frames_that_tell_it_is_exact_and_says_so(oriane, encoded, speed, to, options):
    path = encoded("cuts", to, *options)
    exact_out, exact = run(oriane, path, "exact")
    out, video = run(oriane, path, speed)
    assert warned(video, "speed_exact"), video["warnings"]
    assert not warned(exact, "speed_exact")
    assert video["scenes"] == exact["scenes"]
    assert [f["second"] for f in video["frames"]] == [f["second"] for f in exact["frames"]]
    for a, b in zip(video["frames"], exact["frames"]):
        assert (out / "frames" / a["path"]).read_bytes() == \
            (exact_out / "frames" / b["path"]).read_bytes()


@pytest.mark.parametrize("to, options", [
    ("hevc.mkv", ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                  "log-level=none:pools=1:open-gop=1:keyint=48:bframes=3")),
    ("vp9.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "2M")),
    ("mpeg2.ts", ("-c:v", "mpeg2video", "-q:v", "3", "-bf", "2", "-g", "24")),
    ("x264.ts", X264), ("x264.mp4", X264),
    ("open.mp4", (*X264, "-x264-params", "open-gop=1:keyint=48:b-pyramid=normal:bframes=4")),
])
def test_other_codecs_and_open_groups(oriane, encoded, to, options):
    path = encoded("cuts", to, *options)
    truth = clips.get("cuts").truth["cuts"]
    found = starts(run(oriane, path, "fast")[1])
    assert len(found) == len(truth) and \
        all(abs(a - b) <= FRAME_S + 0.002 for a, b in zip(found, truth)), (found, truth)
    assert run(oriane, path, "turbo")[1]["frames"]


@pytest.mark.parametrize("speed", ["fast", "turbo"])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.9, 0.99])
def test_a_cut_file_ends_as_with_exact(oriane, encoded, tmp_path, speed, share):
    data = encoded("cuts", "x264.ts", *X264).read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(data[:int(len(data) * share)])
    exact = oriane.run(path, out="a", settings={"VP_SPEED": "exact"}).one
    video = oriane.run(path, out="b", settings={"VP_SPEED": speed}).one
    assert video["status"] == exact["status"]
    assert (video["error"] or {}).get("code") == (exact["error"] or {}).get("code")
    assert bool(warned(video, "truncated")) == bool(warned(exact, "truncated"))


def test_another_speed_is_another_result(oriane, encoded):
    path = encoded("cuts", "cut.mkv", *X264)
    for speed, is_known in (("exact", False), ("exact", True), ("fast", False), ("fast", True),
                            ("turbo", False), ("exact", False)):
        video = oriane.run(path, settings={"VP_SPEED": speed}).one
        assert bool(video.get("skipped")) == is_known, speed
