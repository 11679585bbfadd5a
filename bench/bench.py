#!/usr/bin/python3
"""bench/bench.py [--repeat N] [--analysis] [--no-write]: what this program costs, beside its peers, in one run.

Absolute times on a shared machine mean nothing, so all figures are ratios of medians of alternating
repetitions. Targets:
  wall    `oriane run` with one worker against `ffmpeg -threads 1 -f null -` on the same file
  cpu     the earlier pipeline's steps (probes, re-encode or copy, scene filter to PNG, re-reads)
          against ours: CPU seconds of all processes, as wait4 reports them
  analysis  what looking at pictures adds to decoding them, and what VP_SPEED=fast and turbo save,
          in one process on one thread, without stills and model (bench_analysis)
  memory  peak resident memory of the decode child and of the program, and its growth with length
  vectors the exact scan against the machine's own read bandwidth (bench_vectors)
The table also replaces the marked section of docs/performance.md. Ends with 1 when a target is missed.
Takes about eight minutes on two cores: the re-encode is the slow part.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("ORIANE_BUILD", os.path.join(REPOSITORY, "build"))
ORIANE = os.path.join(BUILD, "oriane")
MEDIA = os.path.join(BUILD, "bench-media")
PAGE = os.path.join(REPOSITORY, "docs", "performance.md")
SHARED = os.path.join(REPOSITORY, "..", "shared", "media", "bbb-480p-30s.mp4")
VENV = os.path.join(REPOSITORY, "bench", ".venv")
PYTHON = os.path.join(VENV, "bin", "python")  # of peers that come from PyPI
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
MIB = 1024.0

# What the earlier pipeline's Python did with each PNG, no more: read it, judge it solid, hash it.
REREAD = """
import glob, sys
import numpy
from PIL import Image
seen = set()
for name in sorted(glob.glob(sys.argv[1] + "/*.png")):
    with Image.open(name) as image:
        grey = image.convert("L")
    if numpy.asarray(grey).std() < 5.0:
        continue
with_hash = []
for name in sorted(glob.glob(sys.argv[1] + "/*.png")):
    with Image.open(name) as image:
        small = numpy.asarray(image.convert("L").resize((9, 8)), dtype=int)
    key = (small[:, 1:] > small[:, :-1]).tobytes()
    if key not in seen:
        seen.add(key)
        with_hash.append(name)
