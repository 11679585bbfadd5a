"""What a client that polls sees: each answer agrees with itself, and none takes back what an earlier one
said, whatever is killed and restarted in between."""

import http.client
import os
import signal
import threading
from collections import Counter

import harness
from server import ENDED, Server, as_item

STATES = ("waiting", "processing", "success", "failed", "stopped")


def assert_adds_up(answer, status, progress):
    """The counts are those of the items, and the state is that of the counts."""
    counts, items = answer["counts"], answer["items"]
    found = Counter(item["status"] for item in items)
    assert {s: counts[s] for s in STATES} == {s: found[s] for s in STATES}, answer
    assert counts["total"] == len(items), answer
    has_ended = status in ENDED
    assert has_ended == (counts["waiting"] + counts["processing"] == 0), answer
    assert (progress == 100) == has_ended, answer
    mean = sum(item["progress"] for item in items) / len(items)
    assert abs(mean - progress) <= 1, answer


class Watcher:
    """Polls one job in a thread as fast as the server answers, through its deaths."""

    def __init__(self, server, job):
        self.server, self.job = server, job
        self.answers, self.fault, self.progress, self.items = 0, None, 0, {}
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def look(self):
        status = self.server.status(self.job, tail=5)
        assert_adds_up(status, status["status"], status["progress"])
        whole = self.server.json(f"/jobs/{self.job}")
        assert_adds_up(whole, whole["status"], whole["percentage"])
        [row] = self.server.json("/jobs")["jobs"]
        assert_adds_up(row, row["status"], row["percentage"])
        for progress, items in ((status["progress"], status["items"]),
                                (whole["percentage"], whole["items"]),
                                (row["percentage"], row["items"])):
            assert progress >= self.progress, (progress, self.progress)
            self.progress = progress
            for item in items:
                key = item["code"]
                assert item["progress"] >= self.items.get(key, 0), (key, item, self.items)
                self.items[key] = item["progress"]
        self.answers += 3

    def watch(self):
        while not self.is_over.is_set():
            try:
                self.look()
            except (OSError, http.client.HTTPException):
                continue  # it was killed; the next one answers
            except AssertionError as fault:
                self.fault = fault
                return

    def end(self):
        self.is_over.set()
        self.thread.join()
        if self.fault:
            raise self.fault


def test_answers_agree_with_themselves_and_take_nothing_back(tmp_path, clip):
    names = ["cuts", "letterbox", "two_frames", "one_frame", "vfr", "black"]
    with Server(tmp_path, env={"JOB_MAX_ATTEMPTS": 50}) as server:
        items = [server.add_video("p", f"{name}-{i}", clip(name).path)
                 for i in range(3) for name in names]
        job = server.submit([as_item(i) for i in items], force=True)
        watchers = [Watcher(server, job) for _ in range(3)]
        try:
            for step in range(4):
                reached = len(items) * (step + 1) // 6
                harness.wait_until(lambda n=reached: done(server, job) >= n, 60, "items that ended")
                for child in server.decode_children():
                    kill(child)
                if step % 2:
                    server.kill()
                    server.start()
            server.wait_job(job)
        finally:
            for watcher in watchers:
                watcher.end()
        assert sum(watcher.answers for watcher in watchers) > 100
        end = server.status(job)
        assert end["status"] == "completed" and end["counts"]["success"] == len(items), end


def done(server, job):
    return server.json(f"/jobs/{job}/progress")["progress"]["completed"]


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
