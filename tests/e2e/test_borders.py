"""Borders: found, cut to within the safe margin, and never a line of picture with them."""

import numpy as np
import pytest
from PIL import Image

MARGIN = 4  # VP_CROP_SAFE_MARGIN
# the box may be rounded to whole chroma samples
ROUNDING = 2

BOXED = ["letterbox", "pillarbox", "windowbox", "letterbox_coloured", "letterbox_white",
         "letterbox_grain", "letterbox_dark"]


def edges(box):
    return box["x"], box["y"], box["x"] + box["w"], box["y"] + box["h"]


def true_edges(clip):
    x, y, w, h = clip.box
    return x, y, x + w, y + h


@pytest.mark.parametrize("name", BOXED)
def test_border_is_found(extracted, name):
    video = extracted(name)
    crop = video.json["crop"]
    assert crop is not None
    width, height = video.clip.size
    left, top, right, bottom = edges(crop)
    true = true_edges(video.clip)
    # no picture lost
    assert left <= true[0] and top <= true[1] and right >= true[2] and bottom >= true[3], crop
    # no more border kept than the margin
    slack = MARGIN + ROUNDING
    assert left >= true[0] - slack and top >= true[1] - slack, crop
    assert right <= true[2] + slack and bottom <= true[3] + slack, crop
    # where there is no border nothing is cut
    if true[0] == 0:
        assert left == 0 and right == width
    if true[1] == 0:
        assert top == 0 and bottom == height


@pytest.mark.parametrize("name", BOXED)
def test_stills_are_cropped(extracted, name):
    video = extracted(name)
    crop = video.json["crop"]
    assert video.frames
    for frame in video.frames:
        assert (frame["width"], frame["height"]) == (crop["w"], crop["h"])
        with Image.open(video.picture(frame)) as image:
            picture = np.asarray(image.convert("L")).astype(float)
        middle = picture[picture.shape[0] // 2]
        assert middle.std() > 3


@pytest.mark.parametrize("name", ["dark", "letterbox_thin", "cuts", "visitors", "pans",
                                  "fades_black", "returning"])
def test_nothing_to_cut(extracted, name):
    """A dark film is no border; a border thinner than VP_MIN_CROP_RATIO is left alone."""
    assert extracted(name).json["crop"] is None


def test_words_in_a_bar_are_picture(extracted):
    video = extracted("letterbox_subtitles")
    width, height = video.clip.size
    crop = video.json["crop"]
    bottom_of_words = height - 2
    if crop is not None:
        assert crop["y"] + crop["h"] >= bottom_of_words - 6
        assert crop["y"] <= video.clip.box[1]
        assert (crop["x"], crop["w"]) == (0, width)


def test_words_in_a_bar_go_on_request(oriane, clip):
    video = oriane.run(clip("letterbox_subtitles").path, settings={"VP_CROP_OVER_TEXT": "1"}).one
    x, y, w, h = clip("letterbox_subtitles").box
    crop = video["crop"]
    assert crop is not None
    assert crop["y"] <= y and crop["y"] + crop["h"] >= y + h
    assert crop["y"] + crop["h"] <= y + h + MARGIN + ROUNDING


@pytest.mark.parametrize("margin", [0, 2, 10])
def test_safe_margin(oriane, clip, margin):
    crop = oriane.run(clip("letterbox").path, settings={"VP_CROP_SAFE_MARGIN": margin}).one["crop"]
    assert 24 - margin - ROUNDING <= crop["y"] <= 24
    assert 156 <= crop["y"] + crop["h"] <= 156 + margin + ROUNDING


def test_scenes_name_their_own_box_only_where_it_differs(extracted):
    video = extracted("letterbox")
    boxes = [s["crop"] for s in video.scenes if s.get("crop")]
    assert all(b == video.json["crop"] for b in boxes)


def test_each_scene_has_its_own_box(extracted):
    """Mixed aspect: a timeline of boxes, and each still is cropped by that of its scene."""
    video = extracted("mixed_aspect")
    assert len(video.scenes) == 3 and video.json["crop"] is None
    for scene, (x, y, w, h) in zip(video.scenes, video.clip.boxes):
        crop = scene.get("crop") or dict(zip("xywh", (0, 0, *video.clip.size)))
        slack = MARGIN + ROUNDING
        assert x - slack <= crop["x"] <= x and y - slack <= crop["y"] <= y, scene
        assert x + w <= crop["x"] + crop["w"] <= x + w + slack, scene
        assert y + h <= crop["y"] + crop["h"] <= y + h + slack, scene
        stills = [f for f in video.frames if scene["start"] <= f["second"] < scene["end"]]
        assert stills
        assert all((f["width"], f["height"]) == (crop["w"], crop["h"]) for f in stills)


def test_blurred_sides_go_on_request(oriane, clip):
    sides = clip("sides_blurred")
    x, _, w, h = sides.box
    assert oriane.run(sides.path).one["crop"] is None
    crop = oriane.run(sides.path, settings={"VP_CROP_BLURRED": "1"}).one["crop"]
    assert crop is not None and (crop["y"], crop["h"]) == (0, h)
    assert x - MARGIN - ROUNDING <= crop["x"] <= x
    assert x + w <= crop["x"] + crop["w"] <= x + w + MARGIN + ROUNDING


@pytest.mark.parametrize("name", ["dark", "cuts", "visitors", "pans", "fades_black"])
def test_no_blurred_sides_to_cut(oriane, clip, name):
    assert oriane.run(clip(name).path, settings={"VP_CROP_BLURRED": "1"}).one["crop"] is None
