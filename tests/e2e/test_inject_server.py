"""The same as test_inject.py of a server. Its start, with a promised job in its store: it refuses with a word, or
comes up. Then at work: whatever call fails, one request or one job may fail with it; the server goes on, and the
next round of the same requests is as if nothing had happened, with no descriptor, thread or child more.

And what surrounds a server: a full disk, no descriptors, a wall clock that is set, signals that interrupt.
"""

import contextlib
import http.client
import os
import random
import resource
import shutil
import signal
import time

import pytest

import harness
import inject
from inject import note
from server import ENDED, Server, poll

SHORT = 12
NAMES = ["two_frames", "one_frame"]
ONE = {"VP_MAX_WORKERS": 1, "VP_BATCH_SIZE": 1, "JOB_MAX_ATTEMPTS": 1, "DRAIN_TIMEOUT": 2}
HOUR, YEAR = 3600, 365 * 86400
PATIENCE_S = 5
BEATS_S = 7  # more than five of the scheduler's
FEW = 4  # descriptors more, in all: a connection to SQLite opens its log when it first needs to
BROKEN = (OSError, http.client.HTTPException, AssertionError, KeyError, ValueError)

pytestmark = [
    pytest.mark.skipif(not inject.LIBRARY.exists(), reason="the build has no tests/inject"),
    pytest.mark.skipif("ORIANE_BIN" in os.environ, reason="a sanitizer has its own allocator"),
]


def chosen(points):
    return points if harness.IS_LONG else points[:SHORT]


class Patient(Server):
    """One whose clients wait only so long for an answer."""

    patience_s = 30

    def connect(self, timeout=60):
        return super().connect(min(timeout, self.patience_s))


def make(folder, faults=None, **env):
    watched = faults.settings if faults else {}
    return Patient(folder, env={**ONE, **env, **watched}, starts=False)


def add_videos(server, clip):
    return [server.add_video("p", name, clip(name).path) for name in NAMES]


def is_whole(job):
    return job["counts"]["success"] == len(NAMES)


def requests_of(server, items, still):
    """One round of what clients do; every answer is looked at. still: a picture to search by."""
    job = server.submit(items, force=True)
    with contextlib.closing(server.sse(job)) as events:
        assert events.status == 200
        done = server.wait_job(job, timeout=server.patience_s)
        assert is_whole(done), done
        for event in events:
            if event.kind == "done" or "completed" in (event.data or ""):
                break
    for path in (f"/jobs/{job}", f"/jobs/{job}/logs", f"/jobs/{job}/progress", "/jobs", "/concurrency/stats",
                 "/config", "/models/status", "/metrics", "/ready", "/health", "/api/openapi.json", "/ui/app.js"):
        assert server.get(path).status == 200, path
    frame = server.frames(items[0])[0]
    file = frame["path"].rsplit("/", 1)[1]
    platform, code = items[0].split("/")
    for query in ("", "?width=64"):
        assert server.get(f"/frames/{platform}/{code}/{file}{query}").status == 200
    assert server.upload("/search-by/image?limit=3", still).status == 200
    assert server.post("/search-by/frame", {"id": frame["id"]}).status == 200
    assert server.request("DELETE", f"/jobs/{job}").status == 200


