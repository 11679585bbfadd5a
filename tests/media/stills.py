"""Named pictures as arrays [height][width][3] of uint8, the same on every machine: integers only.

What is like a photograph is value noise of five octaves over a colour, with an edge or two. The golden
files of tests/golden name each picture's hash. Frames of real videos come from ../shared/media, when
it is there. Write one: /usr/bin/python3 tests/media/stills.py NAME FILE.png
"""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np

import models

SHARED = models.REPOSITORY.parent / "shared" / "media"


def _random_bytes(name, count):
    """SHAKE-256 as a generator: defined to the byte."""
    return np.frombuffer(hashlib.shake_256(name.encode()).digest(count), np.uint8)


def _octave(name, width, height, step):
    """A lattice of random numbers 0..255, `step` pixels wide, filled bilinearly; in 1/step² units."""
    across, down = width // step + 2, height // step + 2
    lattice = _random_bytes(f"{name}/{step}", across * down * 3).reshape(down, across, 3).astype(np.int64)
    y, x = np.arange(height), np.arange(width)
    fy, fx = (y % step)[:, None, None], (x % step)[None, :, None]
    y, x = (y // step)[:, None], (x // step)[None, :]
    upper = lattice[y, x] * (step - fx) + lattice[y, x + 1] * fx
    lower = lattice[y + 1, x] * (step - fx) + lattice[y + 1, x + 1] * fx
    return upper * (step - fy) + lower * fy


def photograph(name, width, height):
    colour = _random_bytes(f"{name}/colour", 8).astype(np.int64)
    sum = np.zeros((height, width, 3), np.int64)
    for step, weight in ((64, 96), (32, 64), (16, 32), (4, 16), (1, 8)):
        sum += _octave(name, width, height, step) * weight * (4096 // (step * step))
    picture = (sum // 4096 - 108 * 255) // 128 + 40 + colour[:3] * 2 // 3  # around a colour
    # a box in another colour: an edge that a resize has to keep
    left, top = width * int(colour[3]) // 512, height * int(colour[4]) // 512
    picture[top:top + height // 3, left:left + width // 3] += colour[5:8] - 128
    return np.clip(picture, 0, 255).astype(np.uint8)


def flat(colour, width, height):
    return np.full((height, width, 3), colour, np.uint8)


def checkers(width, height):
    """One pixel black, one white: what a resize without antialias turns into stripes."""
    y, x = np.mgrid[:height, :width]
    return np.repeat((((x + y) & 1) * 255).astype(np.uint8)[..., None], 3, axis=2)


def ramp(width, height):
    y, x = np.mgrid[:height, :width]
    channels = x * 255 // max(1, width - 1), y * 255 // max(1, height - 1), (x + y) & 255
    return np.stack(channels, axis=2).astype(np.uint8)


def frame(video, second, box):
    """A crop of a real video's frame, or None when the video is not there. box: x, y, width, height."""
    path = SHARED / video
    if not path.exists():
        return None
    x, y, width, height = box
    command = ["ffmpeg", "-v", "error", "-ss", str(second), "-i", str(path), "-frames:v", "1",
               "-vf", f"format=gbrp,crop={width}:{height}:{x}:{y}",
               "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    out = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(out, np.uint8).reshape(height, width, 3)


def make(name):
    """kind-WIDTHxHEIGHT; photographs differ by what follows "photo": "photo3-640x480"."""
    if name in FRAMES:
        return frame(*FRAMES[name])
    kind, size = name.split("-")
    width, height = map(int, size.split("x"))
    if kind.startswith("photo"):
        return photograph(kind, width, height)
    if kind in COLOURS:
        return flat(COLOURS[kind], width, height)
    return {"checkers": checkers, "ramp": ramp}[kind](width, height)


COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0), "red": (220, 30, 40)}
FRAMES = {"frame-bunny": ("bbb-480p-30s.mp4", 7, (40, 20, 700, 420)),
          "frame-bottles": ("bottle-detection.mp4", 3, (0, 0, 333, 352)),
          "frame-cars": ("car-detection.mp4", 5, (100, 10, 301, 400))}


def sha(picture):
    return hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()


def save(picture, path):
    from PIL import Image
    Image.fromarray(picture).save(path, compress_level=1)
    return Path(path)


if __name__ == "__main__":
    save(make(sys.argv[1]), sys.argv[2])
