#!/usr/bin/python3
"""bench/bench_embed.py [--repeat N] [--no-write]: the encoder beside ONNX Runtime, in one run.

Absolute times on a shared machine mean nothing, so the figures are ratios: all contenders live at once
and take turns of a second; the best of each counts: by processor time for one thread, by the clock, in
quarters of a second, for two. Same weights
(ViT-B/32 at full size, seeded: tests/media/models.py), same thread counts, same batch; all on two
cores. Targets:
  f32     ours against ONNX Runtime's f32: 1.05
  bf16    ours against our f32: 2.0, where the CPU has it
  int8    ours against ONNX Runtime's dynamic int8, per tensor or per channel, whichever is faster: 1.2
  two threads are our two workers of one thread each, as the product runs; of ONNX Runtime's one pool of
          two and two sessions of one the faster counts
  peak    operations a second of whole calls against what oneDNN's matrix products reach alone, the best
          of their shapes: 85 % in f32 and bf16, batches of 8 and more; both by processor time, best of
          all; without a target the same against our own products
  busy    beside a process that decodes on the same two cores, throughput falls no more than the cores
          taken: images a second, beside / alone, against 1 - (its CPU seconds a second) / 2
  memory  resident for ViT-B/32's image tower: 400 MB in f32, 220 MB in bf16, the text tower only when
          asked for; from the call to the first vector in 1 s, weights in the page cache
First checked: ONNX Runtime's vectors and ours agree. The first run makes bench/.venv (torch,
transformers, onnx, onnxruntime from the configured package index) and 1 GB of models in the build
folder. The table also replaces its section of docs/performance.md. Ends with 1 when a target is missed.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "tests", "media")]

import bench  # noqa: E402
import models  # noqa: E402
import stills  # noqa: E402

BEGIN, END = "<!-- bench-embed:begin -->", "<!-- bench-embed:end -->"
PROGRAM = os.path.join(bench.BUILD, "bench", "bench_embed")
PEER = os.path.join(HERE, "embed_peer.py")
PYTHON = bench.PYTHON
PACKAGES = ["torch==2.13.0", "transformers==5.24.0", "onnx", "onnxruntime", "numpy"]
CORES = 2
MB = 1e6
MIB = 1048576.0
# the branches of the encoder side by side: what the CPU is said to have at most, and the precision
BRANCHES = (("AVX2", "f32"), ("AVX512_CORE", "f32"), ("AVX512_CORE_VNNI", "int8"),
            ("AVX512_CORE_BF16", "bf16"))
say = bench.say


# --- what is measured against ---------------------------------------------------------------------


def want_onnx(folder):
    """f32.onnx, int8.onnx and int8-channels.onnx of a model folder, beside it."""
    out = Path(f"{folder}-onnx")
    if not out.exists():
        say("exporting the image tower to ONNX, once")
        draft = Path(f"{out}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        subprocess.run([PYTHON, PEER, "export", str(folder), str(draft)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        draft.rename(out)
    return out


# --- do the vectors agree -------------------------------------------------------------------------


def our_vectors(folder, pictures, precision):
    with tempfile.TemporaryDirectory() as place:
        files = [str(stills.save(p, os.path.join(place, f"{i}.png"))) for i, p in enumerate(pictures)]
        done = subprocess.run([bench.ORIANE, "embed", "--json", "--image", *files], check=True,
                              capture_output=True, cwd=place,
                              env=dict(os.environ, CLIP_MODEL=str(folder), VP_PRECISION=precision))
    return json.loads(done.stdout)["vectors"]


def peer_vectors(path, pictures):
    import numpy

    mean, std = numpy.array(models.CLIP_MEAN), numpy.array(models.CLIP_STD)
    planes = ((numpy.stack(pictures) / 255 - mean) / std).transpose(0, 3, 1, 2).astype(numpy.float32)
    shape = "x".join(map(str, planes.shape))
    done = subprocess.run([PYTHON, PEER, "vectors", str(path), shape], input=planes.tobytes(),
                          check=True, capture_output=True)
    return json.loads(done.stdout)


def least_cosine(left, right):
    return min(sum(a * b for a, b in zip(x, y)) for x, y in zip(left, right))


def check_agreement(table, folder, onnx, precisions):
    pictures = [stills.make(f"photo{i}-224x224") for i in range(1, 7)]
    peer = peer_vectors(onnx / "f32.onnx", pictures)
    ours = {p: our_vectors(folder, pictures, p) for p in precisions}
    for name, floor in (("f32", 0.999999), ("bf16", 0.9999), ("int8", 0.995)):
        if name in ours:
            cosine = least_cosine(ours[name], peer)
            table.add(f"least cosine of 6 pictures' vectors: our {name} and ONNX Runtime's f32",
                      f"{cosine:.6f}", f">= {floor}", cosine >= floor)
    cosine = least_cosine(peer_vectors(onnx / "int8.onnx", pictures), peer)
    table.add("the same of ONNX Runtime's dynamic int8 and its f32", f"{cosine:.6f}", "", None)


# --- contenders -----------------------------------------------------------------------------------


class Contender:
    """A process that holds a loaded model and measures when asked; quiet in between."""

    def __init__(self, command, threads=(1, 2), environment=None):
        self.command, self.threads = command, threads
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=dict(os.environ, **(environment or {})))
        self.facts = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"bench: {' '.join(self.command)} ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, batch, threads, seconds):
        self.process.stdin.write(f"{batch} {threads} {seconds}\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ours(folder, precision, cap=None):
    return Contender([PROGRAM, str(folder), "--precision", precision, "--seconds", "0.1", "--ask"],
                     environment={"ONEDNN_MAX_CPU_ISA": cap} if cap else None)


def peers(onnx, names):
    """Two of each file: sessions of one thread, and one pool of two."""
    found = {}
    for name in names:
        command = [PYTHON, PEER, "serve", str(onnx / f"{name}.onnx")]
        found[f"peer {name}"] = Contender([*command, "1"])
        found[f"peer {name} pool"] = Contender([*command, "2"], threads=(2,))
    return found


class Found:
    """All answers of one contender to one question."""

    def __init__(self):
        self.answers = []

    def best(self):
        return max(a["images_per_second"]["best"] for a in self.answers)

    def median(self):
        return statistics.median(a["images_per_second"]["median"] for a in self.answers)

    def by_cpu(self):
        return max(a["images_per_cpu_second"]["best"] for a in self.answers)

    def mean_by_cpu(self):
        return statistics.median(a["images_per_cpu_second"]["mean"] for a in self.answers)

    def share_of(self, peak):
        return max(a["gops"] for a in self.answers) / max(a[peak] for a in self.answers)


def take_turns(contenders, questions, repeat, seconds=1.0):
    """{(name, batch, threads): Found}"""
    found = {}
    for turn in range(repeat):
        for batch, threads in questions:
            for name, contender in contenders.items():
                if threads in contender.threads:
                    answer = contender.ask(batch, threads, seconds)
                    found.setdefault((name, batch, threads), Found()).answers.append(answer)
        say(f"  turn {turn + 1} of {repeat}")
    return found


def fastest_peer(found, names, batch, threads):
    keys = [(f"peer {name}{way}", batch, threads) for name in names for way in ("", " pool")]
    return max((k for k in keys if k in found), key=lambda k: found[k].best())


# --- speed ----------------------------------------------------------------------------------------

FILES = ("f32", "int8", "int8-channels")
QUESTIONS = ((8, 1), (8, 2), (1, 1), (32, 1))  # batch, threads
WORDS = {1: "1 thread", 2: "2 threads"}


def add_ratio(table, text, above, below, threads, least):
    """One thread by its processor time, which others on the machine cannot take away; two by the clock,
    because a pool's waiting is processor time too. Behind it the other one, and the medians."""
    cpu, wall = above.by_cpu() / below.by_cpu(), above.best() / below.best()
    value, other = (cpu, wall) if threads == 1 else (wall, cpu)
    table.add(text, f"{value:.2f} x ({other:.2f}, {above.median() / below.median():.2f})",
              f">= {least}" if least else "", value >= least if least else None)


