"""VP_SAVE_CROPPED: the cropped clip, as ffprobe and ffmpeg see it. Films are the suite's letterbox in other
clothes. Where nothing is said of the program, the decode child is one that is killed by the first system
call that is not on its list."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest

import clips
import harness
from test_s3 import gateway  # noqa: F401  a fixture
from test_run_s3 import World

STRICT = harness.BUILD / "tests" / "component" / "oriane_strict"
ON = {"VP_SAVE_CROPPED": 1, "VP_CROP_PRESET": "p2"}
X264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18"]
X265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=1"]
SINE = ["-f", "lavfi", "-i", "sine=440:d=5", "-c:v", "copy"]
PQ = ["-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", "smpte2084",
      "-color_range", "tv"]
VFR = "setpts='if(lt(N,48),N/24,if(lt(N,78),2+(N-48)/10,5+(N-78)/2))/TB'"
FILMS = {
    "plain.mp4": ["-c", "copy"],
    "short.mp4": ["-frames:v", 24, *X264],
    "vfr.mp4": ["-vf", VFR, "-fps_mode", "vfr", *X264],
    "aac.mp4": [*SINE, "-c:a", "aac"],
    "aac.ts": [*SINE, "-c:a", "aac"],
    "opus.mkv": [*SINE, "-c:a", "libopus"],
    "mp3.avi": [*SINE, "-c:a", "libmp3lame", "-c:v", "mpeg4", "-q:v", 2],
    "pcm.mov": [*SINE, "-c:a", "pcm_s16le"],
    "ten.mkv": ["-pix_fmt", "yuv420p10le", *X265, *PQ],
    "c422.mkv": ["-pix_fmt", "yuv422p", *X264],
    "odd.mkv": ["-vf", "crop=319:179:0:0:exact=1,format=yuv444p", *X264],
    "odd_pillar.mkv": ["-vf", "transpose=1,crop=179:319:0:0:exact=1,format=yuv420p", "-c:v", "ffv1"],
    "wide.mp4": ["-vf", "setsar=4/3", *X264],
    "full.avi": ["-c:v", "mjpeg", "-q:v", 2],
    "grey.mkv": ["-pix_fmt", "gray", "-c:v", "ffv1"],
    "rgb.mkv": ["-pix_fmt", "bgr0", "-c:v", "ffv1"],
    "turned.mp4": ["-c", "copy", "-metadata:s:v:0", "rotate=90"],
    "one.mp4": ["-frames:v", 1, *X264],
}


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")

    def get(name):
        path = folder / name
        if not path.exists():
            clips.ffmpeg("-i", clips.get("letterbox").path, *FILMS[name], path)
        return path
    return get


@pytest.fixture
def strict(tmp_path):
    return harness.Oriane(tmp_path, STRICT)


def probe(path, stream="v:0"):
    said = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", stream, "-show_entries",
         "frame=pts_time:stream:format=start_time", "-of", "json", path],
        capture_output=True, text=True, check=True)
    assert said.stderr == "", said.stderr
    found = json.loads(said.stdout)
    origin = float(found["format"].get("start_time", 0))
    times = [float(f["pts_time"]) for f in found["frames"]]
    return found["streams"][0] if found["streams"] else None, times, origin


def make(program, path, settings=None, out="out"):
    """The row of a run, and where its clip is (None: nowhere)."""
    result = program.run(path, out=out, settings={**ON, **(settings or {})})
    assert result.code == 0, result
    row = result.one
    clip = row["clip"] and program.folder / out / "frames" / row["clip"]["path"]
    return row, clip


def clips_in(folder):
    return sorted(p.name for p in folder.rglob("cropped*"))


def upright_size(stream):
    sides = [s.get("rotation") for s in stream.get("side_data_list", [])]
    size = stream["width"], stream["height"]
    return size[::-1] if any(r in (90, -90) for r in sides) else size


@pytest.mark.parametrize("name", FILMS)
def test_box_frames_and_times(strict, film, name):
    source = film(name)
    row, clip = make(strict, source)
    stream, times, _ = probe(clip)
    _, wanted, origin = probe(source)
    assert len(times) == len(wanted)
    assert times == pytest.approx([t - origin for t in wanted], abs=0.0003)  # what a file is exact to
    crop = row["crop"]
    even = tuple((side + 1) // 2 * 2 for side in (crop["w"], crop["h"]))
    assert upright_size(stream) == even == (row["clip"]["width"], row["clip"]["height"])
    assert clip.name == f"cropped_{even[0]}x{even[1]}.mp4"
    assert row["clip"]["bytes"] == clip.stat().st_size
    said = subprocess.run(["ffmpeg", "-v", "warning", "-i", clip, "-f", "null", "-"],
                          capture_output=True, text=True, check=True)
    assert said.stderr == ""


@pytest.mark.parametrize("name,expected", [
    ("plain.mp4", {"codec_name": "h264", "pix_fmt": "yuv420p", "color_space": "bt709"}),
    ("ten.mkv", {"codec_name": "hevc", "codec_tag_string": "hvc1", "pix_fmt": "yuv420p10le",
                 "color_space": "bt2020nc", "color_transfer": "smpte2084",
                 "color_primaries": "bt2020", "color_range": "tv"}),
    ("c422.mkv", {"pix_fmt": "yuv422p"}),
    ("full.avi", {"color_range": "pc"}),
    ("wide.mp4", {"sample_aspect_ratio": "4:3"}),
    ("rgb.mkv", {"pix_fmt": "yuv444p", "color_space": "smpte170m", "color_range": "tv"})])
def test_samples_and_colours(strict, film, name, expected):
    stream, _, _ = probe(make(strict, film(name))[1])
    assert {k: stream.get(k) for k in expected} == expected


def hashes(path, *options):
    said = subprocess.run(["ffmpeg", "-v", "error", "-i", path, *options, "-f", "framemd5", "-"],
                          capture_output=True, text=True, check=True)
    return [line.split(",")[-1].strip() for line in said.stdout.splitlines() if line[0] != "#"]


def turn(path):
    """How the container says that the picture is to be turned."""
    return [s["rotation"] for s in probe(path)[0].get("side_data_list", []) if "rotation" in s]


def test_the_turn_is_kept(strict, film):
    row, clip = make(strict, film("turned.mp4"))
    assert turn(clip) == turn(film("turned.mp4")) != []
    assert row["crop"]["h"] > row["crop"]["w"]


@pytest.mark.parametrize("name,encoder", [("plain.mp4", "libx264"), ("plain.mp4", "libx265"),
                                          ("ten.mkv", "libx265"), ("ten.mkv", "libx264"),
                                          ("grey.mkv", "libx264")])
def test_lossless_is_the_picture_itself(strict, film, name, encoder):
    """To the bit, and from the very place that the box names."""
    row, clip = make(strict, film(name), {"VP_CROP_TUNE": "lossless", "VP_CROP_PRESET": "p1",
                                          "VP_CROP_ENCODER": encoder})
    crop, grey = row["crop"], ["-pix_fmt", "gray"] if name == "grey.mkv" else []
    wanted = hashes(film(name), *grey, "-vf", f"crop={crop['w']}:{crop['h']}:{crop['x']}:{crop['y']}")
    assert hashes(clip, *grey) == wanted
    assert row["clip"]["encoder"] == encoder


@pytest.mark.parametrize("name", ["odd.mkv", "odd_pillar.mkv"])
def test_an_odd_edge_is_doubled(strict, film, name):
    """The bottom line of the one, which has bars at its sides, the right column of the other."""
    row, clip = make(strict, film(name), {"VP_CROP_TUNE": "lossless"})
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", clip, "-pix_fmt", "gray", "-f", "rawvideo", "-"],
                         capture_output=True, check=True).stdout
    width, height = row["clip"]["width"], row["clip"]["height"]
    picture = np.frombuffer(raw, np.uint8).reshape(-1, height, width)
    if name == "odd.mkv":
        assert row["crop"]["x"] + row["crop"]["w"] == 319
        picture = picture.transpose(0, 2, 1)
    else:
        assert row["crop"]["y"] + row["crop"]["h"] == 319
    assert (picture[:, -1] == picture[:, -2]).all() and (picture[:, -2] != picture[:, -3]).any()


# ---- sound ----

def sound(path):
    """The packets' own bytes, however the container dresses them."""
    said = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_data_hash", "md5",
                           "-show_entries", "packet=data_hash", "-of", "csv=p=0", path],
                          capture_output=True, text=True, check=True)
    return re.findall("MD5:[0-9a-f]+", said.stdout)


