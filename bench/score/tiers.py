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