def descriptors(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def threads(server):
    return harness.status_field(server.pid, "Threads")


class Running:
    """A server under the library, warm, and what it holds when nothing is going on."""

    def __init__(self, folder, clip):
        self.faults = inject.Faults(folder.parent / "faults")
        self.server = make(folder, self.faults)
        self.items = add_videos(self.server, clip)
        self.start()
        self.still = None
        self.still = sorted(self.server.out.rglob("*.png"))[0].read_bytes()

    def start(self):
        self.server.start()
        self.server.wait_ready()
        assert is_whole(self.server.run(self.items))
        self.effects = harness.effects(self.server.out)

    def round(self):
        requests_of(self.server, self.items, self.still)

    def disturbed(self):
        """A round that may fail; whether it did."""
        self.server.patience_s = PATIENCE_S
        try:
            self.round()
        except BROKEN:
            return True
        finally:
            self.server.patience_s = Patient.patience_s
        return False

    def settle(self):
        self.round()
        self.round()
        self.held = self.holds()

    def holds(self):
        return descriptors(self.server), threads(self.server)

    def check(self):
        """After a failure, which is over. What is wrong, None: nothing."""
        if self.server.process.poll() is not None:
            code, self.server.process = self.server.process.returncode, None
            said = self.server.log_text()[-600:]
            self.start()
            self.settle()
            return f"the server ended with {code}: {said}"
        try:
            self.round()
            assert harness.effects(self.server.out) == self.effects, "other effects"
            assert harness.leftovers(self.server.out) == []
            harness.wait_until(lambda: all(a <= b + FEW for a, b in zip(self.holds(), self.held)), 10,
                               f"descriptors and threads: {self.holds()}, were {self.held}")
        except BROKEN as wrong:
            return f"not well again: {type(wrong).__name__} {wrong}"
        return None


@pytest.fixture(scope="module")
def running(tmp_path_factory, clip):
    made = Running(tmp_path_factory.mktemp("inject") / "server", clip)
    made.settle()
    yield made
    made.faults.rest()
    made.server.stop()


def record(running):
    running.faults.rest()
    running.faults.forget_hits()
    running.round()
    return running.faults.sites()


def test_each_site_fails_once(running):
    points, wrong, reached = inject.points(record(running)), [], 0
    assert len(points) > SHORT
    for site, hit in chosen(points):
        running.faults.fail(site, hit)
        running.disturbed()
        reached += running.faults.failed > 0
        running.faults.rest()
        said = running.check()
        note(wrong, f"{site}, hit {hit}", said)
    print(f"server: {reached} of {len(chosen(points))} failures reached, seed {inject.SEED}")
    assert not wrong, "\n".join([f"seed {inject.SEED}: {len(wrong)} of {len(chosen(points))}", *wrong])
    assert reached > len(chosen(points)) * 0.7


def test_a_full_disk(running):
    """From the n-th write of a round on nothing can be written, SQLite's files included."""
    running.faults.fill_disk(inject.FOREVER)
    running.round()
    writes, wrong = running.faults.count, []
    assert writes > 20
    every = list(range(1, writes + 1))
    for n in every if harness.IS_LONG else random.Random(inject.SEED).sample(every, 5):
        running.faults.fill_disk(n)
        running.disturbed()
        running.faults.rest()
        said = running.check()
        note(wrong, f"write {n} of {writes}", said)
    assert not wrong, "\n".join(wrong)


def test_no_descriptors(running):
    """With room for k more of them a round fails somewhere, or does not; given back, all is well."""
    free = max(map(int, os.listdir(f"/proc/{running.server.pid}/fd"))) + 1
    before = resource.prlimit(running.server.pid, resource.RLIMIT_NOFILE)
    wrong, failed = [], 0
    for room in range(0, 20) if harness.IS_LONG else (0, 1, 4, 9):
        resource.prlimit(running.server.pid, resource.RLIMIT_NOFILE, (free - FEW + room, before[1]))
        failed += running.disturbed()
        resource.prlimit(running.server.pid, resource.RLIMIT_NOFILE, before)
        said = running.check()
        note(wrong, f"room for {room}", said)
    assert not wrong, "\n".join(wrong)
    assert failed > 0


def test_interrupted_at_every_call(running):
    running.faults.interrupt()
    try:
        running.round()
        assert running.faults.failed > 100
    finally:
        running.faults.rest()
    assert running.check() is None


def test_small_pieces(running):
    """Regular files are read and written a few bytes a call, which is every call's right."""
    running.faults.shorten()
    try:
        running.round()
        assert running.faults.failed > 10
    finally:
        running.faults.rest()
    assert running.check() is None


@pytest.fixture
def clocked(tmp_path, clip):
    faults = inject.Faults(tmp_path / "faults")
    server = make(tmp_path / "server", faults, JOB_MAX_ATTEMPTS=3)
    items = add_videos(server, clip)
    with server.start():
        server.wait_ready()
        yield server, items, faults


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, YEAR, -YEAR])
def test_a_clock_that_is_set_while_a_video_is_worked_on(clocked, seconds):
    """Its claim does not lapse, it counts one attempt, and it ends well."""
    server, items, faults = clocked
    job = server.submit(items)
    child = server.freeze_child()
    faults.set_clock(seconds)
    end = time.monotonic() + BEATS_S  # the server has looked for lapsed claims, on the new clock
    harness.wait_until(lambda: time.monotonic() > end, BEATS_S + 5)
    os.kill(child, signal.SIGCONT)
    done = server.wait_job(job, timeout=30)
    assert is_whole(done), done
    said = server.log_text()
    assert "claims.lapsed" not in said and "item.dropped" not in said, said
    assert "item.retry" not in said, said
    assert is_whole(server.run(items, force=True))