@pytest.mark.parametrize("name", ["aac.mp4", "opus.mkv", "mp3.avi"])
def test_sound_is_copied(strict, film, name):
    row, clip = make(strict, film(name))
    assert row["clip"]["audio"] is True and row["warnings"] == []
    assert sound(clip) == sound(film(name))


def test_sound_of_a_transport_stream(strict, film):
    """Its packets lose their headers; what is heard, and when, stays."""
    row, clip = make(strict, film("aac.ts"))
    _, times, _ = probe(clip, "a:0")
    _, wanted, origin = probe(film("aac.ts"), "a:0")
    assert row["clip"]["audio"] is True
    assert times == pytest.approx([t - origin for t in wanted], abs=0.001)


def test_sound_that_mp4_does_not_know(strict, film):
    row, clip = make(strict, film("pcm.mov"))
    assert row["clip"]["audio"] is False and row["warnings"] == ["audio_dropped"]
    assert probe(clip, "a:0")[0] is None
    again = strict.run(film("pcm.mov"), settings=ON).one
    assert again["skipped"] is True and again["clip"] == row["clip"]


def test_sound_that_comes_late(strict, tmp_path):
    """After the file's head had to be written without it."""
    late = tmp_path / "late.mp4"
    clips.ffmpeg("-stream_loop", 12, "-i", clips.get("letterbox").path, "-itsoffset", 45, "-f", "lavfi",
                 "-i", "sine=440:d=8", "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", late)
    row, clip = make(strict, late, {"VP_CROP_PRESET": "p1"})
    _, times, _ = probe(clip, "a:0")
    assert row["clip"]["audio"] and times == pytest.approx(probe(late, "a:0")[1], abs=0.001)


