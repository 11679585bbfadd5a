#!/usr/bin/python3
"""Regenerates tests/golden/resize_golden_tbl.h: what Pillow makes of a picture given by a formula.

usage: tests/golden/resize.py > tests/golden/resize_golden_tbl.h

Written with Pillow 9.4 (Debian's python3-pil). The picture is computed by the same integer
formula in tests/unit/vision_resize_test.c. Of each result the table holds samples at places that
both sides compute likewise, and the sum of all samples.
"""
import sys

from PIL import Image, __version__

PLACES = 60

# kind, source width, source height, box (x, y, w, h; empty: all), result width, result height
CASES = [
    ("RESIZE", 64, 48, (), 32, 24),
    ("RESIZE", 64, 48, (), 64, 48),
    ("RESIZE", 64, 48, (), 17, 31),
    ("RESIZE", 31, 17, (), 64, 48),
    ("RESIZE", 640, 360, (), 37, 21),
    ("RESIZE", 1, 1, (), 5, 7),
    ("RESIZE", 3, 200, (), 50, 3),
    ("RESIZE", 200, 3, (), 1, 1),
    ("RESIZE", 100, 80, (13, 7, 61, 53), 24, 24),
    ("RESIZE", 100, 80, (99, 79, 1, 1), 3, 3),
    ("SQUASH", 320, 180, (), 56, 56),
    ("SQUASH", 50, 90, (), 64, 64),
    ("SHORTER_CROP", 320, 180, (), 56, 56),
    ("SHORTER_CROP", 180, 321, (), 56, 56),
    ("SHORTER_CROP", 333, 100, (), 33, 33),
    ("SHORTER_CROP", 40, 31, (), 64, 64),
    ("SHORTER_CROP", 64, 64, (), 64, 64),
]


def sample(x, y, c):
    """Slopes, edges and specks: anything 0..255, the same in C."""
    value = (x * 7 + y * 3 + c * 50 + x * y // 5) % 511
    value = 510 - value if value > 255 else value
    if (x // 9 + y // 7) % 3 == c:
        value = 255 - value // 4
    if (x * 31 + y * 17) % 23 == 0:
        value = 0
    return value


def picture(width, height):
    data = bytes(sample(x, y, c) for y in range(height) for x in range(width) for c in range(3))
    return Image.frombytes("RGB", (width, height), data)


def result(kind, width, height, box, out_width, out_height):
    image = picture(width, height)
    if box:
        x, y, w, h = box
        image = image.crop((x, y, x + w, y + h))
    if kind != "SHORTER_CROP":
        return image.resize((out_width, out_height), Image.BICUBIC)
    side = out_width
    if width < height:
        size = (side, side * height // width)
    else:
        size = (side * width // height, side)
    left = (size[0] - side) // 2
    top = (size[1] - side) // 2
    return image.resize(size, Image.BICUBIC).crop((left, top, left + side, top + side))


def main():
    out = sys.stdout
    out.write("/* Made by tests/golden/resize.py with Pillow %s: do not edit. */\n/* clang-format off */\n" % __version__)
    for kind, width, height, box, out_width, out_height in CASES:
        data = result(kind, width, height, box, out_width, out_height).tobytes()
        values = [data[i * 7919 % len(data)] for i in range(PLACES)]
        out.write("{%s, %d, %d, {%s}, %d, %d, %d,\n" % (
            kind, width, height, ", ".join(map(str, box or (0, 0, 0, 0))), out_width, out_height,
            sum(data)))
        for i in range(0, PLACES, 20):
            begin = " {" if i == 0 else "  "
            end = "}}," if i + 20 >= PLACES else ","
            out.write(begin + ", ".join(map(str, values[i:i + 20])) + end + "\n")


if __name__ == "__main__":
    main()
