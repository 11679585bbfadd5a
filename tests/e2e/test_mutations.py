"""Whole media files of every container, bent by a seed, through the real program: bytes flipped, lengths
made huge, pieces cut out, doubled, swapped, two files glued. The parent lives, every file ends as a
success or as a failure with a code, none hangs, and nothing stays behind.

ORIANE_MUTATIONS says how many (make mutations: 20,000); the seed is printed, ORIANE_MUTATION_SEED goes on
from another. A file that broke a promise is kept, its name printed.
"""

import collections
import json
import os
import random
import subprocess
import time

import pytest

import harness

COUNT = int(os.environ.get("ORIANE_MUTATIONS", "180"))
SEED = int(os.environ.get("ORIANE_MUTATION_SEED", "20241128"))
BATCH = 60
# container: how its video is coded; the codecs of the suite are spread over the containers
FILES = {"h264.mp4": ["libx264", "-bf", "2"], "fragments.mp4": ["libx264", "-movflags", "frag_keyframe"],
         "hevc.mkv": ["libx265", "-x265-params", "log-level=none:pools=1"],
         "vp8.webm": ["libvpx", "-cpu-used", "8", "-deadline", "realtime"],
         "vp9.webm": ["libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime"],
         "av1.mkv": ["libaom-av1", "-usage", "realtime", "-cpu-used", "8"],
         "prores.mov": ["prores_ks"], "mpeg4.avi": ["mpeg4"], "mjpeg.avi": ["mjpeg"], "h264.ts": ["libx264"],
         "mpeg2.mpg": ["mpeg2video"], "flv1.flv": ["flv1"], "theora.ogv": ["libtheora"], "wmv2.wmv": ["wmv2"],
         "vp9.ivf": ["libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime"], "h263.3gp": ["h263", "-s", "128x96"]}


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """{name: bytes}: a dozen small pictures with one cut, in each container."""
    folder, found = tmp_path_factory.mktemp("originals"), {}
    for name, codec in FILES.items():
        done = subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=128x96:r=12:d=0.5", "-f", "lavfi",
             "-i", "mandelbrot=s=128x96:r=12,trim=duration=0.5", "-filter_complex", "[0][1]concat=n=2:v=1",
             "-pix_fmt", "yuv422p10le" if "prores" in name else "yuvj420p" if "mjpeg" in name else "yuv420p",
             "-c:v", *codec, "-g", "6", folder / name], capture_output=True, check=False)
        if done.returncode == 0:  # else this ffmpeg has no such encoder
            found[name] = (folder / name).read_bytes()
    assert len(found) >= 10, sorted(found)
    return found


def flip(rng, data):
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def overwrite(rng, data):
    """A number somewhere, most likely a length, becomes one of those that break programs."""
    at = rng.randrange(len(data))
    word = rng.choice([b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\x01", b"\xff" * 8,
                       rng.randbytes(4)])
    data[at:at + len(word)] = word


def in_head(rng, data):
    """The same where headers are."""
    at = rng.randrange(min(len(data), rng.choice([64, 512, 4096])))
    data[at:at + 1] = rng.randbytes(1)


def in_tail(rng, data):
    at = len(data) - 1 - rng.randrange(min(len(data), 4096))
    data[at:at + 4] = rng.randbytes(4)


def cut(rng, data):
    first = rng.randrange(len(data))
    del data[first:first + rng.choice([1, 3, 188, rng.randrange(1, len(data) + 1)])]


def double(rng, data):
    first = rng.randrange(len(data))
    piece = data[first:first + rng.randrange(1, 4096)]
    at = rng.randrange(len(data))
    data[at:at] = piece * rng.choice([1, 2, 9])


def swap(rng, data):
    size = rng.randrange(1, 2048)
    first, second = rng.randrange(len(data)), rng.randrange(len(data))
    data[first:first + size], data[second:second + size] = (data[second:second + size],
                                                            data[first:first + size])


CHANGES = [flip, overwrite, in_head, in_head, in_tail, cut, double, swap]


def mutate(rng, originals):
    name = rng.choice(sorted(originals))
    data = bytearray(originals[name])
    for _ in range(rng.choice([1, 1, 2, 4])):
        if data:
            rng.choice(CHANGES)(rng, data)
    if rng.random() < 0.05:
        data += originals[rng.choice(sorted(originals))]
    suffix = name.split(".")[-1] if rng.random() < 0.9 else rng.choice(["mp4", "mkv", "avi", "ts"])
    return name, suffix, bytes(data[:1 << 20])


def test_mutated_media(oriane, originals, tmp_path):
    start, ended, crashes = time.monotonic(), collections.Counter(), collections.Counter()
    settings = {"VP_ITEM_TIMEOUT": 60, "VP_MAX_WORKERS": os.cpu_count(), "JOB_MAX_ATTEMPTS": 1}
    for first in range(0, COUNT, BATCH):
        folder = tmp_path / "batch"
        folder.mkdir()
        kinds = {}
        for seed in range(SEED + first, SEED + min(first + BATCH, COUNT)):
            name, suffix, data = mutate(random.Random(seed), originals)
            path = folder / f"{seed}.{suffix}"
            path.write_bytes(data)
            kinds[str(path)] = name
        result = oriane.run(folder, out=tmp_path / "out", settings=settings, timeout=1800)
        assert result.code in (0, 1), f"seeds from {SEED + first}: {result}"
        assert len(result.lines) == len(kinds), f"seeds from {SEED + first}: {result}"
        for line in result.lines:
            code = line["error"]["code"] if line["status"] == "failed" else "success"
            ended[code] += 1
            if code in ("decoder_crashed", "timeout", "internal"):
                crashes[f"{kinds[line['source']]} {line['source'].rsplit('/', 1)[1]} {code}"] += 1
            assert line["status"] in ("success", "failed"), line
        assert harness.leftovers(tmp_path / "out") == []
        subprocess.run(["rm", "-rf", folder, tmp_path / "out"], check=True)
    print(f"{COUNT} files from seed {SEED} in {time.monotonic() - start:.0f} s: "
          f"{json.dumps(ended.most_common())}; crashes and hangs of the decoder: {dict(crashes)}")
    assert "internal" not in ended
    assert ended["success"] > 0 and len(ended) > 3, ended
