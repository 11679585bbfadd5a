"""Scenes and frames against known truth: cuts, melts, fades, flashes, titles, pans, returns."""

import numpy as np
import pytest
from PIL import Image


def grey(video, frame):
    with Image.open(video.picture(frame)) as image:
        return np.asarray(image.convert("L")).astype(float)


def starts(video):
    return [s["start"] for s in video.scenes[1:]]


def assert_every_scene_is_covered(video):
    """Each scene has a frame inside it, or says whose frame shows the same."""
    for number, scene in enumerate(video.scenes, 1):
        inside = [f for f in video.frames if f["scene"] == number]
        covering = scene.get("duplicate_of")
        if not inside:
            assert covering, scene
            assert any(f["scene"] == covering for f in video.frames)
        for frame in inside:
            assert scene["start"] - 0.006 <= frame["second"] < scene["end"] + 0.006


def assert_no_flat_frames(video):
    for frame in video.frames:
        assert grey(video, frame).std() > 5, frame


def assert_no_two_alike(video, least=3.0):
    small = [np.asarray(Image.fromarray(grey(video, f)).resize((64, 36), Image.BOX))
             for f in video.frames]
    for i, a in enumerate(small):
        for b in small[:i]:
            if a.shape == b.shape:
                blocks = np.abs(a - b).reshape(9, 4, 16, 4).mean(axis=(1, 3))
                assert blocks.max() > least, (video.frames[i], blocks.max())


@pytest.mark.parametrize("name", ["cuts", "sources"])
def test_hard_cuts_within_two_frames(extracted, name):
    video = extracted(name)
    found, true = starts(video), video.clip.cuts
    missed = [t for t in true if not any(abs(f - t) <= 2 / 24 + 0.002 for f in found)]
    extra = [f for f in found if not any(abs(f - t) <= 2 / 24 + 0.002 for t in true)]
    assert not missed and not extra, (found, true)
    assert_every_scene_is_covered(video)
    assert_no_flat_frames(video)


@pytest.mark.parametrize("name", ["dissolves", "fades_black", "fades_white"])
def test_slow_changes_are_one_boundary_each(extracted, name):
    video = extracted(name)
    windows = video.clip.windows
    found = starts(video)
    assert len(found) == len(windows), (found, windows)
    for boundary, (first, last) in zip(found, windows):
        assert first - 0.1 <= boundary <= last + 0.1
    assert_every_scene_is_covered(video)
    assert_no_flat_frames(video)


@pytest.mark.parametrize("name", ["dissolves", "fades_black", "fades_white"])
def test_frames_are_taken_where_the_picture_is_settled(extracted, name):
    """At least one frame of each scene lies outside the melt or fade."""
    video = extracted(name)
    for number in range(1, len(video.scenes) + 1):
        seconds = [f["second"] for f in video.frames if f["scene"] == number]
        clean = [s for s in seconds
                 if not any(a + 0.05 < s < b - 0.05 for a, b in video.clip.windows)]
        assert clean, (number, seconds)


@pytest.mark.parametrize("name", ["flashes", "titles", "pans"])
def test_one_shot_stays_one_scene(extracted, name):
    video = extracted(name)
    assert len(video.scenes) == 1, starts(video)
    assert_every_scene_is_covered(video)


def test_no_frame_inside_a_flash(extracted):
    video = extracted("flashes")
    for frame in video.frames:
        assert grey(video, frame).mean() < 225, frame


def test_returning_shot_keeps_no_second_frame(extracted):
    video = extracted("returning")
    assert len(video.scenes) == 3
    third = video.scenes[2]
    assert third["duplicate_of"] == 1
    assert [f for f in video.frames if f["scene"] == 3] == []
    assert {f["scene"] for f in video.frames} == {1, 2}
    assert_no_two_alike(video)


def test_visitors_of_a_fixed_camera_are_all_seen(extracted):
    video = extracted("visitors")
    assert len(video.scenes) == 1
    for first, last in video.clip.windows:
        inside = [f for f in video.frames if first <= f["second"] <= last]
        assert inside, (first, last, [f["second"] for f in video.frames])
    assert len(video.frames) <= 30
    assert_no_two_alike(video)


def test_empty_room_is_few_frames(extracted):
    video = extracted("empty_room")
    assert len(video.scenes) == 1
    assert 1 <= len(video.frames) <= 3


@pytest.mark.parametrize("name", ["cuts", "dissolves", "titles", "pans", "sources"])
def test_no_two_frames_alike(extracted, name):
    assert_no_two_alike(extracted(name))


def test_short_video_is_filled_up_to_the_least_number(oriane, clip):
    """VP_MIN_FRAMES counts before dedup, so it is tried without."""
    settings = {"VP_MIN_FRAMES": "7", "VP_ENABLE_DEDUP": "0"}
    video = oriane.run(clip("pans").path, settings=settings).one
    assert len(video["frames"]) >= 7
    seconds = [f["second"] for f in video["frames"]]
    assert max(seconds) - min(seconds) > 2.5


def test_threshold_is_a_threshold(oriane, clip):
    """At 1 nothing is a cut any more."""
    video = oriane.run(clip("cuts").path, settings={"VP_SCENE_THRESH": "1"}).one
    assert len(video["scenes"]) < 6


def test_a_second_run_of_the_same_bytes_elsewhere_finds_the_same(oriane, clip, tmp_path, extracted):
    import shutil
    shutil.copy(clip("cuts").path, tmp_path / "elsewhere.mp4")
    video = oriane.run("elsewhere.mp4").one
    assert video["scenes"] == extracted("cuts").scenes
