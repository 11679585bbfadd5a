"""What a detector's answers are worth against a clip's truth. Pure arithmetic: no files, no programs.

Boundaries are matched one to one. A cut's answer must lie within the tolerance; a gradual
transition's anywhere in the transition or one frame beside it (overlap).
"""

TOLERANCES = ("0 frames", "1 frame", "0.1 s")
MARGIN_PX = 4  # VP_CROP_SAFE_MARGIN; boxes begin on even lines, so one more may stay
SHARP_SHARE = 0.6  # of the sharpest frames of the scene (their 9th decile): less is soft
SCENE_FRAMES_MIN = 3


def interval(boundary, times, tolerance):
    """First and last frame number that count as this boundary."""
    if boundary["kind"] == "gradual":
        return boundary["from"] - 1, boundary["to"] + 1
    at = boundary["at"]
    if tolerance == "0 frames":
        return at, at
    first, last = at - 1, at + 1
    if tolerance == "0.1 s":
        while first > 0 and times[at] - times[first - 1] <= 0.1:
            first -= 1
        while last + 1 < len(times) and times[last + 1] - times[at] <= 0.1:
            last += 1
    return first, last


def match(boundaries, found, times, tolerance):
    """found: frame numbers. Returns (which boundaries were found, which answers were right)."""
    is_met = [False] * len(boundaries)
    is_right = [False] * len(found)
    spans = [interval(b, times, tolerance) for b in boundaries]
    for j, frame in enumerate(found):
        for i, (first, last) in enumerate(spans):
            if first <= frame <= last and not is_met[i]:
                is_met[i] = is_right[j] = True
                break
    return is_met, is_right


class Count:
    """True and false answers and what was missed."""

    def __init__(self, right=0, false=0, missed=0):
        self.right, self.false, self.missed = right, false, missed

    def __add__(self, other):
        return Count(self.right + other.right, self.false + other.false,
                     self.missed + other.missed)

    @property
    def precision(self):
        return self.right / (self.right + self.false) if self.right + self.false else 1.0

    @property
    def recall(self):
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def f1(self):
        whole = 2 * self.right + self.false + self.missed
        return 2 * self.right / whole if whole else 1.0


def count(boundaries, found, times, tolerance):
    is_met, is_right = match(boundaries, found, times, tolerance)
    return Count(sum(is_met), len(found) - sum(is_right), len(boundaries) - sum(is_met))


def lost_and_left(box, truth):
    """Of a crop box against what the picture covers: lines of picture that it removes, and the
    widest strip of bar that it leaves, in pixels. Both boxes [x, y, w, h]."""
    sides = [box[0] - truth[0], box[1] - truth[1],
             truth[0] + truth[2] - box[0] - box[2], truth[1] + truth[3] - box[1] - box[3]]
    return sum(max(0.0, s) for s in sides), max(max(0.0, -s) for s in sides)


def is_tight(box, truth, optional=()):
    """Is no more left of the bars than the margin and the even alignment? optional: sides ("top",
    "bottom") whose bar may stay."""
    left = {"left": truth[0] - box[0], "top": truth[1] - box[1],
            "right": box[0] + box[2] - truth[0] - truth[2],
            "bottom": box[1] + box[3] - truth[1] - truth[3]}
    return all(v <= MARGIN_PX + 1 for k, v in left.items() if k not in optional)


class Borders:
    """Of one clip. boxes: a crop box for each scene of the truth; with_blurred: sides that are a blurred
    copy of the picture count as bars."""

    def __init__(self, truth, boxes, with_blurred=False):
        width, height = truth["size"]
        full = [0, 0, width, height]
        is_filled = any(s.get("is_filled") for s in truth["scenes"])
        self.is_filled = is_filled and not with_blurred  # neither barred nor plain
        self.is_barred = not self.is_filled and any(_is_less(s["box"], full) for s in truth["scenes"])
        self.lost = max(lost_and_left(b, s["box"])[0] for b, s in zip(boxes, truth["scenes"]))
        self.left = max(lost_and_left(b, s["box"])[1] for b, s in zip(boxes, truth["scenes"]))
        self.is_cropped = any(_is_less(b, full) for b in boxes)
        self.is_missed = self.is_barred and not self.is_cropped
        self.is_found = self.is_barred and self.lost == 0 and all(
            is_tight(b, s["box"], () if is_filled else s.get("optional", ()))
            for b, s in zip(boxes, truth["scenes"]))


def _is_less(box, full):
    return box[2] < full[2] - 0.5 or box[3] < full[3] - 0.5


def good_frames(truth, scene):
    """Frames of a scene that show it sharp and settled."""
    inside = range(scene["from"], scene["to"])
    sharp = sorted(truth["sharpness"][i] for i in inside)
    if not sharp:
        return set()
    least = SHARP_SHARE * sharp[int(0.9 * (len(sharp) - 1))]
    return {i for i in inside if truth["sharpness"][i] >= least
            and not any(a <= i < b for a, b in truth["unwanted"])}


class Frames:
    """Of one clip's kept frames. kept: frame numbers.

    covered, scenes   scenes (solid ones left out) of which a good frame was kept (of a repeat: here or before)
    repeats, again    scenes that show what was shown before, and those with frames of their own
    visits, seen      visitors, and those that are in a kept frame
    unwanted          kept frames of black, white, flashes, or the depth of a fade
    soft              kept frames that are much softer than their scene can be
    """

    def __init__(self, truth, kept):
        self.covered = self.scenes = self.repeats = self.again = 0
        shown = set()
        for scene in truth["scenes"]:
            if scene["to"] - scene["from"] < SCENE_FRAMES_MIN or scene.get("solid"):
                continue
            good = good_frames(truth, scene)
            inside = [k for k in kept if scene["from"] <= k < scene["to"]]
            is_repeat = scene["content"] in shown
            is_covered = any(k in good for k in inside)
            self.scenes += 1
            self.repeats += is_repeat
            self.again += is_repeat and bool(inside)
            self.covered += is_covered or is_repeat
            if is_covered:
                shown.add(scene["content"])
        self.visits = len(truth["shown"])
        self.seen = sum(any(v["from"] <= k < v["to"] for k in kept) for v in truth["shown"])
        self.unwanted = sum(any(a <= k < b for a, b in truth["unwanted"]) for k in kept)
        self.kept = len(kept)


def false_merges(truth, scenes, frame_at):
    """Scenes that say they repeat another whose content is not theirs. scenes: (start, end,
    duplicate_of) in seconds and counted from 1."""
    def content(number):
        start, end, _ = scenes[number - 1]
        frame = frame_at((start + end) / 2)
        for scene in truth["scenes"]:
            if scene["from"] <= frame < scene["to"]:
                return scene["content"]
        return None

    wrong = 0
    for number, (_, _, of) in enumerate(scenes, 1):
        if of and None not in (content(number), content(of)):
            wrong += content(number) != content(of)
    return wrong
