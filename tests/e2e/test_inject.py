"""Every call site of the program fails once on its first hit and once on a later one, through whole flows: the
process ends with a clean error, or well, leaves no process behind, and the same command without the failure
then does what an undisturbed one does. The sites are recorded, not listed: what the flow calls is what fails.

Sampled by a seed in the short form (ORIANE_INJECT_SEED), complete with ORIANE_LONG=1. How it is done:
tests/inject/inject.c.
"""

import os
import random
import shutil
import signal
import sqlite3
import subprocess

import pytest

import harness
import inject
import models
from inject import note

SHORT = 8
NAMES = ["cuts", "two_frames"]
ONE = {"VP_MAX_WORKERS": 1, "VP_BATCH_SIZE": 1}
OTHER = {"VP_FRAME_FORMAT": "jpeg", "VP_SCENE_THRESH": "0.3"}
EXITS = (0, 1, 2)
# What `verify` and `reindex` say where a still could not be decoded: the failure of the child is the picture's.
ADVICE = ("run the video again", "run this video again")
FLOWS = ["run", "rerun", "unchanged", "search", "embed", "verify", "reindex"]

pytestmark = [
    pytest.mark.skipif(not inject.LIBRARY.exists(), reason="the build has no tests/inject"),
    pytest.mark.skipif("ORIANE_BIN" in os.environ, reason="a sanitizer has its own allocator"),
]


def chosen(points):
    return points if harness.IS_LONG else points[:SHORT]


