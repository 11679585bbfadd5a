"""The scoreboard's arithmetic: what an answer is worth against a truth worked by hand."""

import sys
from pathlib import Path

import pytest

SCORE = Path(__file__).resolve().parent.parent.parent / "bench" / "score"
sys.path.insert(0, str(SCORE))

import measure  # noqa: E402

TIMES = [i / 25 for i in range(100)]
CUT = {"kind": "cut", "at": 40}
MELT = {"kind": "gradual", "from": 60, "to": 70}


@pytest.mark.parametrize("found, tolerance, expected", [
    ([40], "0 frames", (1, 0, 0)),
    ([41], "0 frames", (0, 1, 1)),
    ([41], "1 frame", (1, 0, 0)),
    ([42], "1 frame", (0, 1, 1)),
    ([42], "0.1 s", (1, 0, 0)),   # two frames are 0.08 s
    ([43], "0.1 s", (0, 1, 1)),   # three are 0.12 s
    ([40, 41], "1 frame", (1, 1, 0)),  # one to one
    ([], "1 frame", (0, 0, 1)),
])
def test_cuts(found, tolerance, expected):
    count = measure.count([CUT], found, TIMES, tolerance)
    assert (count.right, count.false, count.missed) == expected


@pytest.mark.parametrize("found, right", [([59], 1), ([60], 1), ([65], 1), ([71], 1), ([58], 0), ([72], 0)])
def test_a_gradual_transition_is_found_anywhere_in_it(found, right):
    assert measure.count([MELT], found, TIMES, "0 frames").right == right


def test_f1_is_that_of_precision_and_recall():
    count = measure.Count(right=6, false=2, missed=4)
    assert (count.precision, count.recall) == (0.75, 0.6)
    assert count.f1 == pytest.approx(2 / 3)
    assert measure.Count().f1 == 1.0


@pytest.mark.parametrize("box, expected", [
    ([0, 20, 320, 140], (0, 0)),
    ([0, 16, 320, 148], (0, 4)),
    ([0, 22, 320, 138], (2, 0)),   # two lines above are lost
    ([4, 18, 316, 132], (14, 2)),  # four columns and ten lines
])
def test_lines_lost_and_left(box, expected):
    assert measure.lost_and_left(box, [0, 20, 320, 140]) == expected


def clip(**more):
    truth = {"size": [320, 180], "times": TIMES, "boundaries": [], "shown": [], "unwanted": [],
             "sharpness": [10.0] * 100,
             "scenes": [{"from": 0, "to": 50, "content": "a", "box": [0, 20, 320, 140]},
                        {"from": 50, "to": 100, "content": "b", "box": [0, 0, 320, 180]}]}
    return truth | more


def test_borders_are_judged_scene_by_scene():
    right = measure.Borders(clip(), [[0, 16, 320, 148], [0, 0, 320, 180]])
    assert right.is_found and right.lost == 0 and not right.is_missed
    one_box = measure.Borders(clip(), [[0, 16, 320, 148], [0, 16, 320, 148]])
    assert one_box.lost == 32 and not one_box.is_found
    none = measure.Borders(clip(), [[0, 0, 320, 180]] * 2)
    assert none.is_missed and none.lost == 0 and none.left == 20


def test_a_clip_without_bars_counts_each_crop():
    truth = clip()
    truth["scenes"][0]["box"] = [0, 0, 320, 180]
    assert measure.Borders(truth, [[0, 0, 320, 178], [0, 0, 320, 180]]).is_cropped
    assert not measure.Borders(truth, [[0, 0, 320, 180]] * 2).is_cropped


def test_soft_and_unwanted_frames_cover_nothing():
    truth = clip(sharpness=[2.0] * 20 + [10.0] * 80, unwanted=[[90, 100]])
    assert measure.Frames(truth, [10, 60]).covered == 1  # 10 is soft
    frames = measure.Frames(truth, [30, 95])
    assert frames.covered == 1 and frames.unwanted == 1
    assert measure.Frames(truth, [30, 60]).covered == 2


def test_repeats_want_no_second_frame():
    truth = clip()
    truth["scenes"][1]["content"] = "a"
    once, twice = measure.Frames(truth, [10]), measure.Frames(truth, [10, 60])
    assert (once.repeats, once.again, once.covered) == (1, 0, 2)
    assert (twice.repeats, twice.again) == (1, 1)


def test_visitors_and_false_merges():
    truth = clip(shown=[{"from": 10, "to": 20, "what": "a person"}])
    assert measure.Frames(truth, [15]).seen == 1
    assert measure.Frames(truth, [25]).seen == 0

    def frame_at(seconds):
        return int(seconds * 25)
    assert measure.false_merges(truth, [(0, 2, None), (2, 4, 1)], frame_at) == 1
    assert measure.false_merges(truth, [(0, 2, None), (2, 4, None)], frame_at) == 0