def add_ratios(table, found, precisions):
    for batch, threads in QUESTIONS:
        where, has_target = f"batch {batch}, {WORDS[threads]}", batch == 8
        peer = fastest_peer(found, ["f32"], batch, threads)
        add_ratio(table, f"f32 / ONNX Runtime f32, {where}", found["f32", batch, threads], found[peer],
                  threads, 1.05 if has_target else None)
        if "bf16" in precisions:
            add_ratio(table, f"bf16 / our f32, {where}", found["bf16", batch, threads],
                      found["f32", batch, threads], threads, 2.0 if has_target else None)
        peer = fastest_peer(found, ["int8", "int8-channels"], batch, threads)
        kind = "per channel" if "channels" in peer[0] else "per tensor"
        add_ratio(table, f"int8 / ONNX Runtime int8 {kind}, {where}", found["int8", batch, threads],
                  found[peer], threads, 1.2 if has_target else None)


def add_shares(table, found, precisions):
    for precision in precisions:
        for batch, threads in QUESTIONS:
            if batch >= 8:
                one, has_target = found[precision, batch, threads], precision != "int8"
                share = one.share_of("peak_gops")
                table.add(f"share of the peak of oneDNN's products, and of ours, {precision}, "
                          f"batch {batch}, {WORDS[threads]}",
                          f"{share:.0%}, {one.share_of('own_gops'):.0%}",
                          ">= 85%" if has_target else "", share >= 0.85 if has_target else None)