def test_a_retry_does_not_wait_for_a_clock_that_was_set_back(clocked):
    """A machine that starts with a clock a year ahead: what was to be tried again in seconds is."""
    server, items, faults = clocked
    faults.forget_hits()
    assert is_whole(server.run(items))
    spawn, = [site for site in faults.sites() if site.call == "posix_spawn"]
    faults.set_clock(YEAR)
    faults.fail(spawn)
    job = server.submit(items, force=True)
    server.wait_event("item.retry")
    faults.set_clock(0)
    assert is_whole(server.wait_job(job, timeout=40))


class Start:
    """A server's start over a store with a promised job, its work on it and its end."""

    def __init__(self, folder, clip):
        self.folder, self.faults = folder, inject.Faults(folder / "faults")
        first = make(folder / "before")
        self.items = add_videos(first, clip)
        first.start()
        first.wait_ready()
        child = None
        self.job = first.submit(self.items)
        child = first.freeze_child()
        first.kill()
        assert not harness.is_alive(child)
        code, said = self.call()
        assert code == 0, said
        self.sites, self.effects = self.faults.sites(), harness.effects(self.server.out)

    def call(self):
        """(exit code, or what is wrong; its log)."""
        shutil.rmtree(self.folder / "server", ignore_errors=True)
        shutil.copytree(self.folder / "before", self.folder / "server")
        self.server = server = make(self.folder / "server", self.faults)
        process = server.spawn()
        def look():
            if process.poll() is not None:
                return True
            listening = [line for line in server.log() if line.get("event") == "server.listening"]
            if not listening:
                return False
            server.port = listening[0]["port"]
            try:
                return server.status(self.job)["status"] in ENDED
            except BROKEN:
                return False
        try:
            poll(look, PATIENCE_S, lambda: "an end")
        except AssertionError:
            pass  # a job store or a model that could not be had: told by /ready, and ended by a signal
        return server._end(signal.SIGTERM), server.log_text()

    def check(self):
        code, said = self.call()
        self.failed = self.faults.failed
        self.faults.rest()
        if code not in (0, 1, 2) or not said.strip():
            return f"ended with {code}: {said[-800:]}"
        server = make(self.folder / "server")
        with server.start():
            server.wait_ready()
            done = server.wait_job(self.job, timeout=30)
            if not is_whole(done):
                done = server.run(self.items)
            if not is_whole(done):
                return f"the promised job: {done}"
        if harness.effects(server.out) != self.effects or harness.leftovers(server.out):
            return "the next server left something else"
        return None


def test_each_site_of_a_start_fails_once(tmp_path, clip):
    start, wrong, reached = Start(tmp_path, clip), [], 0
    points = inject.points(start.sites)
    for site, hit in chosen(points):
        start.faults.fail(site, hit)
        try:
            said = start.check()
        except BROKEN as broken:
            said = f"{type(broken).__name__} {broken}"
        reached += start.failed > 0
        note(wrong, f"{site}, hit {hit}", said)
    print(f"start of a server: {len(start.sites)} sites, {reached} of {len(chosen(points))} reached, "
          f"seed {inject.SEED}")
    assert not wrong, "\n".join([f"seed {inject.SEED}: {len(wrong)} of {len(chosen(points))}", *wrong])
    assert reached > len(chosen(points)) * 0.7