# ---- settings ----

def options_in(clip):
    """What x264 and x265 write of their settings into the stream."""
    found = re.search(rb"options: ([ -~]+)", clip.read_bytes())
    return found.group(1).decode().strip()


@pytest.fixture(scope="module")
def tried(tmp_path_factory, film):
    """tried(name, value, encoder): options and bytes of the short film's clip, made once."""
    known, program = {}, harness.Oriane(tmp_path_factory.mktemp("tried"))

    def get(name, value, encoder="libx264"):
        key = name, str(value), encoder
        if key not in known:
            settings = {"VP_CROP_ENCODER": encoder, "VP_CROP_PRESET": "faster", name: value}
            row, clip = make(program, film("short.mp4"), settings, "-".join(key))
            assert row["clip"]["encoder"] == encoder
            known[key] = options_in(clip), row["clip"]["bytes"]
        return known[key]
    return get


X26X = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]
TWINS = {"p1": "ultrafast", "p2": "veryfast", "p3": "fast", "p4": "medium", "p5": "slow", "p6": "slower",
         "p7": "veryslow"}
TUNES = ["hq", "ll", "ull", "lossless", "film", "animation", "grain", "stillimage", "fastdecode",
         "psnr", "ssim"]


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_each_preset_has_an_effect(tried, encoder):
    said = [tried("VP_CROP_PRESET", preset, encoder)[0] for preset in X26X]
    assert len(set(said)) == len(X26X)


@pytest.mark.parametrize("preset", TWINS)
def test_presets_of_nvenc_are_the_nearest_of_x264(tried, preset):
    assert tried("VP_CROP_PRESET", preset) == tried("VP_CROP_PRESET", TWINS[preset])


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_each_tune_has_an_effect(tried, encoder):
    said = {tune: tried("VP_CROP_TUNE", tune, encoder)[0] for tune in TUNES}
    assert len(set(said.values())) == len(TUNES), said
    assert tried("VP_CROP_TUNE", "zerolatency", encoder) == tried("VP_CROP_TUNE", "ll", encoder)


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_quality(tried, encoder):
    sizes = [tried("VP_CROP_CQ", cq, encoder)[1] for cq in (5, 15, 23, 35, 51)]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == len(sizes)
    for cq in (15, 35):
        assert f"crf={cq}.0" in tried("VP_CROP_CQ", cq, encoder)[0]