"""


def say(text):
    print(text, flush=True)


def want_venv(probe, packages):
    """The peers' Python; made once, completed when the probe finds something missing."""
    if os.path.exists(PYTHON) and subprocess.run([PYTHON, "-c", probe],
                                                 capture_output=True).returncode == 0:
        return
    say(f"making {os.path.relpath(VENV)} with {', '.join(packages)}: once")
    for command in ([sys.executable, "-m", "venv", VENV],
                    [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
            sys.exit(f"bench: no peer to measure against: {' '.join(command)} failed:\n  "
                     + "\n  ".join(lines[-3:])
                     + "\nIt needs Debian's python3-venv and a package index that pip can reach.")


def ffmpeg(*arguments):
    return ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]


def render(name, seconds, graph):
    """A 30 s 1080p H.264 file made once, repeated or cut without encoding to the asked length."""
    os.makedirs(MEDIA, exist_ok=True)
    path = os.path.join(MEDIA, f"{name}-{seconds}.mp4")
    if os.path.exists(path):
        return path
    whole = os.path.join(MEDIA, f"{name}-whole.mp4")
    if not os.path.exists(whole):
        if os.path.exists(SHARED):
            source = ["-i", SHARED]
        else:
            source = ["-f", "lavfi", "-i", "testsrc2=s=854x480:r=24:d=12", "-f", "lavfi", "-i",
                      "mandelbrot=s=854x480:r=24"]
            graph = f"[1]trim=duration=18[m];[0][m]concat=n=2,{graph}"
        draft = whole + ".draft.mp4"
        subprocess.run(ffmpeg(*source, "-filter_complex", graph, "-t", 30, "-an", "-c:v", "libx264",
                              "-preset", "veryfast", "-crf", 21, "-pix_fmt", "yuv420p", draft),
                       check=True)
        os.rename(draft, whole)
    draft = path + ".draft.mp4"
    subprocess.run(ffmpeg("-stream_loop", 10, "-i", whole, "-t", seconds, "-c", "copy", draft),
                   check=True)
    os.rename(draft, path)
    return path


def letterboxed(seconds):
    return render("letterbox", seconds,
                  "scale=1920:800:force_original_aspect_ratio=increase,crop=1920:800,"
                  "pad=1920:1080:0:140,setsar=1")


def plain(seconds):
    return render("plain", seconds, "scale=1920:1080,setsar=1")


class Cost:
    def __init__(self, wall=0.0, cpu=0.0):
        self.wall, self.cpu = wall, cpu

    def __add__(self, other):
        return Cost(self.wall + other.wall, self.cpu + other.cpu)


def timed(command, environment=None):
    """Wall and CPU seconds of a command with all processes that it waited for."""
    with open(os.devnull, "r+b") as null:
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=null, stdout=null, stderr=subprocess.PIPE,
                                   env=environment)
        error = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        sys.exit(f"bench: {command} ended with {process.returncode}: {error.decode()[-2000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def settings(**more):
    return dict(os.environ, CLIP_MODEL="builtin/visual-512", VP_MAX_WORKERS="1", **more)


def ours(path, still_format):
    with tempfile.TemporaryDirectory(dir=MEDIA) as out:
        return timed([ORIANE, "run", "--json", "--out", out, path],
                     settings(VP_FRAME_FORMAT=still_format))


def floor(path):
    return timed(ffmpeg("-threads", 1, "-i", path, "-f", "null", "-"))


def earlier(path, seconds, is_reencoding):
    """The earlier pipeline's steps, one after another, as it called them."""
    with tempfile.TemporaryDirectory(dir=MEDIA) as folder:
        cost = Cost()
        for share in (0.25, 0.5, 0.75):
            cost += timed(ffmpeg("-ss", seconds * share, "-t", 2, "-i", path, "-vf",
                                 "cropdetect=24:16:0", "-f", "null", "-"))
        cropped = os.path.join(folder, "cropped.mp4")
        if is_reencoding:
            cost += timed(ffmpeg("-i", path, "-vf", "crop=1920:800:0:140", "-c:v", "libx264",
                                 "-preset", "fast", "-c:a", "copy", cropped))
        else:
            cost += timed(ffmpeg("-i", path, "-c", "copy", cropped))
        pngs = os.path.join(folder, "pngs")
        os.mkdir(pngs)
        cost += timed(ffmpeg("-i", cropped, "-vf", "select=gt(scene\\,0.22)", "-vsync", "vfr",
                             os.path.join(pngs, "%04d.png")))
        return cost + timed(["/usr/bin/python3", "-c", REREAD, pngs])


def field(pid, name):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return int(re.search(rf"^{name}:\s+(\d+)", file.read(), re.M)[1])
    except (OSError, TypeError):
        return 0


def peaks(path):
    """(decode child, program) in MiB: the high-water marks that the kernel keeps."""
    with tempfile.TemporaryDirectory(dir=MEDIA) as out:
        process = subprocess.Popen([ORIANE, "run", "--json", "--out", out, path],
                                   stdout=subprocess.DEVNULL, env=settings(VP_FRAME_FORMAT="jpeg"))
        child, parent = 0, 0
        tick = threading.Event()
        while process.poll() is None:
            parent = max(parent, field(process.pid, "VmHWM"))
            try:
                with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
                    known = file.read().split()
                for task in os.listdir(f"/proc/{process.pid}/task"):
                    with open(f"/proc/{process.pid}/task/{task}/children") as file:
                        known += file.read().split()
            except OSError:
                known = []
            for pid in known:
                child = max(child, field(pid, "VmHWM"))
            tick.wait(0.002)
        if process.returncode:
            sys.exit(f"bench: oriane run ended with {process.returncode}")
        return child / MIB, parent / MIB


class Table:
    def __init__(self):
        self.rows, self.missed = [], 0

    def add(self, what, value, target, is_met):
        verdict = "" if is_met is None else ("met" if is_met else "MISSED")
        self.missed += is_met is False
        self.rows.append((what, value, target, verdict))
        say(f"  {what:62} {value:>16}  {target:12} {verdict}")

    def markdown(self):
        lines = ["| What | Measured | Target | |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        return "\n".join(lines)


def alternate(repeat, **actions):
    """Runs the actions in turns, so that a noisy minute meets all of them; lists of costs."""
    found = {name: [] for name in actions}
    for _ in range(repeat):
        for name, action in actions.items():
            found[name].append(action())
    return found


def ratio(costs, above, below, part):
    """Of the medians."""
    top, bottom = (statistics.median(getattr(c, part) for c in costs[n]) for n in (above, below))
    return top / bottom


def bench_wall(table, repeat):
    for name, path in (("letterboxed", letterboxed(60)), ("plain", plain(60))):
        costs = alternate(repeat, ours=lambda p=path: ours(p, "jpeg"), floor=lambda p=path: floor(p))
        wall = ratio(costs, "ours", "floor", "wall")
        table.add(f"wall of run / bare decoding, {name} 1080p", f"{wall:.2f} x", "<= 1.25",
                  wall <= 1.25)
        cpu = ratio(costs, "ours", "floor", "cpu")
        table.add(f"CPU of run / bare decoding, {name} 1080p", f"{cpu:.2f} x", "", None)


def bench_earlier(table, repeat):
    path = letterboxed(60)
    costs = alternate(repeat, ours=lambda: ours(path, "png"),
                      encoding=lambda: earlier(path, 60, True),
                      copying=lambda: earlier(path, 60, False))
    for name, text, least in (("encoding", "as described: with a re-encode", 6.0),
                              ("copying", "as it ran: with a plain copy", 1.3)):
        value = ratio(costs, name, "ours", "cpu")
        table.add(f"CPU of the earlier steps / ours, {text}", f"{value:.1f} x", f">= {least}",
                  value >= least)


def bench_memory(table):
    child, parent = peaks(letterboxed(60))
    table.add("peak memory of the decode child, 1080p", f"{child:.0f} MiB", "< 150", child < 150)
    table.add("peak memory of the program", f"{parent:.0f} MiB", "< 100", parent < 100)
    short, long = peaks(letterboxed(10)), peaks(letterboxed(120))
    growth = long[0] - short[0]
    table.add("decode child, 2 minutes less 10 seconds", f"{round(growth):+d} MiB", "<= 16", growth <= 16)
    growth = long[1] - short[1]
    table.add("program, 2 minutes less 10 seconds", f"{round(growth):+d} MiB", "<= 16", growth <= 16)


def bench_vectors(table):
    """The program prints one line a thread count: "... 2 threads ... ratio 0.93"."""
    program = os.path.join(BUILD, "bench", "bench_vectors")
    if not os.path.exists(program):
        table.add("exact vector scan", "not built", "", None)
        return
    text = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    for threads, value in re.findall(r"^\s*(\d+ threads?)\b.*\bratio\s+([0-9.]+)", text, re.M):
        table.add(f"vector scan / read bandwidth, 1,000,000 x 512, {threads}", value, ">= 0.85",
                  float(value) >= 0.85)


# --- what analysis adds, and what the tiers leave out ----------------------------------------------

ANALYSIS = os.path.join(BUILD, "bench", "bench_analysis")
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", 21, "-pix_fmt", "yuv420p")


def variant(name, graph, seconds, options=()):
    """Another size, rate or encoding of the plain film, made once."""
    path = os.path.join(MEDIA, f"{name}.mp4")
    if not os.path.exists(path):
        plain(10)
        draft = path + ".draft.mp4"
        subprocess.run(ffmpeg("-i", os.path.join(MEDIA, "plain-whole.mp4"), "-vf", graph, "-t", seconds,
                              "-an", *X264, *options, draft), check=True)
        os.rename(draft, path)
    return path


def analysed(mode, path):
    """Seconds of processor time and pictures decoded, as bench_analysis says them."""
    said = subprocess.run([ANALYSIS, mode, path], capture_output=True, text=True, check=True).stdout
    return json.loads(said)


def medians(repeat, path, *modes):
    """Seconds of each mode on one file, in turns."""
    found = {mode: [] for mode in modes}
    for _ in range(repeat):
        for mode in modes:
            found[mode].append(analysed(mode, path)["seconds"])
    return {mode: statistics.median(values) for mode, values in found.items()}


def instructions(mode, path):
    """Of one whole process, in user mode; None where neither perf nor valgrind can count."""
    if shutil.which("perf"):
        done = subprocess.run(["perf", "stat", "-x", ",", "-e", "instructions:u", ANALYSIS, mode, path],
                              capture_output=True, text=True)
        found = re.search(r"^(\d+),", done.stderr, re.M)
        if done.returncode == 0 and found:
            return int(found[1])
    if shutil.which("valgrind"):
        done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                               ANALYSIS, mode, path], capture_output=True, text=True)
        found = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode == 0 and found:
            return int(found[1])
    return None


