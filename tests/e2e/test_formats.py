"""Containers, codecs, shapes and times; and files that break off."""

import subprocess

import numpy as np
import pytest
from PIL import Image

import clips
import pictures


def near(value, truth, frames=2, fps=24):
    return abs(value - truth) <= frames / fps + 0.002


def starts(video):
    return [s["start"] for s in video.scenes[1:]]


def still(video, frame):
    with Image.open(video.picture(frame)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize("container,codec", clips.FORMATS)
def test_container_and_codec(extracted, container, codec):
    video = extracted(f"{codec}_in_{container}")
    assert video.json["duration"] == pytest.approx(2.0, abs=0.06)
    assert len(video.scenes) == 2 and near(starts(video)[0], 1.0)
    assert {f["scene"] for f in video.frames} == {1, 2}
    assert video.json["warnings"] == []


@pytest.mark.parametrize("name", ["ten_bit", "odd", "with_sound"])
def test_one_cut_at_one_second(extracted, name):
    video = extracted(name)
    assert len(video.scenes) == 2 and near(starts(video)[0], 1.0)
    assert video.json["warnings"] == []


def test_odd_size_keeps_the_last_row_and_column(extracted):
    video = extracted("odd")
    assert {(f["width"], f["height"]) for f in video.frames} == {(319, 181)}


def test_variable_frame_rate_times(extracted):
    video = extracted("vfr")
    assert len(video.scenes) == 3
    assert near(starts(video)[0], 2.0) and abs(starts(video)[1] - 5.0) <= 0.2
    assert video.json["duration"] == pytest.approx(9.0, abs=0.6)
    for frame in video.frames:
        scene = video.scenes[frame["scene"] - 1]
        assert scene["start"] <= frame["second"] + 0.006 <= scene["end"] + 0.012


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_flag(extracted, degrees):
    """Stills are upright: the coded picture turned as the flag says."""
    video = extracted(f"rotated_{degrees}")
    coded = pictures.photo(94, 320, 180).astype(int)
    quarters = video.clip.counterclockwise // 90
    expected, wrong = np.rot90(coded, quarters), np.rot90(coded, quarters + 2)
    assert video.frames
    for frame in video.frames:
        assert [frame["width"], frame["height"]] == video.clip.upright
        picture = still(video, frame)
        assert np.abs(picture - expected).mean() < 6
        assert np.abs(picture - wrong).mean() > 20


def test_anamorphic_pictures_are_shown_as_a_player_shows_them(extracted):
    video = extracted("anamorphic")
    for frame in video.frames:
        assert frame["height"] == 180 and abs(frame["width"] - 427) <= 1


def test_hdr_looks_like_the_picture(extracted):
    """PQ, seen on an SDR screen: neither washed out nor dark; colours are the scene's own."""
    video = extracted("pq")
    assert len(video.scenes) == 2
    for frame in video.frames:
        true = pictures.photo(video.clip.seeds[frame["scene"] - 1], 320, 180).astype(float)
        seen = still(video, frame).astype(float)
        assert abs(seen.mean() - true.mean()) < 30
        assert 0.6 < seen.std() / true.std() < 1.4
        grey = np.corrcoef(seen.mean(axis=2).ravel(), true.mean(axis=2).ravel())[0, 1]
        assert grey > 0.95
        for channel in range(3):
            assert abs(seen[..., channel].mean() - true[..., channel].mean()) < 35


@pytest.mark.parametrize("name", ["truncated_front_moov", "truncated_fragments", "truncated_mkv",
                                  "truncated_ts"])
def test_truncated_file_gives_what_is_there(extracted, name):
    video = extracted(name)
    assert video.json["status"] == "success"
    assert any("truncated" in str(w) for w in video.json["warnings"]), video.json["warnings"]
    assert 1.5 <= video.json["duration"] <= 3.5
    assert len(video.scenes) in (2, 3)
    assert near(video.scenes[1]["start"], 1.0)
    assert {f["scene"] for f in video.frames} >= {1, 2}


def test_damaged_packets_are_survived(oriane, clip):
    result = oriane.run(clip("damaged").path)
    assert result.code == 0, result
    assert result.one["frames"] and len(result.one["scenes"]) >= 2


def test_one_frame(extracted):
    video = extracted("one_frame")
    assert len(video.frames) == 1 and len(video.scenes) == 1
    assert video.frames[0]["second"] == 0


def test_two_frames(extracted):
    video = extracted("two_frames")
    assert 1 <= len(video.frames) <= 2


@pytest.mark.parametrize("name", ["black", "white"])
def test_nothing_to_show_is_success_without_frames(extracted, name):
    video = extracted(name)
    assert video.json["status"] == "success" and video.frames == []
    assert video.json["duration"] == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("first,second", [("128x96", "320x240"), ("320x240", "128x96"), ("128x93", "128x96")])
def test_a_stream_that_changes_its_size(oriane, tmp_path, first, second):
    """Later pictures come in the size of the first, and whole: the blue corner is there."""
    streams = b""
    for offset, size, source in ((0, first, "mandelbrot"), (2, second, "testsrc2")):
        corner = "drawbox=x=iw*3/4:y=ih*3/4:w=iw:h=ih:color=blue:t=fill,trim=duration=2"
        streams += subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"{source}=s={size}:r=12,{corner}", "-c:v",
             "libx264", "-pix_fmt", "yuv444p", "-output_ts_offset", str(offset), "-f", "mpegts", "-"],
            stdout=subprocess.PIPE, check=True).stdout
    (tmp_path / "both.ts").write_bytes(streams)
    result = oriane.run(tmp_path / "both.ts").one
    assert result["status"] == "success", result
    width, height = map(int, first.split("x"))
    assert {f["scene"] for f in result["frames"]} == {1, 2}, result
    for frame in result["frames"]:
        assert (frame["width"], frame["height"]) == (width, height)
        picture = Image.open(tmp_path / "out" / "frames" / frame["path"]).convert("RGB")
        red, green, blue = picture.getpixel((width - 3, height - 3))
        assert blue > 150 and red < 90 and green < 90, frame
