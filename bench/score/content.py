"""What the scoreboard's clips show: photographs, real footage where there is some, drawn pictures.

A shot is a list or generator of uint8 frames (height, width, 3). All randomness comes from the
caller's generator, so that the same seed gives the same frames. Seeds of one parity see one half of
the photographs, those of the other parity the other: what was tuned on one has not seen the other.
"""

import functools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

REPOSITORY = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(REPOSITORY / "tests" / "media"))

import pictures  # noqa: E402  (of tests/media)

BACKGROUNDS = Path("/usr/share/backgrounds")
SHARED = REPOSITORY.parent / "shared" / "media"
PHOTO_SIDE = 1800  # photographs are shrunk to this: finer than any frame that is cut from them
DRAWN = 12  # drawn pictures beside the photographs
DRAWN_WITHOUT_PHOTOS = 30


@functools.lru_cache(maxsize=1)
def photo_files():
    names = sorted(p for p in BACKGROUNDS.glob("*_by_*") if p.suffix in (".jpg", ".png"))
    return tuple(names)


@functools.lru_cache(maxsize=1)
def footage_files():
    if not (SHARED / "truth.json").exists():
        return {}
    return {n: t for n, t in json.loads((SHARED / "truth.json").read_text()).items()
            if (SHARED / n).exists()}


@functools.lru_cache(maxsize=40)
def _photograph(path):
    with Image.open(path) as image:
        image.draft("RGB", (PHOTO_SIDE, PHOTO_SIDE))
        image = image.convert("RGB")
        image.thumbnail((PHOTO_SIDE, PHOTO_SIDE), Image.LANCZOS)
        return image


@functools.lru_cache(maxsize=40)
def _drawn(number):
    return Image.fromarray(pictures.photo(number, 1280, 800))


class Pool:
    """The pictures that clips of one seed are made of; `deal` gives n different ones."""

    def __init__(self, seed):
        photos = [p for i, p in enumerate(photo_files()) if i % 2 == seed % 2]
        drawn = DRAWN if photos else DRAWN_WITHOUT_PHOTOS
        self.keys = [("photo", str(p)) for p in photos] * 2  # more often than what is drawn
        self.keys += [("drawn", 1000 * seed + i) for i in range(drawn)]

    def deal(self, rng, n):
        """n keys, no two the same while there are enough."""
        dealt = []
        while len(dealt) < n:
            order = [self.keys[i] for i in rng.permutation(len(self.keys))]
            for key in order:
                if len(dealt) < n and key not in dealt[-min(len(dealt), 12):]:
                    dealt.append(key)
        return dealt

    @staticmethod
    def image(key):
        return _photograph(key[1]) if key[0] == "photo" else _drawn(key[1])


def view(rng, image, width, height, zoom=None):
    """A random window of the picture with the frame's shape: (x, y, w) in its pixels."""
    widest = min(image.width, image.height * width / height)
    zoom = zoom or rng.uniform(1.25, 2.2)
    w = widest / zoom
    h = w * height / width
    x, y = rng.uniform(0, image.width - w), rng.uniform(0, image.height - h)
    return x, y, w


def away(rng, image, width, height, other, tries=40):
    """Another window of the same picture, overlapping the first as little as luck gives."""
    best, least = None, 2.0
    for _ in range(tries):
        x, y, w = view(rng, image, width, height, rng.uniform(1.8, 3.0))
        h = w * height / width
        ox, oy, ow = other
        oh = ow * height / width
        across = max(0, min(x + w, ox + ow) - max(x, ox))
        down = max(0, min(y + h, oy + oh) - max(y, oy))
        share = across * down / (w * h)
        if share < least:
            best, least = (x, y, w), share
    return best


def crop(image, window, width, height):
    x, y, w = window
    h = w * height / width
    x = min(max(x, 0), max(image.width - w, 0))
    y = min(max(y, 0), max(image.height - h, 0))
    return np.asarray(image.resize((width, height), Image.BILINEAR,
                                   (x, y, min(x + w, image.width), min(y + h, image.height))))


