"""Moving pictures with known truth: generators of frames, edits over them, and their encoder.

A film is an iterable of uint8 arrays (height, width, 3). Edits take films and give films, so that
the truth (where a cut lies, what a bar hides) is known by construction.
"""

import itertools
import math
import subprocess

import numpy as np

import pictures


def still(picture, n):
    return itertools.repeat(picture, n)


def shot(seed, n, width, height, speed=1.0):
    """A slow pan over one photograph: a shot of a hand-held or travelling camera."""
    room = int(math.ceil(abs(speed) * n)) + 2
    wide = pictures.photo(seed, width + room, height + room)
    for i in range(n):
        step = int(abs(speed) * i)
        x = step if seed % 2 else room - 1 - step
        y = step // 2 if seed % 3 else (room - 1) // 2
        yield wide[y:y + height, x:x + width]


def lavfi(source, n):
    """n frames of one of ffmpeg's own sources, such as "testsrc2=s=320x180:r=24"."""
    size = next(p.split("=")[-1] for p in source.split(":") if p.split("=")[-1].count("x") == 1)
    width, height = map(int, size.split("x"))
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-frames:v", str(n), "-f",
               "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return list(np.frombuffer(data, np.uint8).reshape(-1, height, width, 3))


def mix(a, b, share):
    """share 0 is a, 1 is b."""
    return np.clip(a * (1.0 - share) + b * share + 0.5, 0, 255).astype(np.uint8)


def dissolve(a, b, n):
    """The last n frames of a melt into the first n of b."""
    a, b = list(a), list(b)
    blend = [mix(a[len(a) - n + i], b[i], (i + 1) / (n + 1)) for i in range(n)]
    return a[:len(a) - n] + blend + b[n:]


def fade(film, n_in=0, n_out=0, level=0):
    """From and to a single grey level: 0 is black, 255 white."""
    film = list(film)
    for i, picture in enumerate(film):
        share = 1.0
        if i < n_in:
            share = i / n_in
        if i >= len(film) - n_out:
            share = min(share, (len(film) - 1 - i) / n_out)
        flat = np.full_like(picture, level)
        yield mix(flat, picture, share)


def flash(film, at, n=2):
    """A photographer's flash: n frames nearly white."""
    for i, picture in enumerate(film):
        yield mix(picture, np.full_like(picture, 255), 0.85) if at <= i < at + n else picture


def title(film, words, start, ramp, hold, size):
    """Words fade in over the running shot, stay, and fade out."""
    for i, picture in enumerate(film):
        share = min((i - start) / ramp, 1.0, (start + 2 * ramp + hold - i) / ramp)
        if share > 0:
            cover = pictures.text(words, picture.shape[1], picture.shape[0], size)[:, :, None]
            picture = mix(picture, np.full_like(picture, 250), cover * share)
        yield picture


def visits(seed, n, width, height, people):
    """A fixed camera over one room. people: (first frame, last frame, who): each walks through."""
    room = pictures.photo(seed, width, height)
    rng = np.random.default_rng(seed)
    for i in range(n):
        picture = room
        for first, last, who in people:
            if first <= i <= last:
                sprite, mask = pictures.person(who, height * 2 // 3)
                share = (i - first) / max(last - first, 1)
                x = int(-sprite.shape[1] + share * (width + sprite.shape[1]))
                picture = pictures.paste(picture, sprite, mask, x, height // 4)
        grain = rng.integers(-2, 3, (height, width, 1))
        yield np.clip(picture + grain, 0, 255).astype(np.uint8)


def boxed(film, top=0, bottom=0, left=0, right=0, colour=(0, 0, 0), grain=0, seed=0):
    """The film inside a border of one colour; grain: how many levels the border's samples stray."""
    rng = np.random.default_rng(seed)
    for picture in film:
        height, width = picture.shape[:2]
        out = np.empty((height + top + bottom, width + left + right, 3), np.int16)
        out[:] = colour
        if grain:
            out += rng.integers(-grain, grain + 1, out.shape[:2] + (1,), dtype=np.int16)
        out[top:top + height, left:left + width] = picture
        yield np.clip(out, 0, 255).astype(np.uint8)


def subtitles(film, y, height, first, last, words, size):
    """Words in rows y..y+height of the frames first..last."""
    for i, picture in enumerate(film):
        if first <= i <= last:
            cover = pictures.text(words, picture.shape[1], height, size)[:, :, None]
            picture = picture.copy()
            rows = picture[y:y + height]
            picture[y:y + height] = mix(rows, np.full_like(rows, 240), cover)
        yield picture


def dim(film, gain):
    for picture in film:
        yield (picture * gain).astype(np.uint8)


def to_pq(film):
    """SDR pictures as BT.2020 PQ with reference white at 203 cd/m2 (BT.2408): uint16, full scale."""
    to_2020 = np.array([[.6274, .3293, .0433], [.0691, .9195, .0114], [.0164, .0880, .8956]])
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    for picture in film:
        code = picture / 255.0
        light = np.where(code <= .04045, code / 12.92, ((code + .055) / 1.055) ** 2.4) @ to_2020.T
        y = np.clip(light * 203 / 10000, 0, 1) ** m1
        yield np.round(((c1 + c2 * y) / (1 + c3 * y)) ** m2 * 65535).astype(np.uint16)


X264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "16", "-threads", "1"]
BT709 = ["-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd,format=yuv420p",
         "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]


def encode(film, path, fps=24, options=(*BT709, *X264)):
    """Writes the film with one ffmpeg. 16-bit films are fed as rgb48. Returns the frame count."""
    film = iter(film)
    first = next(film)
    height, width = first.shape[:2]
    layout = "rgb48le" if first.dtype == np.uint16 else "rgb24"
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", layout, "-s",
               f"{width}x{height}", "-r", str(fps), "-i", "-", *options, "-fflags", "+bitexact",
               "-flags:v", "+bitexact", str(path)]
    count = 0
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        for picture in itertools.chain([first], film):
            encoder.stdin.write(np.ascontiguousarray(picture).tobytes())
            count += 1
        encoder.stdin.close()
    if encoder.returncode:
        raise RuntimeError(f"ffmpeg failed for {path}")
    return count
