"""The score track: classic against ffmpeg's own filter, digit by digit; and scenes tried again from it,
which must be those of a run with the same settings."""

import os
import json
import re
import subprocess

import pytest

import harness

# name: what ffmpeg makes of testsrc2 and cuts, and the pixel format it has
RENDERED = {
    "8bit": ("yuv420p", "libx264", "mp4", "320x180"),
    "full_range": ("yuvj420p", "mjpeg", "mov", "160x90"),
    "10bit": ("yuv420p10le", "libx265", "mp4", "320x180"),
    "odd": ("yuv444p", "libx264", "mkv", "161x91"),
    "yuv422": ("yuv422p", "libx264", "mkv", "160x90"),
    "yuv422_10": ("yuv422p10le", "libx264", "mkv", "160x90"),
    "yuv444_10": ("yuv444p10le", "libx265", "mkv", "160x90"),
    "grey": ("gray", "libx264", "mkv", "162x92"),
    "planar_rgb": ("gbrp", "libx264rgb", "mkv", "163x91"),
    "packed_rgb": ("rgb24", "png", "mov", "97x53"),
    "alpha": ("rgba", "png", "mov", "64x48"),
    "palette": ("pal8", "gif", "gif", "96x54"),
}
SOURCE = ("testsrc2=s={size}:r=25:d=1.2[a];color=c=red:s={size}:r=25:d=0.4[b];mandelbrot=s={size}:r=25[c];"
          "[c]trim=duration=1.2[d];[a][b][d]concat=n=3")
THRESHOLDS = (0.05, 0.1, 0.22, 0.4, 0.7, 1)


def render(name, folder):
    pixels, codec, container, size = RENDERED[name]
    encoders = subprocess.run(["ffmpeg", "-hide_banner", "-encoders"], capture_output=True, text=True).stdout
    if f" {codec} " not in encoders:
        pytest.skip(f"skipped: this ffmpeg has no encoder {codec}")
    path = folder / f"{name}.{container}"
    extra = ["-x265-params", "log-level=none"] if codec == "libx265" else []
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-filter_complex", SOURCE.format(size=size), "-c:v", codec,
                    *([] if codec == "gif" else ["-pix_fmt", pixels]), *extra, path], check=True)
    return path


def ffmpeg_scores(path):
    out = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-vf",
                          "select='gte(scene,0)',metadata=print:key=lavfi.scene_score:file=-", "-f", "null", "-"],
                         check=True, capture_output=True, text=True).stdout
    return [float(s) for s in re.findall(r"lavfi\.scene_score=([0-9.]+)", out)]


