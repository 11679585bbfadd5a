"""VP_SPEED on the scoreboard: the same clips encoded anew, twice, and what each tier finds of them.

  scene cuts   x264 as it is: a key frame where it sees a cut, and every 250 pictures
  fixed        a key frame every 48 pictures and nowhere else

A tier's speed is what its decode processes spent on decoding and analysis, in one run with the others.
"""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import film  # of tests/media; on the path by corpus

KINDS = {"scene-cut key frames": ["-preset", "veryfast"],
         "fixed key frames": ["-preset", "veryfast", "-sc_threshold", "0", "-g", "48"]}
TIERS = ("exact", "fast", "turbo")


class Encoded:
    """A clip's truth over other bytes."""

    def __init__(self, clip, path):
        self.path, self.truth, self.category, self.times = path, clip.truth, clip.category, clip.times
        self.frame_at = clip.frame_at


def _encode(job):
    source, path, options = job
    if path.exists():
        return
    draft = path.with_name(f".{path.name}")
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(source), "-fps_mode",
                    "passthrough", *film.BT709, "-c:v", "libx264", "-crf", "23", *options, "-threads",
                    "1", str(draft)], check=True)
    draft.rename(path)


def build(clips, folder, workers):
    """{kind: the clips in that encoding}; those of clips that are gone are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {kind: [Encoded(c, folder / f"{c.path.stem}-{kind.split()[0]}.mkv") for c in clips]
            for kind in KINDS}
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(_encode, [(clip.path, encoded.path, KINDS[kind]) for kind in KINDS
                                for clip, encoded in zip(clips, made[kind])]))
    return made


class Tier:
    """What one tier found in one encoding."""

    def __init__(self, kind, name, score, found):
        self.kind, self.name, self.score = kind, name, score
        timings = [row["timings"] for row in found.values()]
        self.seconds = sum(t["decode"] + t["vision"] for t in timings)


def table(categories, gradual, tiers, page):
    """tiers: in order of kinds, exact first in each."""
    cuts = [c for c in categories if c not in gradual]
    soft = [c for c in categories if c in gradual]
    head = ["Encoding", "VP_SPEED", "cuts, F1 ±1 frame", "gradual, F1 overlap", "all, F1",
            "lost of exact's F1", "speed, of exact's"]
    rows, exact = [], None
    for tier in tiers:
        exact = tier if tier.name == "exact" else exact
        f1 = [100 * tier.score.count(of, "1 frame").f1 for of in (cuts, soft, categories)]
        lost = 100 * exact.score.count(categories, "1 frame").f1 - f1[2]
        rows.append([tier.kind, tier.name, *(f"{v:.1f}" for v in f1), f"{lost:.1f}",
                     f"{exact.seconds / max(tier.seconds, 1e-9):.1f} x"])
    return page.table(head, rows)