def pyscenedetect(path):
    python = os.path.join(REPOSITORY, "bench", ".venv-score", "bin", "python")
    script = ("import sys, cv2; cv2.setNumThreads(1)\n"
              "from scenedetect import ContentDetector, SceneManager, open_video\n"
              "m = SceneManager(); m.add_detector(ContentDetector())\n"
              "m.detect_scenes(open_video(sys.argv[1]))")
    reading = ("import sys, cv2; cv2.setNumThreads(1)\nv = cv2.VideoCapture(sys.argv[1])\n"
               "while v.read()[0]: pass")
    if not os.path.exists(python):
        return None
    return timed([python, "-c", script, path]).cpu / timed([python, "-c", reading, path]).cpu - 1


def bench_analysis(table, repeat):
    path = plain(30)
    costs = medians(repeat, path, "decode", "exact")
    added = costs["exact"] / costs["decode"] - 1
    table.add("analysis on top of decoding, 1080p H.264, one thread, CPU", f"{100 * added:.1f} %",
              "<= 10 %", added <= 0.10)
    short = variant("short", "trim=start_frame=240:end_frame=288,setpts=PTS-STARTPTS", 2)
    counted = {mode: instructions(mode, short) for mode in ("decode", "exact")}
    if all(counted.values()):
        more = counted["exact"] / counted["decode"] - 1
        table.add("the same in instructions, 48 pictures", f"{100 * more:.1f} %", "<= 10 %", more <= 0.10)
    own = statistics.median(analysed("decode", path)["seconds"] / floor(path).cpu
                            for _ in range(repeat))
    table.add("our decoding / ffmpeg -threads 1 -f null, CPU", f"{own:.2f} x", "", None)
    peer = pyscenedetect(path)
    if peer is not None:
        table.add("PySceneDetect's content detector on top of reading, CPU", f"{100 * peer:.0f} %", "",
                  None)
    same = "trim=start=9:duration=4,setpts=PTS-STARTPTS"
    per_pixel = {}
    for name, graph, pixels in (("1080p", same, 1920 * 1080), ("2160p", same + ",scale=3840:2160", 3840 * 2160),
                                ("1080p60", same + ",fps=60", 1920 * 1080)):
        other = variant("same-" + name, graph, 4)
        cost = medians(2 * repeat, other, "decode", "exact")
        pictures = analysed("decode", other)["pictures"]
        per_pixel[name] = (cost["exact"] - cost["decode"]) / (pictures * pixels)
    for name in ("2160p", "1080p60"):
        share = per_pixel[name] / per_pixel["1080p"]
        table.add(f"analysis of a decoded pixel, {name} / 1080p of the same four seconds, CPU",
                  f"{share:.2f} x", "<= 1", share <= 1)