def bench_speed(table, folder, onnx, precisions, repeat):
    contenders = {p: ours(folder, p) for p in precisions}
    contenders.update(peers(onnx, FILES))
    facts = contenders["f32"].facts
    table.about = (f"{facts['isa']}, {facts['library']}, {contenders['peer f32'].facts['library']}")
    say(f"  {table.about}")
    found = take_turns(contenders, QUESTIONS, repeat)
    for contender in contenders.values():
        contender.close()
    add_ratios(table, found, precisions)
    add_shares(table, found, precisions)
    for name in (*precisions, *(f"peer {f}" for f in FILES)):
        text = name.replace("peer", "ONNX Runtime") if "peer" in name else f"our {name}"
        table.add(f"images a second of one core, batch 8, {text}", f"{found[name, 8, 1].by_cpu():.1f}",
                  "", None)


def bench_branches(table, folder, precisions, repeat):
    contenders = {(None, "f32"): ours(folder, "f32")}
    for cap, precision in BRANCHES:
        if precision in precisions:
            contenders[cap, precision] = ours(folder, precision, cap)
    isas = {key: c.facts["isa"] for key, c in contenders.items()}
    found = take_turns(contenders, [(8, 1)], repeat)
    for contender in contenders.values():
        contender.close()
    whole = found.pop(((None, "f32"), 8, 1))
    for (key, _, _), one in found.items():
        add_ratio(table, f"{key[1]} on {isas[key]} / our f32 on {isas[None, 'f32']}, batch 8, 1 thread",
                  one, whole, 1, None)


