"""The golden vectors of tests/golden, and what `oriane embed` says of the same inputs."""

import json
from pathlib import Path

import numpy as np

import harness
import models
import stills

FOLDER = harness.REPOSITORY / "tests" / "golden"

# of oneDNN's instruction sets: what /proc/cpuinfo has to show
ISAS = {
    "AVX2": {"avx2"},
    "AVX512_CORE": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
    "AVX512_CORE_VNNI": {"avx512bw", "avx512_vnni"},
    "AVX512_CORE_BF16": {"avx512bw", "avx512_vnni", "avx512_bf16"},
    "AVX512_CORE_AMX": {"avx512bw", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"},
    "default": set(),
}
BF16_ISAS = {"AVX512_CORE_BF16", "AVX512_CORE_AMX"}


def cpu_flags():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return set(next((line for line in lines if line.startswith("flags")), ":").split(":")[1].split())


def has_isa(isa):
    return ISAS[isa] <= cpu_flags()


def has_bf16(isa):
    return isa in BF16_ISAS or (isa == "default" and has_isa("AVX512_CORE_BF16"))


class Golden:
    """pictures, frames, texts: rows of (name, picture's path or text, vector). frames are of real
    videos; those that are not here, or that another ffmpeg decodes otherwise, are named in missing."""

    def __init__(self, name, folder):
        data = json.loads((FOLDER / f"vectors_{name}.json").read_text())
        self.dim, self.weights_sha = data["dim"], data["weights_sha"]
        self.pictures, self.frames, self.missing = [], [], []
        for row in data["pictures"]:
            picture, is_frame = stills.make(row["name"]), row["name"] in stills.FRAMES
            if is_frame and (picture is None or stills.sha(picture) != row["sha"]):
                self.missing.append(row["name"])
                continue
            assert stills.sha(picture) == row["sha"], f"{row['name']} is not the golden file's picture"
            path = folder / f"{row['name']}.png"
            if not path.exists():
                stills.save(picture, path)
            rows = self.frames if is_frame else self.pictures
            rows.append((row["name"], path, np.array(row["vector"])))
        self.texts = [(t["text"], t["text"], np.array(t["vector"])) for t in data["texts"]]


def settings(model, dim, precision="f32", isa="default", **more):
    """model: a name of models.py, or a folder."""
    folder = model if isinstance(model, Path) else models.get(model)
    isas = {} if isa == "default" else {"ONEDNN_MAX_CPU_ISA": isa}
    return {"CLIP_MODEL": folder, "QDRANT_DIM": dim, "VP_PRECISION": precision, **isas, **more}


def ask(oriane, pictures=(), texts=(), settings=None):
    """The whole result of `oriane embed --json`."""
    images = ["--image", *(p for _, p, _ in pictures)] if pictures else []
    words = ["--text", *(t for _, t, _ in texts)] if texts else []
    return oriane("embed", "--json", *images, *words, settings=settings)


def vectors(oriane, pictures=(), texts=(), settings=None):
    result = ask(oriane, pictures, texts, settings)
    assert result.code == 0, result
    return result.json["vectors"]


def unlike(rows, vectors, most=None, least=None):
    """What is further from its golden vector than allowed: largest difference, least cosine."""
    assert len(rows) == len(vectors)
    findings = []
    for (name, _, wanted), vector in zip(rows, vectors):
        vector = np.array(vector)
        difference, cosine = np.abs(vector - wanted).max(), float(vector @ wanted)
        if (most is not None and not difference <= most) or (least is not None and not cosine >= least):
            findings.append(f"{name[:40]}: differs by {difference:.1e}, cosine {cosine:.7f}")
    return findings