def has_nvenc():
    return subprocess.run(["ffmpeg", "-v", "quiet", "-f", "lavfi", "-i", "testsrc=size=256x256:d=0.1",
                           "-c:v", "h264_nvenc", "-f", "null", "-"], check=False).returncode == 0


@pytest.mark.skipif(has_nvenc(), reason="this machine has what the test is to do without")
@pytest.mark.parametrize("asked,used,name,warnings", [
    ("auto", "libx264", "short.mp4", []), ("auto", "libx265", "ten.mkv", []),
    ("h264_nvenc", "libx264", "short.mp4", ["encoder_fallback"]),
    ("hevc_nvenc", "libx265", "short.mp4", ["encoder_fallback"]),
    ("libx265", "libx265", "short.mp4", [])])
@pytest.mark.parametrize("force_cpu", [0, 1])
def test_without_a_gpu(oriane, film, asked, used, name, warnings, force_cpu):
    result = oriane.run(film(name), settings={**ON, "VP_CROP_ENCODER": asked, "FORCE_CPU": force_cpu})
    assert result.one["clip"]["encoder"] == used and result.one["warnings"] == warnings
    said = [json.loads(s) for s in result.err.splitlines() if '"clip.encoded"' in s]
    assert len(said) == 1 and said[0]["encoder"] == used, result.err
    assert ("nvenc" in said[0]["instead_of"]) == (asked != "libx265"), said
    assert ("the GPU is not used" in said[0]["instead_of"]) == (asked != "libx265" and force_cpu == 1)


# ---- where it is, and when it is not ----

@pytest.mark.parametrize("settings", [{}, {"VP_ENABLE_CROP": 0}])
def test_nothing_to_crop(oriane, film, clip, settings):
    path = film("short.mp4") if settings else clip("cuts").path
    result = oriane.run(path, settings={**ON, **settings})
    assert result.code == 0 and result.one["clip"] is None
    assert result.one["warnings"] == ["nothing_cropped"] and clips_in(oriane.folder) == []


def test_bars_in_one_half_alone(oriane, tmp_path):
    """One box for the clip, and it loses nothing: here the whole picture, so there is no clip."""
    mixed = tmp_path / "mixed.mp4"
    clips.ffmpeg("-i", clips.get("letterbox").path, "-filter_complex",
                 "[0:v]split[a][b];[b]crop=320:132:0:24,scale=320:180[c];[a][c]concat=n=2", *X264, mixed)
    row, path = make(oriane, mixed)
    assert path is None and row["crop"] is None and any(s.get("crop") for s in row["scenes"])


def test_off_there_is_none(oriane, film):
    row = oriane.run(film("short.mp4")).one
    assert row["clip"] is None and row["warnings"] == [] and clips_in(oriane.folder) == []
    assert "clip" not in json.loads(next(oriane.folder.rglob("manifest.json")).read_text())


def test_reruns(oriane, film):
    row, path = make(oriane, film("short.mp4"))
    first = path.read_bytes()
    manifest = json.loads((path.parent / "manifest.json").read_text())
    assert manifest["clip"] == row["clip"] and manifest["complete"] is True
    assert make(oriane, film("short.mp4"))[0]["skipped"] is True
    path.unlink()
    assert make(oriane, film("short.mp4"))[0]["skipped"] is False and path.read_bytes() == first
    path.write_bytes(first[:-1])
    assert make(oriane, film("short.mp4"))[0]["skipped"] is False and path.read_bytes() == first
    other = make(oriane, film("short.mp4"), {"VP_CROP_CQ": 40})[0]
    assert other["skipped"] is False and path.stat().st_size == other["clip"]["bytes"] < len(first)
    for foreign in ("cropped.mp4", "cropped_320x.mp4", "cropped_notes.txt"):
        (path.parent / foreign).write_text("not ours")
    assert oriane.run(film("short.mp4")).one["clip"] is None
    assert clips_in(oriane.folder) == ["cropped.mp4", "cropped_320x.mp4", "cropped_notes.txt"]


