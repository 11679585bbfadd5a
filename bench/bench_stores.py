#!/usr/bin/python3
"""bench/bench_stores.py [--only NAME,...] [--short] [--no-write]: what goes to S3 and Qdrant, beside
other programs that do the same, against the real servers on this machine, in one run.

Absolute times on a shared machine mean nothing, so the figures are ratios of medians of alternating
turns. Targets:
  upload   200 frames of 130 kB against `aws s3 cp --recursive`, as many connections: 0.8 of its rate, its
           start-up (the same with one frame) not counted
  read     a video read block after block, as its decoder does, against curl that downloads it into a
           file: 0.9 of its throughput; without a target against curl that throws it away
  points   upserts of 512-d points against the Python client of Qdrant, same batches, same streams: 1.5
           times its rate; of its two ways the faster counts
  memory   peak resident memory of the program while its stores are slow: a video ten times as long, and a
           job of ten times as many videos, take 16 MiB more at most
Needs radosgw, awscli and curl (tools/deps test), npm for Qdrant, and the first time a package index for
qdrant-client in bench/.venv. The table also replaces its section of docs/performance.md. Ends with 1
when a target is missed.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.join(os.path.dirname(HERE), "tests")
sys.path[:0] = [HERE, os.path.join(TESTS, "e2e"), os.path.join(TESTS, "s3"),
                os.path.join(TESTS, "media")]

import bench  # noqa: E402
import clips  # noqa: E402
import fault_proxy  # noqa: E402
import harness  # noqa: E402
import qdrant  # noqa: E402
import radosgw  # noqa: E402
import s3_client  # noqa: E402
from server import Server  # noqa: E402

BEGIN, END = "<!-- bench-stores:begin -->", "<!-- bench-stores:end -->"
AWS = "/usr/bin/aws"
BUCKET = "bench"
FRAMES, FRAME_BYTES = 200, 130000
CONNECTIONS = 10  # awscli's own
MIB = 1024.0
PLANS = ((64, 1), (256, 1), (256, 2))
say = bench.say


def program(name):
    return os.path.join(bench.BUILD, "bench", name)


def output(command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, **options)
    if done.returncode:
        sys.exit(f"bench: {command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def wall(command, **options):
    begin = time.monotonic()
    output(command, **options)
    return time.monotonic() - begin


def turns(repeat, **actions):
    """Medians; the actions take turns, so that a noisy minute meets all of them."""
    found = {name: [] for name in actions}
    for _ in range(repeat):
        for name, action in actions.items():
            found[name].append(action())
    return {name: statistics.median(values) for name, values in found.items()}


# --- S3 -------------------------------------------------------------------------------------------


class Gateway:
    """A radosgw with a bucket."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="ori-s3-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.server = radosgw.Radosgw(self.folder)

    def __enter__(self):
        self.server.start()
        self.client = s3_client.S3(self.server.endpoint, radosgw.ACCESS, radosgw.SECRET)
        self.client.make_bucket(BUCKET)
        return self

    def __exit__(self, *_):
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ours(self, folder, *words):
        return output([program("bench_s3"), "--endpoint", self.server.endpoint, "--access",
                       radosgw.ACCESS, "--secret", radosgw.SECRET, "--bucket", BUCKET, "--folder",
                       folder, "--connections", str(CONNECTIONS), *words])

    def settings(self, endpoint=None):
        return {"AWS_ENDPOINT_URL": endpoint or self.server.endpoint,
                "AWS_ACCESS_KEY_ID": radosgw.ACCESS, "AWS_SECRET_ACCESS_KEY": radosgw.SECRET,
                "S3_FRAMES_BUCKET": BUCKET}

    def aws(self, folder):
        """The environment of awscli: nothing of the machine's own, as many connections as we have."""
        config = folder / "aws-config"
        config.write_text(f"[default]\ns3 =\n  max_concurrent_requests = {CONNECTIONS}\n")
        return {"PATH": "/usr/bin:/bin", "HOME": str(folder), "AWS_CONFIG_FILE": str(config),
                "AWS_ACCESS_KEY_ID": radosgw.ACCESS, "AWS_SECRET_ACCESS_KEY": radosgw.SECRET,
                "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


def make_frames(folder, count):
    folder.mkdir()
    for i in range(count):
        (folder / f"{i:03d}.jpg").write_bytes(os.urandom(FRAME_BYTES))
    return sorted(str(p) for p in folder.iterdir())


def bench_upload(table, folder, options):
    with Gateway() as gateway:
        paths = make_frames(folder / "frames", FRAMES)
        make_frames(folder / "one", 1)
        environment = gateway.aws(folder)
        whole = {}

        def ours():
            begin = time.monotonic()
            seconds = float(gateway.ours(folder, "upload", *paths))
            whole.setdefault("ours", []).append(time.monotonic() - begin)
            return seconds

        def aws(name):
            return wall([AWS, "--endpoint-url", gateway.server.endpoint, "s3", "cp", "--quiet",
                         "--recursive", folder / name, f"s3://{BUCKET}/aws/{name}"],
                        env=environment)
        found = turns(3 if options.short else 9, ours=ours, aws=lambda: aws("frames"),
                      start=lambda: aws("one"))
        assert len(gateway.client.keys(BUCKET, "bench/ours/")) == FRAMES
        say(f"  seconds: ours {found['ours']:.3f}, awscli {found['aws']:.3f}, one frame "
            f"{found['start']:.3f}")
    rate = (found["aws"] - found["start"]) / found["ours"]
    table.add(f"{FRAMES} frames to S3, ours / awscli without its start-up, {CONNECTIONS} connections",
              f"{rate:.2f} x", ">= 0.8", rate >= 0.8)
    rate = found["aws"] / statistics.median(whole["ours"])
    table.add("the same, whole processes", f"{rate:.2f} x", "", None)


def bench_read(table, folder, options):
    size = (64 if options.short else 256) << 20
    with Gateway() as gateway:
        video = folder / "video.mp4"
        with open(video, "wb") as file:
            for _ in range(size >> 20):
                file.write(os.urandom(1 << 20))
        output([AWS, "--endpoint-url", gateway.server.endpoint, "s3", "cp", "--quiet", video,
                f"s3://{BUCKET}/video.mp4"], env=gateway.aws(folder))
        url = gateway.ours(folder, "url", "video.mp4").strip()

        def curl(target):
            return float(output(["curl", "-sf", "-o", target, "-w", "%{time_total}", url]))
        video.unlink()
        found = turns(5 if options.short else 15,
                      ours=lambda: float(gateway.ours(folder, "read", "video.mp4")),
                      file=lambda: curl(video), away=lambda: curl(os.devnull))
        say(f"  seconds: ours {found['ours']:.3f}, curl {found['file']:.3f}, to nowhere "
            f"{found['away']:.3f}")
    rate = found["file"] / found["ours"]
    table.add(f"a video of {size >> 20} MiB read from S3, ours / curl into a file", f"{rate:.2f} x",
              ">= 0.9", rate >= 0.9)
    table.add("the same, ours / curl that throws it away", f"{found['away'] / found['ours']:.2f} x",
              "", None)


# --- Qdrant ---------------------------------------------------------------------------------------


def bench_points(table, _folder, options):
    bench.want_venv("import qdrant_client", ["qdrant-client==1.20.0"])
    points = 4096 if options.short else 12288

    def fresh(command):
        with qdrant.Qdrant() as server:
            place = ["--url", server.url, "--key", server.key]
            output([program("bench_qdrant"), *place, "--points", "1"])  # the collection, its indexes
            return float(output(command(server, place)))
    for batch, streams in PLANS[-1:] if options.short else PLANS:
        def ours(_server, place, batch=batch, streams=streams):
            return [program("bench_qdrant"), *place, "--points", str(points), "--batch", str(batch),
                    "--streams", str(streams)]

        def peer(how, batch=batch, streams=streams):
            return lambda server, _place: [
                bench.PYTHON, os.path.join(HERE, "qdrant_peer.py"), server.url, server.key,
                str(points), str(batch), str(streams), how]
        found = turns(3 if options.short else 5, ours=lambda: fresh(ours),
                      **{how: lambda how=how: fresh(peer(how)) for how in ("client", "upload",
                                                                           "bare")})
        say("  points a second: " + ", ".join(f"{n} {v:.0f}" for n, v in found.items()))
        rate = found["ours"] / max(found["client"], found["upload"])
        what = f"batches of {batch}, {streams} stream{'s' if streams > 1 else ''}"
        table.add(f"points to Qdrant, ours / its Python client, {what}", f"{rate:.2f} x", ">= 1.5",
                  rate >= 1.5)
        table.add(f"the same, ours / json and http.client, {what}",
                  f"{found['ours'] / found['bare']:.2f} x", "", None)


# --- memory ---------------------------------------------------------------------------------------


def high_water(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return int(re.search(r"^VmHWM:\s+(\d+)", file.read(), re.M)[1]) / MIB
    except (OSError, TypeError):
        return 0


def film(folder, times):
    """So many cuts, none of them twice in the same place."""
    path = folder / f"film-{times}.mp4"
    subprocess.run(bench.ffmpeg("-f", "lavfi", "-i", f"mandelbrot=s=640x360:r=10:start_scale=2,"
                                f"trim=duration={times * 10}", "-c:v", "libx264", "-preset",
                                "ultrafast", "-pix_fmt", "yuv420p", path), check=True)
    return path


def peak_of_run(path, settings):
    """Of the program alone; its frames go up more slowly than they come."""
    with tempfile.TemporaryDirectory() as out:
        environment = bench.settings(**settings, VP_ENABLE_DEDUP="0", VP_SAMPLE_FPS="10",
                                     VP_SCENE_THRESH="0.001", VP_FRAME_FORMAT="jpeg")
        process = subprocess.Popen([bench.ORIANE, "run", "--upload", "--json", "--out", out, path],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=environment)
        lines = []
        reader = threading.Thread(target=lambda: lines.append(process.stdout.read()))
        reader.start()
        peak, tick = 0, threading.Event()
        while process.poll() is None:
            peak = max(peak, high_water(process.pid))
            tick.wait(0.005)
        reader.join()
        if process.returncode:
            sys.exit(f"bench: oriane run ended with {process.returncode}: "
                     f"{process.stderr.read()[-1000:]}")
        process.stderr.close()
        return peak, lines[0].count('"path"')


def peak_of_server(folder, count, env):
    """A job of so many tiny videos, to its end."""
    clip = clips.get("two_frames").path
    with Server(folder, env=env, starts=False) as server:
        for i in range(count):
            server.add_video("p", f"v{i}", clip)
        server.start()
        server.wait_ready()
        done = server.run([f"p/v{i}" for i in range(count)])
        if done["counts"]["success"] != count:
            sys.exit(f"bench: {done['counts']}")
        return high_water(server.pid)


def bench_memory(table, folder, options):
    tenth = 3 if options.short else 4
    with Gateway() as gateway, qdrant.Qdrant() as points, \
            fault_proxy.FaultProxy(gateway.server.port) as s3, \
            fault_proxy.FaultProxy(points.port) as vectors:
        s3.add(fault_proxy.latency(0.1), method="PUT")
        settings = gateway.settings(s3.url)
        found = [peak_of_run(film(folder, n), settings) for n in (tenth, 10 * tenth)]
        for (peak, frames) in found:
            say(f"  {frames} frames: {peak:.1f} MiB, at most {s3.open_max} uploads at once")
        growth = found[1][0] - found[0][0]
        table.add(f"slow S3, {found[1][1]} frames less {found[0][1]} of one video: memory",
                  f"{growth:+.0f} MiB", "<= 16", growth <= 16)
        s3.clear()
        for weather in (s3, vectors):
            weather.add(fault_proxy.latency(0.02))
        settings = {**gateway.settings(s3.url), "QDRANT_URL": vectors.url, "QDRANT_KEY": points.key}
        counts = (10 * tenth, 100 * tenth)
        peaks = [peak_of_server(folder / str(n), n, settings) for n in counts]
        say("  " + ", ".join(f"{n} videos: {p:.1f} MiB" for n, p in zip(counts, peaks)))
        growth = peaks[1] - peaks[0]
        table.add(f"slow stores, a job of {counts[1]} videos less one of {counts[0]}: memory",
                  f"{growth:+.0f} MiB", "<= 16", growth <= 16)


# --- page -----------------------------------------------------------------------------------------


def write_page(table):
    with open(bench.PAGE, encoding="utf-8") as file:
        text = file.read()
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n## Stores\n\n{BEGIN}\n{END}\n"
    body = (f"{BEGIN}\nMeasured by `make bench-stores`: radosgw, Qdrant and their clients share the "
            f"same cores; ratios of\nmedians of alternating turns.\n\n{table.markdown()}\n{END}")
    start, end = text.index(BEGIN), text.index(END) + len(END)
    with open(bench.PAGE, "w", encoding="utf-8") as file:
        file.write(text[:start] + body + text[end:])


PARTS = {"upload": bench_upload, "read": bench_read, "points": bench_points, "memory": bench_memory}


def why_not():
    if radosgw.missing():
        return radosgw.missing()
    for tool in (AWS, "curl"):
        if not shutil.which(tool):
            return f"needs {tool}"
    if not harness.BINARY.exists() or not os.path.exists(program("bench_s3")):
        return "needs a built program: make bench-stores"
    try:
        qdrant.binary()
    except qdrant.Missing as reason:
        return str(reason)
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PARTS), help="of " + ",".join(PARTS))
    parser.add_argument("--short", action="store_true", help="a trial: fewer turns, nothing written")
    parser.add_argument("--no-write", action="store_true", help="leave docs/performance.md alone")
    options = parser.parse_args()
    if why_not():
        sys.exit(f"bench: {why_not()}")
    table = bench.Table()
    say("measuring the stores, contenders in turns:")
    for name in options.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](table, Path(folder), options)
    if not (options.no_write or options.short) and options.only == ",".join(PARTS):
        write_page(table)
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