def camera(rng, image, window, n, width, height, fps, motion="drift", strength=1.0):
    """n frames of a camera that looks at the picture through the window and moves on.

    still; drift: a slow pan with a breath of zoom; pan: fast; zoom; shake: hand-held and nervous;
    whip: rests, whips, rests."""
    x, y, w = window
    at = np.arange(n) / fps
    seconds = max(n / fps, 0.1)
    dx = dy = np.zeros(n)
    scale = np.ones(n)
    turn = rng.uniform(0, 2 * np.pi)
    room = w * 0.5
    if motion == "drift":
        speed = w * rng.uniform(0.008, 0.03) * strength
        dx, dy = speed * at * np.cos(turn), speed * at * np.sin(turn) * 0.6
        scale = 1 + rng.uniform(-0.01, 0.01) * at
    elif motion == "pan":
        speed = w * rng.uniform(0.2, 0.5) * strength
        dx = speed * at * (1 if np.cos(turn) > 0 else -1)
    elif motion == "zoom":
        rate = rng.uniform(0.15, 0.3) * strength / max(1.0, seconds / 4)
        scale = np.exp((rate if np.cos(turn) > 0 else -rate) * (at - seconds / 2))
    elif motion == "shake":
        for axis in range(2):
            wave = np.zeros(n)
            for _ in range(4):
                hertz = rng.uniform(1.5, 6.0)
                wave = wave + rng.uniform(0.4, 1.0) * np.sin(2 * np.pi * hertz * at
                                                             + rng.uniform(0, 6.3))
            wave = wave * w * 0.011 * strength
            dx, dy = (wave, dy) if axis == 0 else (dx, wave)
    elif motion == "whip":
        middle, width_s = seconds / 2, 0.25
        share = np.clip((at - middle) / width_s + 0.5, 0, 1)
        share = share * share * (3 - 2 * share)
        dx = share * w * 0.8 * (1 if np.cos(turn) > 0 else -1)
    # turn round at the picture's ends rather than stop there
    limit_x, limit_y = image.width - w, image.height - w * height / width
    for i in range(n):
        ws = min(w * scale[i], image.width, image.height * width / height)
        px = _mirror(x + dx[i] - (ws - w) / 2, max(image.width - ws, 0.0))
        py = _mirror(y + dy[i] - (ws - w) * height / width / 2,
                     max(image.height - ws * height / width, 0.0))
        yield crop(image, (px, py, ws), width, height)
    del limit_x, limit_y, room


def _mirror(value, limit):
    if limit <= 0:
        return 0.0
    value = value % (2 * limit)
    return 2 * limit - value if value > limit else value


@functools.lru_cache(maxsize=8)
def footage(name, start, seconds, fps, width, height):
    """A piece of a real video, scaled and cut to the asked size, as a list of frames."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-ss", str(start), "-i", str(SHARED / name),
               "-t", str(seconds), "-vf",
               f"fps={fps},scale={width}:{height}:force_original_aspect_ratio=increase:flags=bicubic,"
               f"crop={width}:{height}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return list(np.frombuffer(data, np.uint8).reshape(-1, height, width, 3))


def footage_shot(rng, seconds, fps, width, height, names=None):
    """(label, frames) of a piece that is one shot by truth.json, or None without footage."""
    known = footage_files()
    choices = []
    for name, truth in known.items():
        if names and name not in names:
            continue
        ends = [truth.get("fade_in_s", [0, 0])[1], *truth["cuts_s"]]
        last = {"bbb-480p-30s.mp4": 30.0, "car-detection.mp4": 30.0,
                "one-by-one-person-detection.mp4": 139.0, "bottle-detection.mp4": 39.5}.get(name, 20.0)
        for i, (a, b) in enumerate(zip(ends, [*truth["cuts_s"], last])):
            if name.startswith("one-by-one"):
                b = 20.0
            if b - a > seconds + 0.3:
                choices.append((name, i, a + 0.1, b - 0.1))
    if not choices:
        return None
    name, i, a, b = choices[rng.integers(len(choices))]
    start = round(a + rng.uniform(0, b - a - seconds), 2)
    frames = footage(name, start, round(seconds + 0.5, 2), fps, width, height)
    n = int(round(seconds * fps))
    return (f"{name}:{i}", frames[:n]) if len(frames) >= n else None


def blur(frame, radius):
    return np.asarray(Image.fromarray(frame).filter(ImageFilter.BoxBlur(radius)))


def sharpness(frame):
    """Mean absolute second difference of green, on every second line: what focus changes."""
    green = frame[::2, :, 1].astype(np.int16)
    return float(np.abs(2 * green[:, 1:-1] - green[:, :-2] - green[:, 2:]).mean())


def grade(frames, gain=1.0, offset=0.0, tint=(1.0, 1.0, 1.0)):
    lut = np.stack([np.clip(np.arange(256) * gain * t + offset, 0, 255) for t in tint], 1)
    lut = lut.astype(np.uint8)
    for frame in frames:
        yield np.stack([lut[frame[..., c], c] for c in range(3)], axis=2)


def dimmed(frames, deviation, offset=0.0):
    """So dark that luma deviates by that much (in a file's code values) where it deviates least."""
    luma = [np.dot(f[::4, ::4], (0.2126, 0.7152, 0.0722)).std() * 219 / 255 for f in frames[::8]]
    return list(grade(frames, deviation / max(min(luma), 1.0), offset))


def grain(rng, frames, amount):
    pool = [rng.normal(0, amount, frames_shape(frames)).astype(np.int16) for _ in range(5)]
    for i, frame in enumerate(frames):
        noise = pool[(i * 7 + 3) % 5]
        yield np.clip(frame + np.roll(noise, 13 * i, axis=1)[:, :, None], 0, 255).astype(np.uint8)


def frames_shape(frames):
    return frames[0].shape[:2]
