"""kill -9 at random moments, of the server and of its decode children, while jobs come in; and a disk
that fills up. What a server promised with 202 is kept: every job is known, ends well, and leaves exactly
what a server that nobody disturbs leaves. The seed is printed and in the test's name."""

import http.client
import os
import random
import signal
import subprocess
import threading
import time

import pytest

import harness
from server import Server

KILLS = harness.kill_rounds(200, 12)
BASE_SEED = int(os.environ.get("ORIANE_KILL_SEED", "20240601"))
NAMES = ["cuts", "letterbox", "two_frames", "vfr", "pans", "one_frame"]
SETTINGS = {"JOB_MAX_ATTEMPTS": 5, "VP_MAX_WORKERS": 2, "DRAIN_TIMEOUT": 2}


class Undisturbed:
    def __init__(self, folder, clip):
        with Server(folder, env=SETTINGS) as server:
            self.videos = server.videos
            self.items = [server.add_video("p", name, clip(name).path) for name in NAMES]
            server.wait_ready()
            start = time.monotonic()
            done = server.run(self.items)
            self.wall = time.monotonic() - start
            assert done["counts"]["success"] == len(NAMES), done
        self.effects = harness.effects(server.out)
        assert len(self.effects[1]) > len(NAMES)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, clip):
    return Undisturbed(tmp_path_factory.mktemp("undisturbed"), clip)