def track(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return lines[0], lines[1:-1], lines[-1]


def scores_of(oriane, video, name="track.jsonl", **settings):
    result = oriane.run("--scores", name, "--force", video, settings=settings)
    assert result.code == 0, result
    return result.one, oriane.folder / name


def retried(oriane, path, *flags):
    result = oriane("scenes", "--json", "--from-scores", path, *flags)
    assert result.code == 0, result
    return result.json


def bare(scenes):
    return [{"start": s["start"], "end": s["end"]} for s in scenes]


@pytest.mark.parametrize("name", RENDERED)
def test_classic_is_the_score_of_ffmpeg(oriane, name):
    video = render(name, oriane.folder)
    _, path = scores_of(oriane, video, VP_SCENE_DETECTOR="classic")
    _, frames, _ = track(path)
    theirs = ffmpeg_scores(video)
    assert len(frames) == len(theirs)
    for ours, their in zip(frames, theirs):
        assert ours["score"] == pytest.approx(ours["classic"], abs=1e-6)
        assert ours["classic"] == pytest.approx(their, abs=1.01e-6), ours["pts"]
    assert max(theirs) > 0.05 and sum(s > 0 for s in theirs) > 5  # else nothing was compared


@pytest.mark.parametrize("name", ["cuts", "vfr", "ten_bit", "odd", "rotated_90", "fades_black", "damaged"])
def test_classic_on_the_clips(oriane, clip, name):
    video = clip(name).path
    _, path = scores_of(oriane, video, VP_SCENE_DETECTOR="classic")
    ours = [f["classic"] for f in track(path)[1]]
    theirs = ffmpeg_scores(video)
    if name == "damaged":  # the two leave out other torn pictures
        assert ours
        return
    assert ours == pytest.approx(theirs, abs=1.01e-6)


@pytest.mark.parametrize("threshold", (0, 0.05, 0.3))
def test_a_classic_scene_begins_where_the_score_is_over_the_threshold(oriane, clip, threshold):
    settings = {"VP_SCENE_DETECTOR": "classic", "VP_SCENE_THRESH": threshold}
    found, path = scores_of(oriane, clip("sources").path, **settings)
    head, frames, end = track(path)
    starts = [frames[0]["pts"]] + [f["pts"] for f in frames[1:] if f["classic"] > threshold]
    ends = starts[1:] + [end["end"]]
    assert head["detector"] == "classic" and head["scene_thresh"] == threshold
    assert [s["start"] for s in found["scenes"]] == pytest.approx(starts, abs=0.00051)
    assert [s["end"] for s in found["scenes"]] == pytest.approx(ends, abs=0.00051)


@pytest.mark.parametrize("detector", ["auto", "classic"])
@pytest.mark.parametrize("name", ["sources", "dissolves", "fades_black", "flashes", "vfr"])
def test_scenes_from_scores_are_those_of_a_run(oriane, clip, name, detector):
    """One track, made with the defaults; each threshold then against a run of its own."""
    video = clip(name).path
    _, path = scores_of(oriane, video)
    counts = set()
    for threshold in THRESHOLDS:
        flags = ("--scene-detector", detector, "--scene-thresh", threshold)
        run = oriane.run("--force", *flags, video)
        assert run.code == 0, run
        found = retried(oriane, path, *flags)
        assert found["scenes"] == bare(run.one["scenes"]), threshold
        assert found["duration"] == run.one["duration"]
        counts.add(len(found["scenes"]))
    assert len(counts) > 1 or name != "sources"  # the threshold mattered


def test_what_is_blank_can_be_tried_too(oriane, clip):
    video = clip("fades_black").path
    _, path = scores_of(oriane, video)
    for solid in (0, 20):
        run = oriane.run("--force", "--solid-std", solid, video)
        assert retried(oriane, path, "--solid-std", solid)["scenes"] == bare(run.one["scenes"])


def test_a_track_changes_nothing_of_the_result(oriane, clip):
    plain = oriane.run(clip("sources").path, out="plain")
    with_track = oriane.run("--scores", "track", clip("sources").path, out="with")
    assert plain.code == with_track.code == 0
    assert harness.tree(oriane.folder / "plain/frames") == harness.tree(oriane.folder / "with/frames")


def test_where_tracks_go(oriane, clip):
    one, two = clip("cuts").path, clip("vfr").path
    first = oriane.run("--scores", "a/one.jsonl", one)
    assert first.code == 0 and (oriane.folder / "a/one.jsonl").is_file(), first
    both = oriane.run("--scores", "all", one, two)  # done before: decoded again for the track
    assert both.code == 0, both
    assert sorted(p.name for p in (oriane.folder / "all/local").iterdir()) == \
        sorted(line["code"] + ".jsonl" for line in both.lines)
    assert oriane.run("--scores", "folder/", one).code == 0
    assert list((oriane.folder / "folder/local").iterdir())
    wrong = oriane.run("--scores", "a/one.jsonl", one, two)
    assert wrong.code == 2 and "name a folder" in wrong.err, wrong


def test_a_track_that_cannot_be_written_leaves_the_result(oriane, clip):
    (oriane.folder / "file").write_text("")
    result = oriane.run("--scores", "file/track.jsonl", clip("cuts").path)
    assert result.code == 1 and result.one["status"] == "success", result
    assert "no score track" in result.err
    full = oriane.run("--force", "--scores", "track.jsonl", clip("cuts").path)
    assert full.code == 0, full


def test_a_failed_video_leaves_no_track(oriane, clip):
    result = oriane.run("--scores", "track.jsonl", clip("garbage").path)
    assert result.code == 1 and result.one["status"] == "failed"
    assert not [p for p in oriane.folder.iterdir() if "track" in p.name]


@pytest.mark.parametrize("flags, name", [(("--downscale", "0.25"), "VP_DOWNSCALE"), (("--speed", "turbo"), "VP_SPEED")])
def test_settings_that_need_decoding_are_refused(oriane, clip, flags, name):
    _, path = scores_of(oriane, clip("cuts").path)
    result = oriane("scenes", "--from-scores", path, *flags)
    assert result.code == 2 and name in result.err and "decoding" in result.err, result


HEAD = json.dumps({"format": "oriane-scores", "version": 1, "source": "a.mp4", "speed": "exact", "downscale": 0.5})
END = '{"end":9}'
CLASSIC = ("--scene-detector", "classic")


def frame(pts, classic="0"):
    return f'{{"pts":{pts},"classic":{classic}}}'


def hostile(oriane, text, *flags):
    path = oriane.folder / "hostile.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return oriane("scenes", "--json", "--from-scores", path, *(flags or CLASSIC))


@pytest.mark.parametrize("lines, what", [
    ([HEAD, frame(0), "", END], "line 3"),
    ([HEAD, frame(0), frame(0), END], "does not come after"),
    ([HEAD, frame(2), frame(1), END], "does not come after"),
    ([HEAD, frame("NaN"), END], "not a JSON object"),
    ([HEAD, frame(0, "NaN"), END], "not a JSON object"),
    ([HEAD, frame(0, "1e999"), END], "line 2"),
    ([HEAD, frame(0, "-0.1"), END], "between 0 and 1"),
    ([HEAD, frame(0, "1.1"), END], "between 0 and 1"),
    ([HEAD, frame(0, '"0"'), END], "between 0 and 1"),
    ([HEAD, frame(-1), END], "no time"),
    ([HEAD, frame("1e18"), END], "no time"),
    ([HEAD, frame(0), '{"end":-1}'], "no time"),
    ([HEAD, frame(5), '{"end":4}'], "behind the last"),
    ([HEAD, frame(0)], "cut off"),
    ([HEAD, frame(0), END, frame(10)], "behind the end"),
    ([HEAD, "[]", END], "not a JSON object"),
    ([HEAD, '{"pts":0,"pts":1,"classic":0}', END], "not a JSON object"),
    (["{}", frame(0), END], "header"),
    ([frame(0), END], "header"),
    ([HEAD.replace('"version": 1', '"version": 2'), END], "does not know"),
    (["[" * 60000, END], "not a JSON object"),
])
def test_a_hostile_track_is_refused(oriane, lines, what):
    result = hostile(oriane, "\n".join(lines) + "\n")
    assert result.code == 1 and "bad_scores" in result.err and what in result.err, result
    assert not result.raw


def test_a_track_without_its_last_newline_or_with_nothing_is_refused(oriane):
    assert "cut off" in hostile(oriane, "\n".join([HEAD, frame(0), END])).err
    assert "empty_file" in hostile(oriane, "").err
    assert "bad_scores" in hostile(oriane, b"\0\n").err
    assert "bad_scores" in hostile(oriane, HEAD.encode() + b"\n" + b'{"pts":0\0}\n').err
    assert "not_a_file" in oriane("scenes", "--from-scores", "/dev/zero").err
    assert "not_found" in oriane("scenes", "--from-scores", "nothing").err
    assert oriane("scenes").code == 2


@pytest.mark.parametrize("look", ['null', '1', '""', '"A"', '"AAAA"', '"===="', '"' + "A" * 60000 + '"'])
def test_a_hostile_look_is_refused(oriane, look):
    text = "\n".join([HEAD, f'{{"pts":0,"classic":0,"look":{look}}}', END]) + "\n"
    result = hostile(oriane, text, "--scene-detector", "auto")
    assert result.code == 1 and "no picture" in result.err, result


def test_a_look_is_bounded(oriane):
    import base64
    import zlib

    def look(sides, samples):
        pack = zlib.compressobj(wbits=-15)
        data = pack.compress(bytes(sides) + b"\x80" * samples) + pack.flush()
        line = f'{{"pts":0,"classic":0,"look":"{base64.b64encode(data).decode()}"}}'
        return hostile(oriane, "\n".join([HEAD, line, END]) + "\n", "--scene-detector", "auto")

    luma, chroma = 128 * 128, 2 * 64 * 64
    assert look((128, 128, 64, 64), luma + chroma).json["scenes"] == [{"start": 0, "end": 9}]
    assert look((128, 128, 0, 0), luma).code == 0
    assert "no picture" in look((128, 128, 64, 64), luma + chroma + 1).err
    assert "no picture" in look((128, 128, 64, 64), luma + chroma - 1).err
    assert "no picture" in look((129, 1, 0, 0), 129).err
    assert "no picture" in look((128, 128, 65, 1), luma + 130).err
    assert "no picture" in look((128, 128, 64, 0), luma).err
    assert "no picture" in look((0, 0, 0, 0), 0).err
    assert "no picture" in look((128, 128, 64, 64), 10 ** 7).err  # 10 kB that grow to 10 MB


def test_a_line_has_a_limit(oriane):
    room = 65536 - len(frame(0)) - len(',"x":""')
    for more, code in ((0, 0), (1, 1)):
        line = frame(0)[:-1] + ',"x":"' + "x" * (room + more) + '"}'
        assert len(line) == 65536 + more
        result = hostile(oriane, "\n".join([HEAD, line, END]) + "\n")
        assert result.code == code, result
        assert not code or "longer than a line" in result.err


def test_frames_have_a_limit(oriane):
    most = 4194304
    path = oriane.folder / "many.jsonl"
    for more, code in ((0, 0), (1, 1)):
        with path.open("w") as out:
            out.write(HEAD + "\n")
            out.writelines(f'{{"pts":{i}e-6,"classic":0}}\n' for i in range(most + more))
            out.write('{"end":9}\n')
        result = oriane("scenes", "--json", "--from-scores", path, *CLASSIC)
        assert result.code == code, result
        if code:
            assert "limit_exceeded" in result.err and str(most) in result.err
        else:
            assert result.json["frames_decoded"] == most and len(result.json["scenes"]) == 1


def test_a_table_for_people(oriane, clip):
    _, path = scores_of(oriane, clip("cuts").path)
    result = oriane("scenes", "--from-scores", path)
    assert result.code == 0 and "SCENE" in result.out and "VP_SCENE_THRESH=0.22" in result.out, result


@pytest.mark.parametrize("what", ["video", "fifo"])
def test_no_other_file_is_replaced(oriane, clip, tmp_path, what):
    path = tmp_path / "mine"
    if what == "video":
        path.write_bytes(clip("cuts").path.read_bytes())
    else:
        os.mkfifo(path)
    before = path.stat()
    result = oriane.run("--scores", path, clip("two_frames").path)
    assert result.code == 2 and "no score track" in result.err, result
    assert path.stat().st_ino == before.st_ino and path.stat().st_size == before.st_size


def test_a_track_with_gaps_is_none_for_the_classic_score(oriane, clip, tmp_path):
    track = tmp_path / "track.jsonl"
    assert oriane.run("--scores", track, "--speed", "fast", clip("cuts").path).code == 0
    result = oriane("scenes", "--from-scores", track, "--speed", "fast", "--scene-detector", "classic")
    assert result.code == 2 and "VP_SPEED" in result.err, result
    assert oriane("scenes", "--from-scores", track, "--speed", "fast").code == 0