def test_a_clip_of_another_size_goes(oriane, film):
    _, path = make(oriane, film("short.mp4"))
    _, other = make(oriane, film("short.mp4"), {"VP_CROP_SAFE_MARGIN": 10})
    assert path.name != other.name and clips_in(oriane.folder) == [other.name]


@pytest.mark.parametrize("harm,fault", [(lambda p: p.unlink(), "clip_missing"),
                                        (lambda p: p.write_bytes(p.read_bytes()[:-1]), "clip_damaged")])
def test_verify_names_a_lost_clip(oriane, film, harm, fault):
    _, path = make(oriane, film("short.mp4"))
    verify = ["verify", "--json", "--all"]
    settings = {"VP_OUTPUT_DIR": "out"}
    assert oriane(*verify, settings=settings).one["status"] == "ok"
    harm(path)
    row = oriane(*verify, settings=settings).one
    assert [f["code"] for f in row["faults"]] == [fault] and row["status"] == "differs"
    assert make(oriane, film("short.mp4"))[0]["skipped"] is False
    assert oriane(*verify, settings=settings).one["status"] == "ok"


def test_verify_deletes_a_stale_clip(oriane, film):
    oriane.run(film("short.mp4"))
    folder = next(oriane.folder.rglob("manifest.json")).parent
    (folder / "cropped_12x34.mp4").write_text("of another run")
    row = oriane("verify", "--json", "--all", settings={"VP_OUTPUT_DIR": "out"}).one
    assert row["status"] == "repaired" and [f["code"] for f in row["faults"]] == ["clip_stale"]
    assert clips_in(oriane.folder) == []


# ---- how it ends ----

@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", folder]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("setting", ["VP_TMP_DIR", "VP_FRAMES_DIR"])
def test_full_disk(oriane, film, small_disk, setting):
    settings = {**ON, "VP_CROP_TUNE": "lossless", "VP_CROP_PRESET": "p1", setting: small_disk / "x"}
    result = oriane.run(film("plain.mp4"), settings=settings)
    assert result.code == 1 and result.one["error"]["code"] == "disk_full", result
    assert result.one["error"]["stage"] == "clip"
    assert clips_in(oriane.folder) == [] and harness.leftovers(oriane.folder) == []
    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    assert oriane.run(film("plain.mp4"), settings=settings).one["clip"]["bytes"] > 600_000


@pytest.fixture
def long_film(tmp_path):
    path = tmp_path / "long.mp4"
    clips.ffmpeg("-stream_loop", 20, "-i", clips.get("letterbox").path, "-c", "copy", path)
    return path


SLOW = {"VP_SAVE_CROPPED": 1, "VP_CROP_PRESET": "veryslow", "VP_CROP_TUNE": "lossless",
        "VP_CROP_ENCODER": "libx265"}


def second_child(process):
    """The one that encodes."""
    first = harness.wait_until(lambda: harness.children_of(process.pid), 20, "a decode child")
    return harness.wait_until(lambda: set(harness.children_of(process.pid)) - set(first), 60,
                              "the child of the clip").pop()


def test_interrupted(oriane, long_film):
    process = oriane.start("run", "--json", "--out", "out", long_film, settings=SLOW)
    child = second_child(process)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - sent < 2 and process.returncode == 1, err
    assert json.loads(out)["status"] == "stopped" and not harness.is_alive(child)
    assert clips_in(oriane.folder) == [] and harness.leftovers(oriane.folder) == []


def test_out_of_time(oriane, long_film):
    result = oriane.run(long_film, settings={**SLOW, "VP_ITEM_TIMEOUT": 4})
    error = result.one["error"]
    assert (error["code"], error["stage"]) == ("timeout", "clip"), result
    assert clips_in(oriane.folder) == [] and harness.leftovers(oriane.folder) == []


def test_out_of_memory(oriane, long_film):
    result = oriane.run(long_film, settings={**SLOW, "VP_DECODE_MEMORY": "48m"})
    assert result.one["error"]["code"] in ("limit_exceeded", "decoder_crashed"), result
    assert clips_in(oriane.folder) == []