class Campaign:
    """A server over the same videos, who keeps books of what it was asked and what it promised."""

    def __init__(self, folder, undisturbed, seed, env=None):
        self.rng, self.undisturbed = random.Random(seed), undisturbed
        self.server = Server(folder, starts=False,
                             env={**SETTINGS, "VP_INPUT_DIR": undisturbed.videos, **(env or {})})
        self.asked = {}     # Idempotency-Key: body
        self.promised = {}  # Idempotency-Key: job
        self.progress = {}  # job: the highest that was seen
        self.story = []

    def ask(self, key=None):
        """One POST; what is not answered is asked again later under the same key."""
        if key is None:
            key = f"key-{len(self.asked)}"
            items = self.rng.choices(self.undisturbed.items, k=self.rng.choice([1, 3, 6, 9]))
            self.asked[key] = {"items": [dict(zip(("platform", "code"), i.split("/")))
                                         for i in items], "force": self.rng.random() < 0.7}
        try:
            answer = self.server.post("/process", self.asked[key], headers={"Idempotency-Key": key})
        except (OSError, http.client.HTTPException):
            return
        if answer.status == 202:
            assert self.promised.setdefault(key, answer.json["jobId"]) == answer.json["jobId"]
        else:
            assert answer.status in (429, 503, 507), answer

    def look(self):
        """Every promised job is known, and no progress has been taken back."""
        for job in self.promised.values():
            now = self.server.status(job, tail=0)
            assert now["progress"] >= self.progress.get(job, 0), (job, self.story)
            self.progress[job] = now["progress"]
            assert now["counts"]["failed"] == 0, now

    def wait_random(self):
        """Up to somewhat more than a job takes. A server that dies meanwhile is a failure."""
        process = self.server.process
        try:
            process.wait(self.rng.uniform(0, self.undisturbed.wall * 1.2))
        except subprocess.TimeoutExpired:
            return
        raise AssertionError(f"it ended by itself: {self.server.log_text()[-4000:]}")

    def kill_child(self):
        children = harness.children_of(self.server.pid)
        if not children:
            return False
        try:
            os.kill(self.rng.choice(children), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def kill_server(self):
        """In the middle of a request, as like as not."""
        asking = threading.Thread(target=self.ask)
        asking.start()
        if self.rng.random() < 0.5:
            asking.join()
        self.server.kill()
        asking.join()
        self.server.start()

    def strike(self):
        victim = self.rng.choice(["server", "server", "child"])
        if victim == "child" and self.kill_child():
            self.story.append("child")
            harness.note_kill("decode child of a server", f"strike {len(self.story)}")
            return
        self.kill_server()
        self.story.append("server")
        harness.note_kill("server, at random", f"strike {len(self.story)}")
        for key in [k for k in self.asked if k not in self.promised]:
            self.ask(key)
        self.look()

    def finish(self):
        for key in [k for k in self.asked if k not in self.promised]:
            self.ask(key)
        assert set(self.promised) == set(self.asked)
        for job in self.promised.values():
            done = self.server.wait_job(job, timeout=300)
            assert done["status"] == "completed", done
            assert done["progress"] == 100
            assert done["counts"]["success"] == done["counts"]["total"], done
        total = self.server.json("/jobs?page_size=1")["total"]
        assert total == len(self.promised) == len(set(self.promised.values()))


def assert_same(server, undisturbed, story):
    files, points = harness.effects(server.out)
    assert files == undisturbed.effects[0], story
    assert points == undisturbed.effects[1], story
    assert harness.leftovers(server.out) == []


@pytest.mark.parametrize("seed", [BASE_SEED])
def test_what_was_promised_is_kept(tmp_path, undisturbed, seed):
    campaign = Campaign(tmp_path, undisturbed, seed)
    with campaign.server.start() as server:
        campaign.asked["all"] = {"items": [dict(zip(("platform", "code"), i.split("/")))
                                           for i in undisturbed.items]}
        campaign.ask("all")
        while len(campaign.story) < KILLS:
            if campaign.rng.random() < 0.7:
                campaign.ask()
            campaign.wait_random()
            campaign.strike()
        print(f"seed {seed}: {len(campaign.asked)} jobs, killed: {' '.join(campaign.story)}")
        campaign.finish()
    assert_same(server, undisturbed, campaign.story)


def test_a_server_killed_while_idle_forgets_nothing(tmp_path, undisturbed):
    campaign = Campaign(tmp_path, undisturbed, BASE_SEED)
    with campaign.server.start() as server:
        campaign.ask()
        campaign.finish()
        job = next(iter(campaign.promised.values()))
        before = server.status(job)
        for _ in range(3):
            server.kill()
            server.start()
            assert server.status(job) == before


def test_an_unanswered_request_is_all_or_nothing(tmp_path, undisturbed):
    """1,000 items and a kill during the request: afterwards there is the whole job or none."""
    rng = random.Random(BASE_SEED)
    body = {"items": [{"platform": "none", "code": f"v{i}"} for i in range(1000)]}
    rounds = 40 if harness.IS_LONG else 6
    with Server(tmp_path, env={"CLIP_MODEL": "None"}) as server:  # no model: nothing is worked on
        promised = []
        for _ in range(rounds):
            known = server.json("/jobs?page_size=1")["total"]

            def ask():
                try:
                    answer = server.post("/process", body)
                except (OSError, http.client.HTTPException):
                    return
                if answer.status == 202:
                    promised.append(answer.json["jobId"])
            asking = threading.Thread(target=ask)
            asking.start()
            asking.join(rng.uniform(0, 0.06))
            server.kill()
            asking.join()
            server.start()
            jobs = server.json("/jobs?page_size=100")
            assert jobs["total"] - known in (0, 1)
            assert {j["counts"]["total"] for j in jobs["jobs"]} <= {1000}
            assert {j["counts"]["waiting"] for j in jobs["jobs"]} <= {1000}
        assert set(promised) <= {j["job_id"] for j in jobs["jobs"]}


# --- a full disk ----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, 24 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder],
                             capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


class Filler:
    """Takes all space there is and keeps taking it, until it is told to give it back."""

    def __init__(self, folder):
        self.path, self.file = folder / "filler", None

    def fill(self):
        self.file = self.file or open(self.path, "ab", buffering=0)
        for size in (65536, 4096):
            try:
                while True:
                    self.file.write(b"\0" * size)
            except OSError:
                pass

    def free(self):
        if self.file:
            self.file.close()
            self.path.unlink()
        self.file = None


def test_a_full_disk_loses_nothing(tmp_path, small_disk, undisturbed):
    campaign = Campaign(tmp_path / "server", undisturbed, BASE_SEED,
                        env={"VP_OUTPUT_DIR": small_disk, "JOB_MAX_ATTEMPTS": 1})
    filler = Filler(small_disk)
    rng = campaign.rng
    with campaign.server.start() as server:
        server.out = small_disk
        server.wait_ready()
        campaign.ask()
        assert campaign.promised
        refused = 0
        for _ in range(24 if harness.IS_LONG else 8):
            filler.fill()
            known = len(campaign.promised)
            campaign.ask()
            refused += len(campaign.promised) == known
            campaign.wait_random()
            for job in campaign.promised.values():
                assert server.get(f"/status/{job}").status == 200
            if rng.random() < 0.4:  # killed and started again on the full disk
                server.kill()
                try:
                    server.start()
                except AssertionError:
                    campaign.story.append("needs space to start")
                    filler.free()
                    filler = Filler(small_disk)
                    server.start()
                campaign.story.append("server")
        assert refused, "the disk was never full"
        filler.free()
        for key in [k for k in campaign.asked if k not in campaign.promised]:
            campaign.ask(key)
        assert set(campaign.promised) == set(campaign.asked)
        for job in campaign.promised.values():
            if server.wait_job(job, timeout=300)["counts"]["failed"]:
                for item in server.status(job)["items"]:
                    if item["status"] == "failed":
                        assert item["error"]["code"] in ("disk_full", "store_failed", "io_error",
                                                         "not_writable"), item
                server.json(f"/jobs/{job}/start", method="POST")
            done = server.wait_job(job, timeout=300)
            assert done["counts"]["success"] == done["counts"]["total"], done
        everything = server.submit(undisturbed.items)
        assert server.wait_job(everything)["status"] == "completed"
    for name in ("frames", "vectors.db"):
        assert (small_disk / name).exists()
    assert_same(server, undisturbed, campaign.story)
