#!/usr/bin/python3
"""bench/bench_server.py [--only NAME,...] [--long] [--no-write]: what the server costs, in one run.

Absolute times on a shared machine mean nothing, so most figures are ratios between alternating runs:
  hello    requests a second of /health against a bare libmicrohttpd that says hello (hello_mhd)
  latency  p99 of two reads with 32 connections: while both cores decode against while nothing runs
  submit   POST /process of 1,000 videos against one bare SQLite transaction of as many rows
  store    the job store alone: adding, and claims with 100,000 waiting and 300,000 ended (bench_jobs)
  waiting  memory that 100,000 waiting videos take
  many     10,000 connections, 1,000 of them listening to one job: nothing lost, memory bounded
  soak     tiny clips through one server (500; with --long 20,000): memory and descriptors over time
Needs wrk (tools/deps bench). The table also replaces its section of docs/performance.md. Ends with 1
when a target is missed.
"""

import argparse
import json
import os
import re
import resource
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "tests", "e2e"),
                os.path.join(os.path.dirname(HERE), "tests", "media")]

import bench  # noqa: E402
import clips  # noqa: E402
import harness  # noqa: E402
from server import Server, poll  # noqa: E402

BEGIN, END = "<!-- bench-server:begin -->", "<!-- bench-server:end -->"
MIB = 1024.0
REPEAT = 3
say = bench.say


def program(name):
    path = os.path.join(bench.BUILD, "bench", name)
    return path if os.path.exists(path) else None


def items_of(count, prefix="v"):
    return [{"platform": "none", "code": f"{prefix}{i}"} for i in range(count)]


# --- wrk ------------------------------------------------------------------------------------------

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


