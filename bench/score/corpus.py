"""The scoreboard's clips: recipes by category, their truth, and the folder that keeps them.

A recipe composes a Reel: frames, and what is true about them. `build(seed, quick)` renders what is
not in the cache yet and returns the clips. A clip's key is the text of its recipe and of all that
recipes share, so a changed recipe alone is rendered anew.
"""

import hashlib
import inspect
import json
import multiprocessing
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np

import content

sys.path.insert(0, str(content.REPOSITORY / "tests" / "media"))

import film  # noqa: E402  (of tests/media)
import pictures  # noqa: E402

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("ORIANE_SCORE_CACHE", HERE.parent / ".score"))
SIZES = [(426, 240), (426, 240), (480, 270), (640, 360), (320, 240), (568, 320)]
UPRIGHT = [(240, 426), (270, 480)]
RECIPES = []  # (category, how many, function)
QUICK_SHARE = 4  # the short form takes every fourth clip of a category, and at least two


def recipe(category, count):
    def register(function):
        RECIPES.append((category, count, function))
        return function
    return register


class Reel:
    """Frames and their truth. Frame numbers count from 0.

    boundaries  {"kind": "cut", "at": n}, or {"kind": "gradual", "from": a, "to": b}: frames a..b-1
                are mixtures, b is the first of the new scene alone
    scenes      {"from", "to", "content", "box"}: its whole frames; scenes of equal content show the
                same thing again; box is what the picture covers, [x, y, w, h]
    shown       {"from", "to", "what"}: some kept frame must lie in it (a visitor)
    unwanted    [a, b): no kept frame may lie in it (black, white, the depth of a fade or flash)
    """

    def __init__(self, width, height, fps):
        self.width, self.height, self.fps = width, height, fps
        self.frames, self.boundaries, self.scenes = [], [], []
        self.shown, self.unwanted, self.options = [], [], {}

    def __len__(self):
        return len(self.frames)

    def add(self, frames, what, is_cut=True):
        """A new scene behind a hard cut (none before the first)."""
        frames = list(frames)
        if self.scenes and is_cut:
            self.boundaries.append({"kind": "cut", "at": len(self)})
        self.scenes.append({"from": len(self), "to": len(self) + len(frames), "content": what})
        self.frames += frames
        return self

    def blend(self, frames, what, n, shares):
        """The last n frames run into the first n of the new scene. shares(i): frame or mask mix."""
        frames = list(frames)
        at = len(self) - n
        for i in range(n):
            self.frames[at + i] = shares(self.frames[at + i], frames[i], (i + 1) / (n + 1))
        self.frames += frames[n:]
        self.boundaries.append({"kind": "gradual", "from": at, "to": at + n})
        self.scenes[-1]["to"] = at
        self.scenes.append({"from": at + n, "to": len(self), "content": what})
        return self

    def dissolve(self, frames, what, n):
        return self.blend(frames, what, n, film.mix)

    def wipe(self, frames, what, n, shape):
        return self.blend(frames, what, n, lambda a, b, s: _wiped(a, b, s, shape))

    def fade(self, frames, what, n_out, n_hold, n_in, level):
        """Out to one colour, a while of it, and in again."""
        frames = list(frames)
        at = len(self) - n_out
        for i in range(n_out):
            flat = np.full_like(frames[0], level)
            self.frames[at + i] = film.mix(self.frames[at + i], flat, (i + 1) / (n_out + 1))
        self.frames += [np.full_like(frames[0], level)] * n_hold
        for i in range(n_in):
            frames[i] = film.mix(np.full_like(frames[i], level), frames[i], (i + 1) / (n_in + 1))
        self.frames += frames
        end = at + n_out + n_hold + n_in
        self.boundaries.append({"kind": "gradual", "from": at, "to": end})
        self.unwanted.append([at + n_out * 2 // 3, end - n_in * 2 // 3])
        self.scenes[-1]["to"] = at
        self.scenes.append({"from": end, "to": len(self), "content": what})
        return self

    def bars(self, top=0, bottom=0, left=0, right=0, colour=(0, 0, 0), noise=0, rng=None,
             scenes=None):
        """Frames get larger; scenes None: all, else those numbers, the others are full pictures
        that must have been made at the full size."""
        width, height = self.width + left + right, self.height + top + bottom
        pool = []
        if noise:
            pool = [rng.integers(-noise, noise + 1, (height, width, 1), dtype=np.int16)
                    for _ in range(3)]
        for number, scene in enumerate(self.scenes):
            inside = scenes is None or number in scenes
            scene["box"] = [left, top, self.width, self.height] if inside else [0, 0, width, height]
        for i, frame in enumerate(self.frames):
            if frame.shape[:2] == (height, width) and scenes is not None:
                continue
            out = np.empty((height, width, 3), np.int16)
            out[:] = colour
            if noise:
                out += pool[i % 3]
            out[top:top + self.height, left:left + self.width] = frame
            self.frames[i] = np.clip(out, 0, 255).astype(np.uint8)
        self.width, self.height = width, height
        return self


def _wiped(a, b, share, shape):
    height, width = a.shape[:2]
    out = a.copy()
    if shape == "right":
        out[:, :int(width * share)] = b[:, :int(width * share)]
    elif shape == "left":
        x = width - int(width * share)
        out[:, x:] = b[:, x:]
    elif shape == "down":
        out[:int(height * share)] = b[:int(height * share)]
    elif shape == "push":
        x = int(width * share)
        out = np.concatenate([a[:, x:], b[:, :x]], axis=1)
    elif shape == "iris":
        y, x = np.ogrid[:height, :width]
        radius = share * np.hypot(width, height) / 2
        inside = np.hypot(x - width / 2, y - height / 2) <= radius
        out[inside] = b[inside]
    elif shape == "soft":
        edge = width * 0.12
        x = np.arange(width)[None, :, None]
        cover = np.clip((share * (width + 2 * edge) - edge - x) / edge + 0.5, 0, 1)
        out = (a * (1 - cover) + b * cover + 0.5).astype(np.uint8)
    return out


class Maker:
    """What recipes draw with: sizes, rates, shots; all from one generator."""

    def __init__(self, seed, category, index):
        self.rng = np.random.default_rng([seed, zlib.crc32(category.encode()), index])
        self.pool, self.index = content.Pool(seed), index
        self.width, self.height = SIZES[self.rng.integers(len(SIZES))]
        self.fps = [24, 25, 30][self.rng.integers(3)]
        self.keys = iter(self.pool.deal(self.rng, 24))

    def upright(self):
        self.width, self.height = UPRIGHT[self.rng.integers(len(UPRIGHT))]
        return self

    def reel(self):
        return Reel(self.width, self.height, self.fps)

    def n(self, low, high):
        """A random length in frames, of seconds low..high."""
        return max(2, int(round(self.rng.uniform(low, high) * self.fps)))

    def pick(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def place(self, zoom=None):
        """(label, image, window) of a picture not used before in this clip."""
        key = next(self.keys)
        image = self.pool.image(key)
        return str(key), image, content.view(self.rng, image, self.width, self.height, zoom)

    def shot(self, n, motion=None, strength=1.0, place=None, is_real=True):
        """(label, frames): sometimes real footage, else a camera over a photograph."""
        if is_real and not place and self.rng.random() < 0.3 and n / self.fps < 7:
            real = content.footage_shot(self.rng, n / self.fps, self.fps, self.width, self.height)
            if real and real[0] not in self.__dict__.setdefault("used", set()):
                self.used.add(real[0])
                return real
        label, image, window = place or self.place()
        motion = motion or self.pick("drift", "drift", "still", "shake")
        if motion == "shake" and strength == 1.0:
            strength = 0.3
        frames = list(content.camera(self.rng, image, window, n, self.width, self.height, self.fps,
                                     motion, strength))
        if self.rng.random() < 0.5:
            frames = list(content.grain(self.rng, frames, self.rng.uniform(1.0, 3.0)))
        return label, frames

    def shots(self, count, low, high, **how):
        reel = self.reel()
        for _ in range(count):
            label, frames = self.shot(self.n(low, high), **how)
            reel.add(frames, label)
        return reel


# --- cuts -------------------------------------------------------------------------------------------


@recipe("hard cuts", 16)
def hard_cuts(m):
    if m.index % 6 == 5:
        m.upright()
    return m.shots(int(m.rng.integers(4, 8)), 0.7, 2.2)


@recipe("fast montage", 4)
def montage(m):
    return m.shots(int(m.rng.integers(9, 15)), 0.35, 0.8)


@recipe("similar scenes", 8)
def similar(m):
    """Cuts between two views of the same place, in the same light and colours."""
    reel = m.reel()
    label, image, window = m.place(m.rng.uniform(1.8, 3.0))
    for i in range(int(m.rng.integers(3, 6))):
        reel.add(content.camera(m.rng, image, window, m.n(0.9, 2.0), m.width, m.height, m.fps,
                                m.pick("drift", "still")), f"{label}#{i}")
        window = content.away(m.rng, image, m.width, m.height, window)
    return reel


@recipe("graded alike", 5)
def graded(m):
    """Different places under one strong tint and low contrast."""
    reel = m.reel()
    tint = m.pick((1.0, 0.85, 0.65), (0.7, 0.9, 1.05), (0.8, 1.0, 0.8))
    for _ in range(int(m.rng.integers(4, 7))):
        label, frames = m.shot(m.n(0.8, 2.0))
        reel.add(content.grade(frames, 0.5, 60, tint), label)
    return reel


@recipe("dark scenes", 8)
def dark(m):
    """Night, with grain. A shot's samples deviate by 7 and more: less is a solid picture."""
    reel = m.reel()
    for _ in range(int(m.rng.integers(3, 7))):
        label, frames = m.shot(m.n(0.9, 2.2))
        frames = content.dimmed(frames, m.rng.uniform(7, 12), m.rng.uniform(2, 8))
        reel.add(content.grain(m.rng, frames, m.rng.uniform(0.5, 1.8)), label)
    return reel


@recipe("rates and sizes", 10)
def rates(m):
    """10, 12.5, 15, 50 and 60 frames a second; and variable ones."""
    kind = m.index % 8
    m.fps = [10, 12.5, 15, 50, 60, 60, 30, 24][kind]
    if m.fps >= 50:
        m.width, m.height = 426, 240
    reel = m.shots(4, 0.9, 1.8)
    if kind == 5:
        reel.options["keep"] = [7919, 100, int(m.rng.integers(45, 80))]  # a telephone in the dark
    if kind in (6, 7):
        reel.options["slow_from"] = int(len(reel) * m.rng.uniform(0.3, 0.7))
        reel.options["slow_by"] = float(m.pick(2, 3, 4))
    return reel


@recipe("large pictures", 4)
def large(m):
    m.width, m.height, m.fps = 960, 540, 24
    reel = m.shots(3, 0.9, 1.4)
    reel.options["scale"] = [(1280, 720), (1920, 1080), (1920, 1080), (3840, 2160)][m.index % 4]
    return reel


@recipe("low bit rate", 8)
def low_rate(m):
    reel = m.shots(int(m.rng.integers(3, 6)), 1.0, 2.0)
    reel.options["crf"] = int(m.rng.integers(34, 43))
    return reel


# --- gradual ----------------------------------------------------------------------------------------


@recipe("dissolves", 14)
def dissolves(m):
    reel = m.reel()
    label, frames = m.shot(m.n(2.6, 3.2))
    reel.add(frames, label)
    for _ in range(int(m.rng.integers(1, 3))):
        label, frames = m.shot(m.n(3.6, 4.4))
        reel.dissolve(frames, label, m.n(0.4, 1.5))
    return reel


@recipe("fades", 10)
def fades(m):
    reel = m.reel()
    level = [0, 0, 0, 255][m.index % 4]
    label, frames = m.shot(m.n(2.0, 3.0))
    reel.add(frames, label)
    for _ in range(int(m.rng.integers(1, 3))):
        label, frames = m.shot(m.n(2.4, 3.4))
        reel.fade(frames, label, m.n(0.3, 1.0), int(m.rng.integers(1, 14)), m.n(0.3, 1.0), level)
    return reel


@recipe("wipes", 14)
def wipes(m):
    reel = m.reel()
    label, frames = m.shot(m.n(2.0, 3.0))
    reel.add(frames, label)
    for _ in range(int(m.rng.integers(1, 3))):
        label, frames = m.shot(m.n(2.4, 3.4))
        shape = ["right", "left", "down", "push", "iris", "soft", "soft"][m.index % 7]
        reel.wipe(frames, label, m.n(0.4, 1.2), shape)
    return reel


# --- what is no cut ---------------------------------------------------------------------------------


@recipe("flashes and strobes", 20)
def flashes(m):
    label, frames = m.shot(m.n(4.0, 6.0))
    reel = m.reel().add(frames, label)
    at = m.n(0.5, 1.0)
    while at < len(reel) - m.n(0.5, 0.6):
        n = int(m.rng.integers(1, 4))
        share = m.rng.uniform(0.6, 0.95)
        for i in range(at, at + n):
            white = np.full_like(reel.frames[i], m.pick(255, 255, 245))
            reel.frames[i] = film.mix(reel.frames[i], white, share)
        if share > 0.8:
            reel.unwanted.append([at, at + n])
        gap = m.n(0.15, 0.3) if m.index % 4 == 3 else m.n(0.6, 1.6)
        at += n + gap
    return reel


@recipe("lights", 6)
def lights(m):
    """The exposure moves, a lamp goes on or off: one scene."""
    label, frames = m.shot(m.n(4.0, 6.0))
    reel = m.reel().add(frames, label)
    at, dim = m.n(1.2, 2.2), m.rng.uniform(0.4, 0.65)
    ramp = 1 if m.index % 2 else m.n(0.3, 1.0)
    for i in range(len(reel)):
        share = min(max((i - at) / ramp, 0.0), 1.0)
        gain = dim + (1 - dim) * (share if m.index % 4 < 2 else 1 - share)
        reel.frames[i] = (reel.frames[i] * gain).astype(np.uint8)
    return reel


@recipe("camera motion", 20)
def motion(m):
    kind = ["shake", "pan", "zoom", "whip"][m.index % 4]
    label, image, window = m.place(m.rng.uniform(1.6, 2.4))
    strength = m.rng.uniform(0.7, 1.6)
    frames = content.camera(m.rng, image, window, m.n(4.0, 6.0), m.width, m.height, m.fps, kind,
                            strength)
    return m.reel().add(frames, label)


@recipe("fast objects", 8)
def objects(m):
    """Large things cross the picture quickly."""
    label, frames = m.shot(m.n(4.0, 6.0))
    reel = m.reel().add(frames, label)
    at = m.n(0.6, 1.2)
    while at < len(reel) - m.n(0.8, 0.9):
        n = m.n(0.25, 0.9)
        size = int(m.height * m.rng.uniform(0.5, 1.1))
        who = int(m.rng.integers(1000))
        if m.rng.random() < 0.5:
            sprite, mask = pictures.person(who, size)
        else:
            key = ("drawn", int(m.rng.integers(50)))
            part = content.crop(m.pool.image(key), (100, 100, 500), size, size)
            y, x = np.ogrid[:size, :size]
            sprite, mask = part, np.hypot(x - size / 2, y - size / 2) < size / 2
        y = int(m.height - size * m.rng.uniform(0.7, 1.0))
        is_left = m.rng.random() < 0.5
        for i in range(n):
            share = i / n if is_left else 1 - i / n
            x = int(-sprite.shape[1] + share * (m.width + sprite.shape[1]))
            if at + i < len(reel):
                reel.frames[at + i] = pictures.paste(reel.frames[at + i], sprite, mask, x, y)
        at += n + m.n(0.4, 1.2)
    return reel


@recipe("titles", 10)
def titles(m):
    label, frames = m.shot(m.n(4.5, 6.0))
    size = int(m.height * m.rng.uniform(0.12, 0.36))
    ramp = 1 if m.index % 3 == 2 else m.n(0.3, 0.9)
    words = m.pick("ORIANE", "The End", "PART ONE", "a film by", "1984")
    return m.reel().add(film.title(frames, words, m.n(0.8, 1.5), ramp, m.n(1.0, 1.6), size), label)


# --- fixed cameras ----------------------------------------------------------------------------------


@recipe("fixed camera, visitors", 12)
def visitors(m):
    """People enter one after another; each must be in a kept frame, and none makes a scene."""
    m.fps = m.pick(10, 15)
    label, image, window = m.place()
    room = content.crop(image, window, m.width, m.height)
    frames = list(content.grain(m.rng, [room] * m.n(16, 22), m.rng.uniform(0.8, 2.0)))
    reel = m.reel().add(frames, label)
    at, who = m.n(1.5, 2.5), int(m.rng.integers(1000))
    while True:
        n = m.n(2.2, 4.0)
        if at + n > len(reel) - m.fps:
            return reel
        sprite, mask = pictures.person(who, int(m.height * m.rng.uniform(0.5, 0.7)))
        for i in range(n):
            x = int(-sprite.shape[1] + i / n * (m.width + sprite.shape[1]))
            reel.frames[at + i] = pictures.paste(reel.frames[at + i], sprite, mask, x,
                                                 m.height - sprite.shape[0] - 5)
        whole = m.width + sprite.shape[1]  # in whole view: from the one edge to the other
        reel.shown.append({"from": at + -(-n * sprite.shape[1] // whole),
                           "to": at + n * m.width // whole + 1, "what": f"person {who}"})
        who += 1
        at += n + m.n(1.2, 2.0)


@recipe("fixed camera, real", 4)
def fixed_real(m):
    m.fps = 10
    name = m.pick("one-by-one-person-detection.mp4", "car-detection.mp4", "bottle-detection.mp4")
    truth = content.footage_files().get(name)
    if not truth:
        return visitors(m)
    length = {"one": 40, "car": 24, "bot": 30}[name[:3]]
    start = float(np.round(m.rng.uniform(0, 3), 1))
    reel = m.reel().add(content.footage(name, start, length, m.fps, m.width, m.height), name)
    for a, b in truth.get("people_s", []):
        a, b = (a - start) * m.fps, (b - start) * m.fps
        if a >= 0 and b < len(reel):
            reel.shown.append({"from": int(a), "to": int(b), "what": f"person at {a}"})
    return reel


@recipe("long scenes", 8)
def long_scenes(m):
    """One shot of half a minute and more: a camera that goes from view to view, people one by one, or
    a room in which nothing happens. What is to be seen in it wants a frame each; nothing wants no more."""
    m.fps = 12 if m.index % 2 == 0 else 10
    if m.index % 4 == 3:
        label, image, window = m.place()
        room = content.crop(image, window, m.width, m.height)
        still = content.grain(m.rng, [room] * m.n(35, 50), m.rng.uniform(0.5, 2.0))
        return m.reel().add(still, label)
    if m.index % 4 == 1:
        label, image, window = m.place()
        room = content.crop(image, window, m.width, m.height)
        reel = m.reel().add(content.grain(m.rng, [room] * m.n(40, 55), 1.0), label)
        at, who, speed = m.n(3.0, 5.0), int(m.rng.integers(1000)), m.width / m.n(0.8, 1.4)
        while at + m.n(7.0, 7.1) < len(reel):
            sprite, mask = pictures.person(who, int(m.height * m.rng.uniform(0.45, 0.7)))
            rest, stay = int(m.rng.uniform(0.1, 0.9) * (m.width - sprite.shape[1])), m.n(1.5, 4.0)
            walk = int(np.ceil((rest + sprite.shape[1]) / speed))
            for i in range(2 * walk + stay):  # in from the left, a while at rest, and out again
                x = rest - speed * max(walk - i, i - walk - stay, 0)
                reel.frames[at + i] = pictures.paste(reel.frames[at + i], sprite, mask, int(x),
                                                     m.height - sprite.shape[0] - 5)
            reel.shown.append({"from": at + walk - int(rest / speed),
                               "to": at + walk + stay + int(rest / speed) + 1, "what": f"person {who}"})
            who += 1
            at += 2 * walk + stay + m.n(1.5, 4.0)
        return reel
    label, image, window = m.place(m.rng.uniform(2.4, 3.2))
    frames, shown, windows, early = [], [], [window], 0

    def overlap(a, b):  # of two windows, as a share of the smaller one
        across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
        down = min(a[1] / m.height + a[2] / m.width, b[1] / m.height + b[2] / m.width) \
            - max(a[1], b[1]) / m.height
        return max(across, 0) * max(down, 0) * m.width / min(a[2], b[2]) ** 2

    while True:
        rest = m.n(2.0, 4.0)
        shown.append({"from": len(frames) - early, "to": len(frames) + rest, "what": f"view {len(shown)}"})
        frames += [content.crop(image, window, m.width, m.height)] * rest
        early = 0
        others = [content.away(m.rng, image, m.width, m.height, window, 3) for _ in range(30)]
        others = [w for w in others if max(overlap(w, before) for before in windows) < 0.3]
        if not others or len(frames) > m.n(40, 40.1):
            break
        far = np.hypot(others[0][0] - window[0], others[0][1] - window[1]) / window[2]
        walk = m.n(1.0 + 2.0 * far, 1.5 + 3.0 * far)
        for i in range(walk):
            share = 0.5 - 0.5 * np.cos(np.pi * (i + 1) / (walk + 1))
            between = [a + (b - a) * share for a, b in zip(window, others[0])]
            frames.append(content.crop(image, between, m.width, m.height))
            shown[-1]["to"] += int(overlap(between, window) > 0.9)  # nearly all of the view
            early += int(overlap(between, others[0]) > 0.9)
        window = others[0]
        windows.append(window)
    reel = m.reel().add(content.grain(m.rng, frames, m.rng.uniform(0.5, 1.5)), label)
    reel.shown = shown
    return reel


@recipe("soft starts", 4)
def soft(m):
    """Each shot begins out of focus: the frame to keep is a sharp one."""
    reel = m.reel()
    for _ in range(3):
        label, frames = m.shot(m.n(2.0, 3.0), "drift")
        n = m.n(0.5, 1.0)
        for i in range(n):
            frames[i] = content.blur(frames[i], 5.0 * (1 - i / n))
        reel.add(frames, label)
    return reel


# --- borders ----------------------------------------------------------------------------------------


def _barred(m, top, bottom, left, right, gain=1.0, **how):
    """Shots inside bars of these shares of the whole."""
    width, height = m.width, m.height
    top, bottom = int(top * height), int(bottom * height)
    left, right = int(left * width), int(right * width)
    m.width, m.height = width - left - right, height - top - bottom
    reel = m.shots(3, 1.0, 1.8)
    if gain != 1.0:
        reel.frames = list(content.grade(reel.frames, gain))
    return reel.bars(top, bottom, left, right, rng=m.rng, **how)


@recipe("letterbox", 8)
def letterbox(m):
    a = m.rng.uniform(0.05, 0.2)
    if m.index % 4 != 3:
        return _barred(m, a, a, 0, 0)
    # 1080p: the picture is enlarged, the bars come after, so their edges are sharp
    bar = int(a * 1080)
    m.width, m.height = 960, (1080 - 2 * bar) // 2
    reel = m.shots(3, 1.0, 1.4)
    reel.options["scale"] = (1920, 2 * m.height)
    reel.options["pad"] = (1920, 1080, 0, (1080 - 2 * m.height) // 2)
    return reel


@recipe("pillarbox", 6)
def pillarbox(m):
    a = m.rng.uniform(0.05, 0.3)
    return _barred(m, 0, 0, a, a)


@recipe("window box", 4)
def windowbox(m):
    a, b = m.rng.uniform(0.05, 0.15, 2)
    c = a * m.rng.uniform(0.7, 1.3)
    return _barred(m, a, c, b, b)


@recipe("coloured and noisy bars", 8)
def coloured(m):
    a, b = m.rng.uniform(0.06, 0.18, 2)
    colour = tuple(int(c) for c in m.rng.integers(0, 256, 3)) if m.index % 3 else (255, 255, 255)
    noise = int(m.rng.integers(0, 4))
    return _barred(m, a, a, *((b, b) if m.index % 2 else (0, 0)), colour=colour, noise=noise)


@recipe("dark film in bars", 5)
def dark_bars(m):
    a = m.rng.uniform(0.08, 0.16)
    return _barred(m, a, a, 0, 0, gain=m.rng.uniform(0.25, 0.45), noise=m.index % 2)


@recipe("bars, low bit rate", 6)
def rough_bars(m):
    a = m.rng.uniform(0.06, 0.2)
    reel = _barred(m, *((a, a, 0, 0) if m.index % 2 else (0, 0, a, a)))
    reel.options["crf"] = int(m.rng.integers(32, 40))
    return reel


@recipe("writing in the bars", 8)
def written(m):
    """Subtitles or a logo in a bar count as picture."""
    a = m.rng.uniform(0.14, 0.2)
    reel = _barred(m, a, a, 0, 0)
    bar = reel.scenes[0]["box"][1]
    size = max(8, int(bar * 0.4))
    first, last = 0, len(reel)
    if m.index % 2:  # subtitles: for a part of the time, below
        first, last = int(len(reel) * 0.2), int(len(reel) * 0.8)
        y = reel.height - bar + int(bar * m.rng.uniform(0.1, 0.3))
        cover = pictures.text("words in the bar", reel.width, size + 6, size)
    else:  # a logo: always, above, in a corner
        y = int(bar * m.rng.uniform(0.2, 0.4))
        word = pictures.text("ORI", size * 4, size + 6, size)
        cover = np.zeros((size + 6, reel.width))
        x = int(m.rng.uniform(0.02, 0.1) * reel.width)
        cover[:, x:x + word.shape[1]] = word
    rows = np.flatnonzero(cover.max(axis=1) > 0.05)
    for i in range(first, last):
        frame = reel.frames[i].copy()
        part = frame[y:y + cover.shape[0]]
        frame[y:y + cover.shape[0]] = film.mix(part, np.full_like(part, 235), cover[:, :, None])
        reel.frames[i] = frame
    top, bottom = y + int(rows[0]), y + int(rows[-1]) + 1
    for scene in reel.scenes:
        if scene["to"] <= first or scene["from"] >= last:
            continue
        x, y0, w, h = scene["box"]
        low, high = min(y0, top), max(y0 + h, bottom)
        scene["box"] = [x, low, w, high - low]
        scene["optional"] = ["bottom" if m.index % 2 else "top"]  # what is beyond the words may stay
    return reel


@recipe("mixed aspect", 8)
def mixed(m):
    """Some scenes in bars, others full: bars that appear half-way."""
    width, height = m.width, m.height
    a = int(m.rng.uniform(0.08, 0.2) * (height if m.index % 2 else width))
    reel = m.reel()
    barred = {i for i in range(4) if (i >= 2) == (m.index % 4 < 2) or (m.index % 3 == 0 and i == 1)}
    for i in range(4):
        m.width, m.height = width, height
        if i in barred:
            m.height -= 2 * a if m.index % 2 else 0
            m.width -= 0 if m.index % 2 else 2 * a
        label, frames = m.shot(m.n(1.0, 1.8))
        reel.add(frames, label)
    if m.index % 2:
        reel.height -= 2 * a
        return reel.bars(a, a, 0, 0, scenes=barred)
    reel.width -= 2 * a
    return reel.bars(0, 0, a, a, scenes=barred)


@recipe("no bars, dark film", 8)
def dark_no_bars(m):
    is_solid = m.index % 3 == 2  # nearly black, and one scene
    reel = m.reel()
    for _ in range(1 if is_solid else 3):
        label, frames = m.shot(m.n(1.0, 1.8))
        reel.add(content.dimmed(frames, m.rng.uniform(2, 5) if is_solid else m.rng.uniform(7, 12)), label)
    if is_solid:
        reel.scenes[0]["solid"] = True
    return reel


@recipe("no bars, flat edges", 12)
def flat_edges(m):
    """Plain sky, a dark floor, a wall: flat lines along an edge that are picture. From the ninth on:
    soft to both sides, as with a shallow depth of field."""
    label, frames = m.shot(m.n(3.0, 5.0), m.pick("drift", "shake", "still"), is_real=False)
    reel = m.reel().add(frames, label)
    share = m.rng.uniform(0.08, 0.3)
    level = int(m.pick(8, 16, 200, 240, 90))
    rows = int(m.height * share)
    kind = m.index % 4
    for i in range(len(reel)):
        frame = reel.frames[i].copy()
        y, x = np.ogrid[:m.height, :m.width]
        if m.index >= 8:
            cover = np.clip((np.abs(x / m.width - 0.5) - share) / 0.08, 0, 1)[:, :, None]
            soft = content.blur(frame, 8)
            reel.frames[i] = (frame * (1 - cover) + soft * cover + 0.5).astype(np.uint8)
            continue
        edge = rows
        if kind == 0:  # a horizon with hills
            edge = rows + 6 * np.sin(x / 23.0 + i / 40) + 9 * np.sin(x / 61.0)
        elif kind == 1:  # a slanting edge
            edge = rows + (x - m.width / 2) * 0.08
        elif kind == 2:  # vignette: dark on all sides, no straight edge
            far = np.hypot((x - m.width / 2) / m.width, (y - m.height / 2) / m.height)
            gain = np.clip((0.62 - far) / 0.28, 0, 1)[:, :, None]
            reel.frames[i] = (frame * gain).astype(np.uint8)
            continue
        else:  # a soft gradient into the plain part
            gain = np.clip((y - rows / 2) / rows, 0, 1)[:, :, None] * np.ones((1, m.width, 1))
            reel.frames[i] = (frame * gain + level * (1 - gain)).astype(np.uint8)
            continue
        plain = y < edge
        if m.index % 8 >= 4:
            plain = plain[::-1]
        frame[plain] = level
        reel.frames[i] = frame
    return reel


@recipe("blurred sides", 10)
def blurred_sides(m):
    """An upright film over an enlarged, blurred copy of itself, as telephones' videos have."""
    width, height = 426, 240
    m.width, m.height = 134 + 2 * int(m.rng.integers(0, 12)), height
    reel = m.shots(3, 1.2, 2.0, is_real=False)
    inner = m.width
    left = (width - inner) // 2
    for i, frame in enumerate(reel.frames):
        rows = inner * height // width
        top = (height - rows) // 2
        back = np.asarray(content.Image.fromarray(frame[top:top + rows]).resize((width, height)))
        back = content.blur((back * 0.8).astype(np.uint8), 12)
        back = back.copy()
        back[:, left:left + inner] = frame
        reel.frames[i] = back
    reel.width = width
    for scene in reel.scenes:  # what is blurred may go where it happens to be of one colour
        scene["box"] = [left, 0, inner, height]
        scene["optional"] = ["left", "right"]
        scene["is_filled"] = True
    return reel


# --- the same again ---------------------------------------------------------------------------------


@recipe("exact repeats", 6)
def repeats(m):
    """A B A, A B C A B: what returns is the same to the last sample."""
    reel = m.reel()
    known = [m.shot(m.n(1.2, 2.2), m.pick("still", "drift")) for _ in range(3)]
    for i in m.pick((0, 1, 0), (0, 1, 2, 0, 1), (0, 1, 0, 1), (0, 1, 2, 0)):
        reel.add(known[i][1], known[i][0])
    return reel


@recipe("re-encodes", 6)
def reencodes(m):
    """What returns went through another, poorer encode first."""
    reel = m.reel()
    known = [m.shot(m.n(1.2, 2.2), m.pick("still", "drift")) for _ in range(3)]
    for i in range(3):
        reel.add(known[i][1], known[i][0])
    crf = int(m.rng.integers(26, 38))
    for i in (0, 1) if m.index % 2 else (1, 2):
        reel.add(_coded(known[i][1], crf, m.fps), known[i][0])
    return reel


@recipe("slow fades, near-duplicates", 5)
def near_duplicates(m):
    """Two pictures of one place, a little apart, melted slowly: one scene or two, nothing false."""
    reel = m.reel()
    label, image, (x, y, w) = m.place()
    a = list(content.camera(m.rng, image, (x, y, w), m.n(2.5, 3.5), m.width, m.height, m.fps, "still"))
    window = (x + w * 0.012, y + w * 0.006, w * 0.99)
    b = list(content.camera(m.rng, image, window, m.n(3.5, 4.5), m.width, m.height, m.fps, "still"))
    n = m.n(1.5, 2.4)
    frames = film.dissolve(a, b, min(n, len(a) - 2))
    return reel.add(content.grain(m.rng, frames, 1.0), label)


@recipe("same place, other shots", 6)
def same_place(m):
    """A room seen from other sides, and empty, then with somebody in it: nothing merges."""
    reel = m.reel()
    label, image, window = m.place(2.0)
    other = content.away(m.rng, image, m.width, m.height, window)
    room = content.crop(image, window, m.width, m.height)
    for i in range(4):
        n = m.n(1.2, 2.0)
        if i % 2:
            view = content.crop(image, other, m.width, m.height)
        else:
            view = room
        picture = view
        if i >= 2:  # the same two views again, each with another person
            sprite, mask = pictures.person(int(m.rng.integers(1000)) + i, int(m.height * 0.55))
            x = int(m.rng.uniform(0.1, 0.6) * m.width)
            picture = pictures.paste(view, sprite, mask, x, m.height - sprite.shape[0])
        reel.add(content.grain(m.rng, [picture] * n, 1.0), f"{label}#{i}")
    return reel


# --- writing ----------------------------------------------------------------------------------------


def _coded(frames, crf, fps):
    """The frames after an encode of that quality."""
    height, width = frames[0].shape[:2]
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
    coded = subprocess.run(
        ["ffmpeg", "-v", "error", *raw, "-r", str(fps), "-i", "-", "-c:v", "libx264", "-preset",
         "veryfast", "-crf", str(crf), "-threads", "1", "-pix_fmt", "yuv444p", "-f", "matroska",
         "-"],
        input=b"".join(f.tobytes() for f in frames), capture_output=True, check=True).stdout
    data = subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-f", "rawvideo", "-pix_fmt",
                           "rgb24", "-"], input=coded, capture_output=True, check=True).stdout
    return list(np.frombuffer(data, np.uint8).reshape(-1, height, width, 3))


def _times(reel):
    """(numbers of the frames that stay, their times): a variable rate drops or stretches."""
    step = 1.0 / reel.fps
    numbers = range(len(reel))
    if "keep" in reel.options:
        factor, modulus, below = reel.options["keep"]
        numbers = [i for i in numbers if i * factor % modulus < below]
    if "slow_from" in reel.options:
        at, by = reel.options["slow_from"], reel.options["slow_by"]
        return list(numbers), [i * step if i < at else (at + (i - at) * by) * step for i in numbers]
    return list(numbers), [i * step for i in numbers]


def _even(reel):
    """4:2:0 wants even sides: the last odd row or column goes, and the truth follows."""
    width, height = reel.width & ~1, reel.height & ~1
    if (width, height) == (reel.width, reel.height):
        return
    reel.frames = [f[:height, :width] for f in reel.frames]
    for scene in reel.scenes:
        x, y, w, h = scene["box"]
        scene["box"] = [x, y, min(w, width - x), min(h, height - y)]
    reel.width, reel.height = width, height


def _truth(reel, category, rng):
    kept, times = _times(reel)
    new = {old: i for i, old in enumerate(kept)}

    def moved(frame):  # the first kept frame at or after it
        while frame < len(reel) and frame not in new:
            frame += 1
        return new.get(frame, len(kept))

    for scene in reel.scenes:
        scene["from"], scene["to"] = moved(scene["from"]), moved(scene["to"])
    for boundary in reel.boundaries:
        for name in ("at", "from", "to"):
            if name in boundary:
                boundary[name] = moved(boundary[name])
    sharp = [round(content.sharpness(reel.frames[i]), 3) for i in kept]
    size = reel.options.get("scale", (reel.width, reel.height))
    fx, fy = size[0] / reel.width, size[1] / reel.height
    for scene in reel.scenes:
        x, y, w, h = scene["box"]
        scene["box"] = [x * fx, y * fy, w * fx, h * fy]
        if "pad" in reel.options:
            size = reel.options["pad"][:2]
            scene["box"][0] += reel.options["pad"][2]
            scene["box"][1] += reel.options["pad"][3]
    return {"category": category, "size": size, "times": [round(t, 6) for t in times],
            "boundaries": reel.boundaries, "scenes": reel.scenes, "shown": reel.shown,
            "unwanted": reel.unwanted, "sharpness": sharp}


def _write(reel, path, rng):
    filters = []
    if "keep" in reel.options:
        factor, modulus, below = reel.options["keep"]
        filters.append(f"select='lt(mod(n*{factor}\\,{modulus})\\,{below})'")
    if "slow_from" in reel.options:
        at, by = reel.options["slow_from"], reel.options["slow_by"]
        filters.append(f"setpts='if(lt(N\\,{at})\\,N\\,{at}+(N-{at})*{by})/{reel.fps}/TB'")
    if "scale" in reel.options:
        filters.append("scale={}:{}:flags=bicubic".format(*reel.options["scale"]))
    if "pad" in reel.options:
        filters.append("format=rgb24,pad={}:{}:{}:{}".format(*reel.options["pad"]))
    filters.append("scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd,format=yuv420p")
    crf = reel.options.get("crf", int(rng.integers(17, 27)))
    preset = ["ultrafast", "ultrafast", "superfast", "veryfast"][rng.integers(4)]
    if "scale" in reel.options:
        preset = "ultrafast"
    options = ["-vf", ",".join(filters), "-fps_mode", "vfr", *film.BT709[2:], "-c:v", "libx264",
               "-preset", preset, "-crf", str(crf), "-g", str(int(rng.integers(12, 250))),
               "-threads", "1"]
    film.encode(reel.frames, path, reel.fps, options)


def _render(job):
    seed, category, index, number, path = job
    truth_path = path.with_suffix(".json")
    if truth_path.exists():
        return
    make = Maker(seed, category, index)
    reel = RECIPES[number][2](make)
    for scene in reel.scenes:
        scene.setdefault("box", [0, 0, reel.width, reel.height])
    _even(reel)
    draft = path.with_name(f".{os.getpid()}-{path.name}")
    _write(reel, draft, make.rng)
    truth = _truth(reel, category, make.rng)
    draft.rename(path)
    truth_path.write_text(json.dumps(truth))


def _keys():
    """For each recipe a digest of its text and of everything that recipes share."""
    text = (HERE / "corpus.py").read_text()
    recipes = [inspect.getsource(function) for _, _, function in RECIPES]
    shared = text[:text.index("def _keys()")]
    for recipe_text in recipes:
        shared = shared.replace(recipe_text, "")
    for module in (content, film, pictures):
        shared += Path(module.__file__).read_text()
    shared += f"{len(content.photo_files())} {sorted(content.footage_files())}"
    bodies = [t[t.index("def "):] for t in recipes]  # how many clips there are changes none
    return [hashlib.sha256((shared + body).encode()).hexdigest()[:8] for body in bodies]


class Clip:
    def __init__(self, path):
        self.path = path
        self.truth = json.loads(path.with_suffix(".json").read_text())
        self.category = self.truth["category"]
        self.times = self.truth["times"]

    def frame_at(self, seconds):
        """Number of the frame shown from that time on, or nearest to it."""
        return int(np.argmin(np.abs(np.asarray(self.times) - seconds)))


def build(seed, is_quick=False, word="", workers=2, say=print):
    """word: only categories whose name has it."""
    folder = CACHE / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    jobs = []
    for number, ((category, count, _), key) in enumerate(zip(RECIPES, _keys())):
        if word not in category:
            continue
        indices = range(count)
        if is_quick:
            indices = range(0, count, max(1, count // max(2, count // QUICK_SHARE)))
        slug = category.replace(",", "").replace(" ", "-")
        for old in folder.glob(f"{slug}-[0-9][0-9]-*"):
            if key not in old.name:
                old.unlink()
        jobs += [(seed, category, i, number, folder / f"{slug}-{i:02}-{key}.mkv") for i in indices]
    missing = [j for j in jobs if not j[4].with_suffix(".json").exists()]
    if missing:
        say(f"rendering {len(missing)} clips of seed {seed}", flush=True)
        with multiprocessing.Pool(workers) as pool:
            for done, _ in enumerate(pool.imap_unordered(_render, missing), 1):
                if done % 50 == 0:
                    say(f"  {done}", flush=True)
    return [Clip(j[4]) for j in jobs]