@pytest.mark.parametrize("encoder", ["libx265", "hevc_nvenc"])
def test_the_child_is_killed(oriane, film, encoder):
    """With an encoder of a GPU it might have been its driver: the clip is then made without."""
    settings = {**ON, "VP_CROP_ENCODER": encoder, "VP_CROP_PRESET": "slow"}
    process = oriane.start("run", "--json", "--out", "out", film("plain.mp4"), settings=settings)
    os.kill(second_child(process), signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    row = json.loads(out)
    if encoder == "libx265":
        assert row["error"]["code"] == "decoder_crashed" and row["error"]["stage"] == "clip", row
        assert clips_in(oriane.folder) == [] and b"clip.again" not in err
    else:
        assert row["clip"]["encoder"] == "libx265" and b"clip.again" in err, row


@pytest.mark.parametrize("seed", range(4242, 4242 + harness.kill_rounds(60, 5)))
def test_a_killed_run_is_a_replay(oriane, film, tmp_path, seed):
    rng = random.Random(seed)
    videos = [film("short.mp4"), film("vfr.mp4")]
    begin = time.monotonic()
    assert oriane.run(*videos, out="whole", settings=ON).code == 0
    wall = time.monotonic() - begin
    if rng.random() < 0.5:  # over another clip
        assert oriane.run(*videos, settings={**ON, "VP_CROP_CQ": 40}).code == 0
    process = oriane.start("run", "--json", "--out", "out", *videos, settings=ON,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=rng.uniform(0.1, 1.0) * wall)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert oriane.run(*videos, settings=ON).code == 0
    assert harness.effects(tmp_path / "out") == harness.effects(tmp_path / "whole"), seed
    assert harness.leftovers(tmp_path / "out") == []


def test_no_clip_stays_of_a_run_that_was_killed(oriane, film):
    """Killed with the clip in its place, then run without one."""
    for wait in (0.2, 0.5, 0.8):
        process = oriane.start("run", "--json", "--out", "out", film("vfr.mp4"),
                               settings={**ON, "VP_CROP_CQ": int(wait * 40)},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        second_child(process)
        time.sleep(wait)
        process.kill()
        process.wait()
        assert oriane.run(film("vfr.mp4")).code == 0
        assert clips_in(oriane.folder) == []
        shutil.rmtree(oriane.folder / "out")


# ---- in a bucket ----

def test_into_a_bucket(oriane, film, gateway):
    """In parts where it is large; the same bytes as in a folder; gone when it is not wanted any more."""
    world = World(gateway)
    _, local = make(oriane, film("aac.mp4"), out="local")
    settings = {**ON, **world.settings(), "VP_CROP_TUNE": "hq"}

    def run(**more):
        result = oriane("run", "--json", "--out", "far", "--upload", film("aac.mp4"),
                        settings={**settings, **more})
        assert result.code == 0, result
        return result.one

    def stored():
        return [key for key in world.s3.keys(world.frames) if "cropped" in key]

    row = run()
    assert stored() == [row["clip"]["path"]]
    headers, body = world.s3.get(world.frames, row["clip"]["path"])
    assert body == local.read_bytes() and headers["Content-Type"] == "video/mp4"
    assert clips_in(oriane.folder / "far") == [] and run()["skipped"] is True
    world.s3.request("DELETE", f"/{world.frames}/{row['clip']['path']}")
    assert run()["skipped"] is False and stored() == [row["clip"]["path"]]
    assert run(VP_SAVE_CROPPED=0)["clip"] is None and stored() == []


def test_a_large_clip_goes_in_parts(oriane, tmp_path, gateway):
    world = World(gateway)
    noise = tmp_path / "noise.mp4"
    clips.ffmpeg("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=24:d=3", "-vf",
                 "noise=alls=60:allf=t,pad=640:480:0:60", "-c:v", "libx264", "-preset", "ultrafast", "-qp", 0, noise)
    result = oriane("run", "--json", "--out", "far", "--upload", noise,
                    settings={**ON, **world.settings(), "VP_CROP_TUNE": "lossless", "VP_CROP_PRESET": "p1",
                              "AWS_MULTIPART_THRESHOLD": 5242880})
    assert result.code == 0, result
    clip = result.one["clip"]
    headers, body = world.s3.get(world.frames, clip["path"])
    assert clip["bytes"] > 10 << 20 and len(body) == clip["bytes"]
    assert re.search(r"-[0-9]+\"?$", headers["ETag"]), headers  # of parts
