"""Real videos with what a person sees in them; skipped where they are not beside the repository."""

import json

import numpy as np
import pytest
from PIL import Image

import harness


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """(truth, result by file name, output folder) of all real videos in one run."""
    import clips
    if not (clips.SHARED / "truth.json").exists():
        pytest.skip("no real videos beside the repository (../shared/media)")
    truth = json.loads((clips.SHARED / "truth.json").read_text())
    folder = tmp_path_factory.mktemp("real")
    names = [n for n in truth if (clips.SHARED / n).exists()]
    result = harness.Oriane(folder).run(*(clips.SHARED / n for n in names), timeout=300)
    assert result.code == 0, result
    found = {n: next(v for v in result.lines if v["code"].startswith(n.rsplit(".", 1)[0]))
             for n in names}
    return truth, found, folder / "out"


def luma(out, frame):
    with Image.open(out / "frames" / frame["path"]) as image:
        return np.asarray(image.convert("L")).astype(float)


def test_scene_counts(real):
    truth, found, _ = real
    assert {n: len(v["scenes"]) for n, v in found.items()} == {n: truth[n]["scenes"] for n in found}


def test_no_borders_are_invented(real):
    _, found, _ = real
    assert {n: v["crop"] for n, v in found.items()} == dict.fromkeys(found)


def test_animation_cuts(real):
    truth, found, _ = real
    name = "bbb-480p-30s.mp4"
    starts = [s["start"] for s in found[name]["scenes"][1:]]
    assert len(starts) == len(truth[name]["cuts_s"])
    for start, cut in zip(starts, truth[name]["cuts_s"]):
        assert abs(start - cut) <= 2 / 24 + 0.002


def test_animation_has_a_frame_in_each_scene_and_none_black(real):
    truth, found, out = real
    name = "bbb-480p-30s.mp4"
    edges = [0.0, *truth[name]["cuts_s"], 31.0]
    seconds = [f["second"] for f in found[name]["frames"]]
    for first, last in zip(edges, edges[1:]):
        assert any(first <= s < last for s in seconds), (first, last, seconds)
    for frame in found[name]["frames"]:
        picture = luma(out, frame)
        assert picture.mean() > 16 and picture.std() > 5, frame


def test_all_six_people_are_seen(real):
    truth, found, _ = real
    name = "one-by-one-person-detection.mp4"
    seconds = [f["second"] for f in found[name]["frames"]]
    for first, last in truth[name]["people_s"]:
        assert any(first <= s <= last for s in seconds), (first, last, seconds)
    assert len(seconds) <= 40


@pytest.mark.parametrize("name", ["one-by-one-person-detection.mp4", "car-detection.mp4",
                                  "bottle-detection.mp4", "bbb-480p-30s.mp4"])
def test_no_two_frames_alike(real, name):
    """Somewhere in the picture two kept frames differ by more than noise."""
    _, found, out = real
    small = []
    for frame in found[name]["frames"]:
        image = Image.fromarray(luma(out, frame).astype(np.uint8))
        small.append(np.asarray(image.resize((64, 36), Image.BOX)).astype(float))
    for i, a in enumerate(small):
        for j in range(i):
            blocks = np.abs(a - small[j]).reshape(9, 4, 16, 4).mean(axis=(1, 3))
            assert blocks.max() > 4, (found[name]["frames"][i]["second"],
                                      found[name]["frames"][j]["second"], blocks.max())


@pytest.mark.parametrize("name", ["car-detection.mp4", "bottle-detection.mp4"])
def test_fixed_cameras_give_a_bounded_number(real, name):
    _, found, _ = real
    assert 1 <= len(found[name]["frames"]) <= 40