def bench_tiers(table, repeat):
    fixed = variant("fixed", "null", 30, ("-sc_threshold", 0, "-g", 48))
    plain(10)
    whole = os.path.join(MEDIA, "plain-whole.mp4")  # the film itself: repeated, it would end in black
    for name, path, least in (("key frames at cuts", whole, 2.0),
                              ("a key frame every 48 pictures", fixed, 1.5)):
        cost = medians(repeat, path, "exact", "fast", "turbo")
        gain = cost["exact"] / cost["fast"]
        table.add(f"VP_SPEED=fast: exact / fast, {name}, CPU", f"{gain:.2f} x", f">= {least}",
                  gain >= least)
        gain = cost["exact"] / cost["turbo"]
        table.add(f"VP_SPEED=turbo: exact / turbo, {name}, CPU", f"{gain:.1f} x", ">= 8", gain >= 8)


def write_page(table):
    text = ""
    if os.path.exists(PAGE):
        with open(PAGE, encoding="utf-8") as file:
            text = file.read()
    if BEGIN not in text:
        head = "" if text else "# Performance\n"
        text = f"{head}{text}\n## The whole program beside its peers\n\n{BEGIN}\n{END}\n"
    body = (f"{BEGIN}\nMeasured by `make bench`: ratios of medians of alternating repetitions in one "
            "run, on a 60 s\n1080p H.264 file with one worker; the earlier steps may use all cores, "
            f"CPU seconds count.\n\n{table.markdown()}\n{END}")
    start, end = text.index(BEGIN), text.index(END) + len(END)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(text[:start] + body + text[end:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3, help="repetitions (default 3)")
    parser.add_argument("--analysis", action="store_true",
                        help="what analysis adds and tiers leave out, alone; writes nothing")
    parser.add_argument("--no-write", action="store_true", help="leave docs/performance.md alone")
    options = parser.parse_args()
    if not shutil.which("ffmpeg") or not os.path.exists(ORIANE):
        sys.exit("bench: needs ffmpeg and a built program: make bench")
    table = Table()
    say("measuring, medians of alternating repetitions:")
    bench_analysis(table, options.repeat)
    bench_tiers(table, options.repeat)
    if options.analysis:
        return 1 if table.missed else 0
    bench_wall(table, options.repeat)
    bench_earlier(table, options.repeat)
    bench_memory(table)
    bench_vectors(table)
    if not options.no_write:
        write_page(table)
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