class Flow:
    """A command, what there is before it, and what it leaves and prints when nobody disturbs it."""

    def __init__(self, folder, before, arguments, settings, remedy):
        self.folder, self.before, self.arguments = folder, before, list(map(str, arguments))
        self.remedy = list(map(str, remedy))
        self.settings = {**ONE, **settings}
        self.faults = inject.Faults(folder / "faults")
        self.out = folder / "out"
        self.fresh()
        self.code, self.said = self.call(True)
        assert self.code == 0, self.said
        self.sites, self.failed, self.count = self.faults.sites(), 0, 0
        self.effects, self.printed = harness.effects(self.out), self.output()

    def fresh(self):
        shutil.rmtree(self.out, ignore_errors=True)
        if self.before:
            shutil.copytree(self.before, self.out)

    def output(self):
        """Standard output, without times: that of `search`, `embed` and the like."""
        return (self.folder / "stdout").read_bytes() if self.arguments[0] in ("search", "embed") else b""

    def call(self, is_watched, arguments=None):
        """(exit code, standard error); nothing may outlive the process."""
        more = self.faults.settings if is_watched else {}
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "wb+") as err:
            process = subprocess.Popen([harness.BINARY, *(arguments or self.arguments)], cwd=self.folder, stdout=out, stderr=err,
                                       stdin=subprocess.DEVNULL, start_new_session=True,
                                       env=harness.environment(**self.settings, **more))
            try:
                code = process.wait(harness.DEADLINE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = "a hang"
            left = inject.session_of(process.pid)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            err.seek(0)
            said = err.read().decode(errors="replace")
        return ("processes left behind" if left else code), said

    def check(self, must_succeed=False):
        """The disturbed call, then an undisturbed one. What is wrong, None: nothing."""
        self.fresh()
        code, said = self.call(True)
        self.failed, self.count = self.faults.failed, self.faults.count
        self.faults.rest()
        if code not in EXITS or (must_succeed and code != 0):
            return f"ended with {code}: {said[-600:]}"
        if code == 0 and (harness.effects(self.out), self.output()) != (self.effects, self.printed):
            return f"said it went well and it did not: {said[-600:]}"
        said += (self.folder / "stdout").read_text(errors="replace") if code != 0 else ""
        if code != 0 and not said.strip():
            return "failed without a word"
        if any(words in said for words in ADVICE):
            code, again = self.call(False, self.remedy)
            if code != 0:
                return f"the remedy ended with {code}: {again[-600:]} after {said[-600:]}"
        code, again = self.call(False)
        if code != 0:
            return f"the next call ended with {code}: {again[-600:]} after {said[-600:]}"
        if (harness.effects(self.out), self.output()) != (self.effects, self.printed):
            return f"the next call left something else, after {said[-600:]}"
        if harness.leftovers(self.out):
            return f"left {harness.leftovers(self.out)}"
        return None


@pytest.fixture(scope="module")
def flows(tmp_path_factory, clip):
    """flows(name): a Flow, recorded once."""
    base = tmp_path_factory.mktemp("inject")
    videos = [clip(name).path for name in NAMES]
    oriane = harness.Oriane(base)
    assert oriane.run(*videos, out="done", settings=ONE).code == 0
    assert oriane.run(*videos, out="other", settings={**ONE, **OTHER}).code == 0
    done = base / "done"
    still = sorted(done.rglob("*.png"))[0]
    damaged = base / "damaged"
    shutil.copytree(done, damaged)
    sorted(damaged.rglob("*.png"))[-1].with_name("99_99.0.png").write_bytes(still.read_bytes())
    store = sqlite3.connect(damaged / "vectors.db")
    with store:
        store.execute("delete from points where frame_number = 0 or frame_number = 1")
    store.close()
    model = {"CLIP_MODEL": models.get("clip-small"), "QDRANT_DIM": models.MODELS["clip-small"]().dim}
    makes = {
        "run": (None, ["run", "--json", "--out", "out", *videos], {}),
        "rerun": (base / "other", ["run", "--json", "--out", "out", *videos], {}),
        "unchanged": (done, ["run", "--json", "--out", "out", *videos], {}),
        "search": (done, ["search", "--json", "--out", "out", "--image", still], {}),
        "embed": (None, ["embed", "--image", still], {}),
        "verify": (damaged, ["verify", "--json", "--out", "out", "--all"], {}),
        "reindex": (done, ["reindex", "--json", "--out", "out"], model),
    }
    known = {}

    def get(name):
        if name not in known:
            folder = base / f"flow-{name}"
            folder.mkdir()
            known[name] = Flow(folder, *makes[name], makes["run"][1])
        return known[name]
    return get


@pytest.mark.parametrize("name", FLOWS)
def test_each_site_fails_once(flows, name):
    flow, wrong, reached = flows(name), [], 0
    points = inject.points(flow.sites)
    assert len(points) > SHORT, flow.sites
    for site, hit in chosen(points):
        flow.faults.fail(site, hit)
        said = flow.check()
        reached += flow.failed > 0
        note(wrong, f"{site}, hit {hit}", said)
    print(f"{name}: {len(flow.sites)} sites, {reached} of {len(chosen(points))} failures reached, "
          f"seed {inject.SEED}")
    assert not wrong, "\n".join([f"seed {inject.SEED}: {len(wrong)} of {len(points)}", *wrong])
    assert reached > len(chosen(points)) * 0.8


@pytest.mark.parametrize("name", FLOWS)
def test_interrupted_at_every_call(flows, name):
    flow = flows(name)
    flow.faults.interrupt()
    assert flow.check(must_succeed=True) is None
    assert flow.failed > 10


@pytest.mark.parametrize("name", FLOWS)
def test_small_pieces(flows, name):
    """Regular files are read and written a few bytes a call, which is every call's right."""
    flow = flows(name)
    flow.faults.shorten()
    assert flow.check(must_succeed=True) is None


@pytest.mark.parametrize("name", ["run", "rerun", "verify", "reindex"])
def test_a_full_disk(flows, name):
    """From the n-th write on nothing can be written, SQLite's files included, for every n."""
    flow, wrong = flows(name), []
    flow.faults.fill_disk(inject.FOREVER)
    assert flow.check(must_succeed=True) is None
    every = list(range(1, flow.count + 1))
    for n in every if harness.IS_LONG else random.Random(inject.SEED).sample(every, 4):
        flow.faults.fill_disk(n)
        said = flow.check()
        note(wrong, f"write {n} of {len(every)}", said)
    print(f"{name}: the disk full at each of {len(every)} writes")
    assert not wrong, "\n".join(wrong)