class Load:
    """What wrk found: requests a second and the 99th percentile in seconds."""

    def __init__(self, text):
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
        number, unit = re.search(r"^\s+99%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.M).groups()
        self.p99 = float(number) * UNITS[unit]
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", text)
        if bad:
            sys.exit(f"bench: wrk met errors: {bad[0]}")


def wrk(url, connections, seconds, key=None):
    header = ["-H", f"X-API-Key: {key}"] if key else []
    done = subprocess.run(["wrk", "-t", "1", "-c", str(connections), "-d", str(seconds), "--latency",
                           "--timeout", "30", *header, url], capture_output=True, text=True,
                          check=True)
    return Load(done.stdout)


# --- hello ----------------------------------------------------------------------------------------


def bench_hello(table, folder, _options):
    binary = program("hello_mhd")
    if not binary:
        return table.add("/health against a bare hello", "not built", "", None)
    hello = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    rates = {"hello": [], "health": []}
    with Server(folder) as server:
        server.wait_ready()
        urls = {"hello": f"http://127.0.0.1:{int(hello.stdout.readline())}/health",
                "health": f"{server.url}/health"}
        for _ in range(REPEAT):
            for name, url in urls.items():
                rates[name].append(wrk(url, 64, 4).rate)
    hello.stdin.close()
    hello.wait()
    median = {name: statistics.median(found) for name, found in rates.items()}
    value = median["health"] / median["hello"]
    table.add("/health / bare libmicrohttpd, requests a second, 64 connections", f"{value:.0%}",
              ">= 50 %", value >= 0.5)
    return None


# --- latency --------------------------------------------------------------------------------------


def keep_decoding(server, clip, count):
    """A job that holds both workers for a long while."""
    items = [server.add_video("busy", f"v{i}", clip) for i in range(count)]
    job = server.submit(items, force=True)
    poll(lambda: workers_busy(server) == 2, 60, lambda: "the workers never got busy")
    return job


def workers_busy(server):
    return server.json("/concurrency/stats")["active_workers"]


def bench_latency(table, folder, _options):
    clip = bench.plain(60)
    with Server(folder, env={"VP_MAX_WORKERS": 2}) as server:
        server.wait_ready()
        big = server.wait_job(server.submit(items_of(1000)))  # none of them is there: quick
        for i in range(30):
            server.submit(items_of(3, f"small{i}-"))
        poll(lambda: server.json("/concurrency/stats")["queue_size"] == 0, 60, lambda: "not idle")
        urls = {"GET /status of a job of 1,000 videos": f"/status/{big['job_id']}",
                "GET /jobs": "/jobs?page_size=10&order=desc"}
        found = {(name, state): [] for name in urls for state in ("idle", "busy")}
        for _ in range(REPEAT):
            for state in ("idle", "busy"):
                job = keep_decoding(server, clip, 30) if state == "busy" else None
                for name, path in urls.items():
                    found[name, state].append(wrk(server.url + path, 32, 4, server.key).p99)
                if job:
                    if workers_busy(server) != 2:
                        sys.exit("bench: decoding ended before the measurement did")
                    server.json(f"/jobs/{job}/stop", method="POST")
        for name in urls:
            idle, busy = (statistics.median(found[name, s]) for s in ("idle", "busy"))
            table.add(f"p99 of {name}, both cores decoding / idle",
                      f"{busy / idle:.1f} x ({busy * 1e3:.0f} ms)", "<= 3", busy <= 3 * idle)


# --- submit, waiting ------------------------------------------------------------------------------


def bare_transaction(folder):
    """Seconds of one durable transaction that inserts 1,000 rows of an item's size, by hand."""
    import sqlite3
    connection = sqlite3.connect(os.path.join(folder, "bare.db"), isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("create table items(id integer primary key, job int, position int,"
                       "platform text, code text, state int, unique(job, position))")
    times = []
    for job in range(21):
        rows = [(job, i, "none", f"v{i}") for i in range(1000)]
        start = time.monotonic()
        connection.execute("begin immediate")
        connection.executemany("insert into items(job, position, platform, code, state)"
                               " values(?, ?, ?, ?, 0)", rows)
        connection.execute("commit")
        times.append(time.monotonic() - start)
    connection.close()
    return statistics.median(times)


def bench_submit(table, folder, _options):
    """The whole request, JSON and HTTP included, from the client's side."""
    body = json.dumps({"items": items_of(1000)})
    times = []
    with Server(folder, env={"CLIP_MODEL": None}) as server:  # without a model nothing is claimed
        for _ in range(21):
            start = time.monotonic()
            answer = server.request("POST", "/process", body=body,
                                    headers={"Content-Type": "application/json"})
            times.append(time.monotonic() - start)
            if answer.status != 202:
                sys.exit(f"bench: POST /process: {answer}")
    value = statistics.median(times) / bare_transaction(folder)
    table.add("POST /process of 1,000 videos / bare SQLite transaction",
              f"{value:.1f} x ({statistics.median(times) * 1e3:.0f} ms)", "<= 3", value <= 3)


def bench_store(table, folder, _options):
    """The job store without the server: its own program's lines."""
    binary = program("bench_jobs")
    if not binary:
        return table.add("job store", "not built", "", None)
    text = subprocess.run([binary, folder], capture_output=True, text=True, check=True).stdout
    lines = [json.loads(line) for line in text.splitlines()]
    add = next(line for line in lines if line["bench"] == "add")
    table.add("job store: adding 1,000 videos / bare SQLite transaction", f"{add['ratio']:.1f} x",
              "<= 3", add["ratio"] <= 3)
    work = [line for line in lines if line["bench"] == "work"]
    # against two bare commits beside it: the disk's mood is in both
    base = work[0]["ratio"]
    for line in work[1:]:
        value = line["ratio"] / base
        table.add(f"claim and finish, {line['waiting']:,} waiting and {line['ended']:,} ended / "
                  f"{work[0]['waiting']:,} waiting", f"{value:.1f} x", "<= 2", value <= 2)
    return None


def rss(pid):
    return harness.status_field(pid, "VmRSS") / MIB


def bench_waiting(table, folder, _options):
    with Server(folder, env={"CLIP_MODEL": None}) as server:
        server.submit(items_of(1000, "first"))
        before = rss(server.pid)
        for i in range(100):
            server.submit(items_of(1000, f"j{i}-"))
        waiting = server.json("/concurrency/stats")["queue_size"]
        if waiting != 101000:
            sys.exit(f"bench: {waiting} videos wait")
        growth = rss(server.pid) - before
    table.add("memory that 100,000 waiting videos take", f"{growth:+.0f} MiB", "<= 50", growth <= 50)


# --- many -----------------------------------------------------------------------------------------


def raise_descriptors(wanted):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(hard, wanted) if hard != resource.RLIM_INFINITY else wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


class Crowd:
    """Connections from some addresses of loopback, read without threads."""

    def __init__(self, server):
        self.server, self.selector = server, selectors.DefaultSelector()
        self.idle, self.streams = [], {}

    def connect(self, i):
        peer = socket.socket()
        peer.bind((f"127.0.1.{1 + i % 64}", 0))
        peer.connect(("127.0.0.1", self.server.port))
        return peer

    def open_idle(self, count):
        """Each has had one answer, so that the server really holds a connection for it."""
        for i in range(count):
            peer = self.connect(i)
            peer.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.idle.append(peer)
        for peer in self.idle:
            if not peer.recv(4096).startswith(b"HTTP/1.1 200"):
                sys.exit("bench: an idle connection was not served")

    def open_streams(self, count, job):
        request = (f"GET /jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n"
                   f"X-API-Key: {self.server.key}\r\nConnection: close\r\n\r\n").encode()
        for i in range(count):
            peer = self.connect(i)
            peer.sendall(request)
            peer.setblocking(False)
            self.streams[peer] = bytearray()
            self.selector.register(peer, selectors.EVENT_READ)

    def read_on(self, condition, timeout):
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                sys.exit("bench: the crowd's streams did not get on")
            for key, _ in self.selector.select(0.5):
                data = key.fileobj.recv(1 << 18)
                self.streams[key.fileobj] += data
                if not data:
                    self.selector.unregister(key.fileobj)

    def ids(self):
        """Of each stream the event ids, in order."""
        return [tuple(re.findall(rb"^id: ?(\d+)", text, re.M)) for text in self.streams.values()]

    def close(self):
        self.selector.close()
        for peer in [*self.idle, *self.streams]:
            peer.close()


def bench_many(table, folder, _options):
    most = raise_descriptors(12000)
    listeners = 1000
    idle = min(9000, most - listeners - 200)
    clip = clips.get("two_frames").path
    with Server(folder, env={"VP_MAX_WORKERS": 1}) as server:
        server.wait_ready()
        items = [server.add_video("many", f"v{i}", clip) for i in range(100)]
        job = server.submit(items)
        child = server.freeze_child()  # until everybody listens
        before = rss(server.pid)
        start = time.monotonic()
        crowd = Crowd(server)
        crowd.open_idle(idle)
        crowd.open_streams(listeners, job)
        crowd.read_on(lambda: all(b"event:" in t for t in crowd.streams.values()), 60)
        held = rss(server.pid)
        os.kill(child, signal.SIGCONT)
        crowd.read_on(lambda: not crowd.selector.get_map(), 120)
        lost = sum(not still_open(peer) for peer in crowd.idle)
        if time.monotonic() - start > 55:  # the server closes what is idle for a minute
            say("  slower than a minute: idle connections are not counted")
            lost = 0
        ids = sorted(crowd.ids(), key=len)
        crowd.close()
    tails = {stream[-len(ids[0]):] for stream in ids}
    in_order = list(ids[-1]) == sorted(ids[-1], key=int)
    is_whole = len(ids) == listeners and len(tails) == 1 and in_order and len(ids[0]) > len(items)
    if not is_whole or lost:
        say(f"  streams {len(ids)}, ends {len(tails)}, in order {in_order}, events {len(ids[0])} to "
            f"{len(ids[-1])}, idle connections lost {lost}")
    each = (held - before) * 1024 / (idle + listeners)
    table.add(f"{idle + listeners:,} connections, {listeners:,} of them listening: memory",
              f"{each:.0f} KiB each", "<= 64", each <= 64)
    table.add("their events: all the same, in order, to the end", f"{len(ids[0])} each",
              "nothing lost", is_whole and lost == 0)


def still_open(peer):
    peer.setblocking(False)
    try:
        return bool(peer.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False


# --- soak -----------------------------------------------------------------------------------------


def bench_soak(table, folder, options):
    count = 20000 if options.long else 500
    clip = clips.get("two_frames").path
    series = []
    with Server(folder, env={"LOG_LEVEL": "warn"}, starts=False) as server:
        template = server.videos / "tiny.mp4"
        shutil.copy(clip, template)
        for i in range(count):
            (server.videos / "soak" / f"v{i}").mkdir(parents=True)
            os.link(template, server.videos / "soak" / f"v{i}" / "video.mp4")
        server.env["LOG_LEVEL"] = "info"
        server.start()
        server.wait_ready()
        start = time.monotonic()
        for first in range(0, count, 250):
            done = server.run([f"soak/v{i}" for i in range(first, min(first + 250, count))])
            if done["counts"]["success"] != done["counts"]["total"]:
                sys.exit(f"bench: {done['counts']}")
            series.append((rss(server.pid), len(os.listdir(f"/proc/{server.pid}/fd"))))
        rate = count / (time.monotonic() - start)
    early = statistics.median(s[0] for s in series[:max(1, len(series) // 4)])
    late = statistics.median(s[0] for s in series[-max(1, len(series) // 4):])
    say("  soak, MiB and descriptors: " + " ".join(f"{m:.0f}/{d}" for m, d in
                                                   series[::max(1, len(series) // 16)]))
    bound = 16 + count * 0.004  # the exact scan's matrix holds what was found: 2 KiB a point
    table.add(f"{count:,} tiny clips: memory, last quarter less first", f"{late - early:+.0f} MiB",
              f"<= {bound:.0f}", late - early <= bound)
    spread = max(s[1] for s in series) - min(s[1] for s in series)
    table.add(f"{count:,} tiny clips: descriptors, most less least", str(spread), "<= 4", spread <= 4)
    table.add("tiny clips a second", f"{rate:.0f}", "", None)


# --- page -----------------------------------------------------------------------------------------


def write_page(table):
    with open(bench.PAGE, encoding="utf-8") as file:
        text = file.read()
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n## The server\n\n{BEGIN}\n{END}\n"
    body = (f"{BEGIN}\nMeasured by `make bench-server`: client and server share the same cores; ratios "
            f"of medians of\nalternating runs.\n\n{table.markdown()}\n{END}")
    start, end = text.index(BEGIN), text.index(END) + len(END)
    with open(bench.PAGE, "w", encoding="utf-8") as file:
        file.write(text[:start] + body + text[end:])


PARTS = {"hello": bench_hello, "latency": bench_latency, "submit": bench_submit,
         "store": bench_store, "waiting": bench_waiting, "many": bench_many, "soak": bench_soak}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(PARTS), help="of " + ",".join(PARTS))
    parser.add_argument("--long", action="store_true", help="the long soak")
    parser.add_argument("--no-write", action="store_true", help="leave docs/performance.md alone")
    options = parser.parse_args()
    if not shutil.which("wrk") or not harness.BINARY.exists():
        sys.exit("bench: needs wrk and a built program: make bench-server")
    table = bench.Table()
    say("measuring the server:")
    for name in options.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](table, Path(folder), options)
    if not options.no_write and options.only == ",".join(PARTS):
        write_page(table)
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
