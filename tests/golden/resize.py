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

# kind, source width, source height, box (x, y, w, h; empty: all), result width, result height; then
# of squares: what a side becomes before the crop (0: the result's), filter, how the crop is rounded
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
    ("SQUASH", 320, 180, (), 56, 56, 0, "bilinear"),
    ("SQUASH", 50, 90, (), 64, 64, 0, "bilinear"),
    ("SQUASH", 1, 1, (), 7, 7, 0, "bilinear"),
    ("SQUASH", 1000, 3, (), 9, 9, 0, "bilinear"),
    ("SQUASH", 120, 77, (), 32, 32, 45),
    ("SHORTER_CROP", 320, 180, (), 56, 56, 0, "bilinear"),
    ("SHORTER_CROP", 40, 31, (), 64, 64, 0, "bilinear"),
    ("SHORTER_CROP", 320, 180, (), 56, 56, 64),
    ("SHORTER_CROP", 179, 320, (), 56, 56, 65, "bilinear"),
    # an odd rest: 3 / 2 is 1 or 2, 5 / 2 is 2 either way, 7 / 2 is 3 or 4
    ("SHORTER_CROP", 40, 43, (), 40, 40),
    ("SHORTER_CROP", 40, 43, (), 40, 40, 0, "bicubic", "rounded"),
    ("SHORTER_CROP", 45, 40, (), 40, 40, 0, "bicubic", "rounded"),
    ("SHORTER_CROP", 47, 40, (), 40, 40, 0, "bilinear", "rounded"),
    ("SHORTER_CROP", 50, 57, (), 40, 40, 43, "bicubic", "rounded"),
    # smaller than the crop, one way or both: zeros around it
    ("SHORTER_CROP", 100, 60, (), 48, 48, 33),
    ("SHORTER_CROP", 100, 60, (), 48, 48, 33, "bicubic", "rounded"),
    ("SHORTER_CROP", 60, 100, (), 48, 48, 33, "bilinear", "rounded"),
    ("SHORTER_CROP", 60, 100, (), 48, 48, 13),
    ("SQUASH", 60, 100, (), 48, 48, 13),
    ("SQUASH", 60, 100, (), 48, 48, 13, "bilinear", "rounded"),
    # strips: only the middle of 40,000 columns is ever seen
    ("SHORTER_CROP", 5000, 4, (), 32, 32),
    ("SHORTER_CROP", 3, 2000, (), 32, 32, 40, "bilinear", "rounded"),
    ("SHORTER_CROP", 1, 700, (), 21, 21),
]
FILTERS = {"bicubic": Image.BICUBIC, "bilinear": Image.BILINEAR}


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


def crop_begin(n, side, is_rounded):
    """Where the crop begins, before the picture when that is too small: the rules of Hugging Face's
    image_transforms.center_crop, and of torchvision's CenterCrop."""
    if not is_rounded:
        return (n - side) // 2
    return -((side - n) // 2) if n < side else int(round((n - side) / 2.0))


def square(image, kind, side, resize_side, resample, is_rounded):
    """Image.crop fills with zeros what lies outside."""
    width, height = image.size
    size = (resize_side, resize_side)
    if kind == "SHORTER_CROP" and width <= height:
        size = (resize_side, int(resize_side * height / width))
    elif kind == "SHORTER_CROP":
        size = (int(resize_side * width / height), resize_side)
    left = crop_begin(size[0], side, is_rounded)
    top = crop_begin(size[1], side, is_rounded)
    return image.resize(size, resample).crop((left, top, left + side, top + side))


def result(kind, width, height, box, out_width, out_height, resize_side=0, resample="bicubic",
           rounding="floor"):
    image = picture(width, height)
    if box:
        x, y, w, h = box
        image = image.crop((x, y, x + w, y + h))
    if kind == "RESIZE":
        return image.resize((out_width, out_height), Image.BICUBIC)
    return square(image, kind, out_width, resize_side or out_width, FILTERS[resample],
                  rounding == "rounded")


def flags(resize_side=0, resample="bicubic", rounding="floor"):
    return "%d, %d, %d" % (resize_side, resample == "bilinear", rounding == "rounded")


def main():
    out = sys.stdout
    out.write("/* Made by tests/golden/resize.py with Pillow %s: do not edit. */\n/* clang-format off */\n" % __version__)
    for case in CASES:
        kind, width, height, box, out_width, out_height = case[:6]
        data = result(*case).tobytes()
        values = [data[i * 7919 % len(data)] for i in range(PLACES)]
        out.write("{%s, %d, %d, {%s}, %d, %d, %s, %d,\n" % (
            kind, width, height, ", ".join(map(str, box or (0, 0, 0, 0))), out_width, out_height,
            flags(*case[6:]), sum(data)))
        for i in range(0, PLACES, 20):
            begin = " {" if i == 0 else "  "
            end = "}}," if i + 20 >= PLACES else ","
            out.write(begin + ", ".join(map(str, values[i:i + 20])) + end + "\n")


if __name__ == "__main__":
    main()