# --- beside a decoder -----------------------------------------------------------------------------


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bench_busy(table, folder, onnx, precision, repeat):
    """What a second of our processor time brings must not fall: then throughput falls as far as the
    decoder takes time from us, no further."""
    contenders = {precision: ours(folder, precision), **peers(onnx, ["f32"])}
    alone, beside = {n: Found() for n in contenders}, {n: Found() for n in contenders}
    taken = {n: [] for n in contenders}
    clip = bench.letterboxed(60)
    for _ in range(repeat):
        for name, contender in contenders.items():
            alone[name].answers.append(contender.ask(8, 2, 2.0))
            decoder = subprocess.Popen(["ffmpeg", "-v", "error", "-nostdin", "-stream_loop", "-1",
                                        "-threads", "1", "-i", clip, "-f", "null", "-"])
            start, before = time.monotonic(), cpu_seconds(decoder.pid)
            beside[name].answers.append(contender.ask(8, 2, 2.0))
            taken[name].append((cpu_seconds(decoder.pid) - before) / (time.monotonic() - start))
            decoder.kill()
            decoder.wait()
    for name, contender in contenders.items():
        contender.close()
        fall = beside[name].median() / alone[name].median()
        each = beside[name].mean_by_cpu() / alone[name].mean_by_cpu()
        text = {"peer f32": "ONNX Runtime f32, 2 sessions",
                "peer f32 pool": "ONNX Runtime f32, a pool of 2"}.get(name, f"our {name}, 2 workers")
        cores = statistics.median(taken[name])
        table.add(f"{text}, beside a decoder that takes {cores:.2f} of 2 cores: images a second",
                  f"{fall:.2f} x", "", None)
        table.add(f"{text}, beside it: images a second of processor time", f"{each:.2f} x",
                  ">= 0.95" if name == precision else "", each >= 0.95 if name == precision else None)


# --- memory ---------------------------------------------------------------------------------------


def bench_memory(table, folder, precisions, repeat):
    limits = {"f32": 400, "bf16": 220}
    for precision in precisions:
        facts = []
        for _ in range(repeat):
            command = [PROGRAM, str(folder), "--precision", precision, "--seconds", "0.1", "--text",
                       "a red apple"]
            facts.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
        resident = max(f["resident_mib"] for f in facts) * MIB / MB
        text = statistics.median(f["text_mib"] for f in facts) * MIB / MB
        load = min(f["load_ms"] for f in facts) / 1000
        limit = limits.get(precision)
        table.add(f"resident after the first pictures, {precision}", f"{resident:.0f} MB",
                  f"<= {limit}" if limit else "", resident <= limit if limit else None)
        table.add(f"what the first text adds, {precision}", f"{text:+.0f} MB", "> 0", text > 10)
        table.add(f"from open to the first vector, {precision}", f"{load:.2f} s", "<= 1", load <= 1)


# --- page -----------------------------------------------------------------------------------------


def write_page(table):
    with open(bench.PAGE, encoding="utf-8") as file:
        text = file.read()
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n## Encoder\n\n{BEGIN}\n{END}\n"
    body = (f"{BEGIN}\nMeasured by `make bench-embed` on two cores ({table.about}): ratios of the best "
            f"of alternating turns,\none thread by processor time and two by the clock; in brackets the "
            f"other of the two, and the medians by the clock.\n\n{table.markdown()}\n{END}")
    start, end = text.index(BEGIN), text.index(END) + len(END)
    with open(bench.PAGE, "w", encoding="utf-8") as file:
        file.write(text[:start] + body + text[end:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5, help="turns (default 5)")
    parser.add_argument("--no-write", action="store_true", help="leave docs/performance.md alone")
    options = parser.parse_args()
    if not shutil.which("ffmpeg") or not os.path.exists(PROGRAM):
        sys.exit("bench: needs ffmpeg and a built program: make bench-embed")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    bench.want_venv("import torch, transformers, onnx, onnxruntime", PACKAGES)
    folder = models.get("clip-b32")
    onnx = want_onnx(folder)
    facts = json.loads(subprocess.run([PROGRAM, str(folder), "--seconds", "0.1"], check=True,
                                      capture_output=True).stdout)
    precisions = ("f32", "bf16", "int8") if facts["precision"] == "bf16" else ("f32", "int8")
    table = bench.Table()
    say("measuring the encoder, contenders in turns:")
    check_agreement(table, folder, onnx, precisions)
    bench_speed(table, folder, onnx, precisions, options.repeat)
    bench_branches(table, folder, precisions, options.repeat)
    bench_busy(table, folder, onnx, precisions[-2], options.repeat)
    bench_memory(table, folder, precisions, options.repeat)
    if not options.no_write:
        write_page(table)
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
