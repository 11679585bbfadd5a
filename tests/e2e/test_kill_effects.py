"""kill -9 at each effect: the system calls with which a run, and a server, change what is on disk are
numbered, and the program is killed as it makes the n-th of them, for every n (a few in the short form).
The next run, or the next server, then leaves exactly what an undisturbed one leaves.

strace does the killing: it sends SIGKILL where the call begins, to the thread that is the first to make
its own n-th of them.
"""

import collections
import os
import random
import re
import shutil
import signal
import subprocess

import pytest

import harness
from server import Server

SEED = int(os.environ.get("ORIANE_KILL_SEED", "20241127"))
NAMES = ["cuts", "two_frames"]
OTHER = {"VP_FRAME_FORMAT": "jpeg", "VP_SCENE_THRESH": "0.3"}
ONE = {"VP_MAX_WORKERS": 1, "VP_BATCH_SIZE": 1}
CALLS = ["renameat", "renameat2", "unlinkat", "unlink", "fsync", "fdatasync", "pwrite64", "ftruncate",
         "mkdirat"]
SHORT = 10

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")


def calls_of(trace, pid):
    """{call: how often the busiest thread of the recorded program made it}. strace may still be writing
    when the program has ended."""
    harness.wait_until(lambda: re.search(rf"^{pid} +\+\+\+ exited", trace.read_text(errors="replace"),
                                         re.M), 20, "the end of the trace")
    found = collections.Counter()
    for line in trace.read_text(errors="replace").splitlines():
        match = re.match(r"(\d+) +(\w+)\(", line)
        if match:
            found[match.groups()] += 1
    most = collections.Counter()
    for (_, call), count in found.items():
        most[call] = max(most[call], count)
    return most


def points_of(most):
    """Every (call, n), or a few of them chosen by the seed."""
    every = [(call, n) for call in CALLS for n in range(1, most[call] + 1)]
    assert len(every) > SHORT, most
    return every if harness.IS_LONG else random.Random(SEED).sample(every, SHORT)


def strace(trace, kill=None):
    options = ["strace", "-D", "-f", "-q", "-o", str(trace), "-e", "trace=" + ",".join(CALLS)]
    if kill:
        options += ["-e", f"inject={kill[0]}:signal=SIGKILL:when={kill[1]}"]
    return options


class Case:
    """A flow, what it leaves when nobody disturbs it, and the points where it can be killed."""

    def __init__(self, folder, videos, before):
        self.folder, self.videos, self.before = folder, videos, before
        self.runner = harness.Oriane(folder)
        out = self.fresh("undisturbed")
        process = self.traced(out)
        assert process.wait(harness.DEADLINE_S) == 0
        self.effects = harness.effects(out)
        self.points = points_of(calls_of(folder / "trace", process.pid))

    def fresh(self, name):
        out = self.folder / name
        shutil.rmtree(out, ignore_errors=True)
        if self.before:
            shutil.copytree(self.before, out)
        return out

    def traced(self, out, kill=None):
        return subprocess.Popen(
            [*strace(self.folder / "trace", kill), harness.BINARY, "run", "--json", "--out", out,
             *self.videos], cwd=self.folder, env=harness.environment(**ONE),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def strike(self, point):
        out = self.fresh("out")
        code = self.traced(out, point).wait(harness.DEADLINE_S)
        assert code in (0, -signal.SIGKILL), f"killed at {point}: {code}"
        harness.note_kill("run, at an effect", f"{point[0]} {point[1]}", code != 0)
        assert self.runner.run(*self.videos, out=out, settings=ONE).code == 0, point
        assert harness.effects(out) == self.effects, f"killed at {point}"
        assert harness.leftovers(out) == [], point
        return code != 0


@pytest.mark.parametrize("is_rerun", [False, True], ids=["first", "over another result"])
def test_a_run_killed_at_each_effect(tmp_path, clip, is_rerun):
    videos = [clip(name).path for name in NAMES]
    before = None
    if is_rerun:
        before = tmp_path / "before"
        assert harness.Oriane(tmp_path).run(*videos, out=before, settings={**ONE, **OTHER}).code == 0
    case = Case(tmp_path, videos, before)
    killed = sum(case.strike(point) for point in case.points)
    print(f"seed {SEED}: killed at {killed} of {len(case.points)} points")
    assert killed > len(case.points) / 2


def test_a_server_killed_at_each_effect(tmp_path, clip):
    """The job is promised, then the server dies at the effect; or it dies before it promised."""
    env = {**ONE, "JOB_MAX_ATTEMPTS": 5, "DRAIN_TIMEOUT": 2}
    trace = tmp_path / "trace"

    def serve(folder, kill):
        server = Server(folder, env={**env, "VP_INPUT_DIR": tmp_path / "videos"}, starts=False)
        server.runs_under = strace(trace, kill)
        return server

    source = Server(tmp_path, starts=False)
    items = [source.add_video("p", name, clip(name).path) for name in NAMES]
    with serve(tmp_path / "undisturbed", None).start() as server:
        server.wait_ready()
        assert server.run(items)["counts"]["success"] == len(items)
        pid = server.pid
    effects = harness.effects(server.out)
    points = points_of(calls_of(trace, pid))
    killed = 0
    for point in points:
        folder = tmp_path / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        server, promised = serve(folder, point), None
        try:
            server.start()
            promised = server.submit(items)
            server.wait_job(promised)
        except (OSError, AssertionError, EOFError, ValueError):
            pass  # dead, as it should be: in the start, in the request, or later
        except Exception as broken:  # http.client's own words for a connection that died
            assert type(broken).__module__ == "http.client", broken
        is_dead = server.process is None or server.process.poll() is not None
        killed += is_dead
        harness.note_kill("server, at an effect", f"{point[0]} {point[1]}", is_dead)
        server.kill()
        server.runs_under = []
        with server.start():
            done = server.wait_job(promised or server.submit(items))
            assert done["counts"]["success"] == len(items), (point, done)
        assert harness.effects(server.out) == effects, f"killed at {point}"
        assert harness.leftovers(server.out) == [], point
    print(f"seed {SEED}: killed at {killed} of {len(points)} points")
    assert killed > len(points) / 2
