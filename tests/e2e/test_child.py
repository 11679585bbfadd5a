"""What the decode child holds and how much memory both processes take, seen from outside."""

import os
import shutil
import subprocess
import threading

import pytest

import harness

MIB = 1024


class Watch:
    """Polls a running program and its children until it ends: peaks of memory and descriptors."""

    def __init__(self, process):
        self.process = process
        self.parent_kb, self.child_kb, self.parent_fds, self.children = 0, 0, 0, set()
        self.thread = threading.Thread(target=self.poll)
        self.thread.start()

    def poll(self):
        while self.process.returncode is None and harness.is_alive(self.process.pid):
            self.parent_kb = max(self.parent_kb,
                                 harness.status_field(self.process.pid, "VmHWM") or 0)
            try:
                fds = len(os.listdir(f"/proc/{self.process.pid}/fd"))
                self.parent_fds = max(self.parent_fds, fds)
            except OSError:
                pass
            for child in harness.children_of(self.process.pid):
                self.children.add(child)
                self.child_kb = max(self.child_kb, harness.status_field(child, "VmHWM") or 0)
            self.pause.wait(0.005)

    pause = threading.Event()

    def finish(self):
        out, err = self.process.communicate(timeout=300)
        self.thread.join()
        assert self.process.returncode == 0, err
        return out


@pytest.fixture
def decoding(oriane, clip):
    """(program, its decode child) in the middle of a video."""
    process = oriane.start("run", "--json", "--out", "out", clip("long_60").path,
                           settings={"VP_MAX_WORKERS": 1, "API_KEY": "s3cr3t"})
    child = harness.wait_until(lambda: harness.children_of(process.pid), 20, "a decode child")[0]
    harness.wait_until(lambda: b"decode" in open(f"/proc/{child}/cmdline", "rb").read(), 5, "exec")
    harness.wait_until(lambda: (harness.status_field(child, "VmRSS") or 0) > 20 * MIB, 20, "decoding")
    yield process, child
    process.kill()
    process.communicate()


def test_child_holds_the_medium_a_socket_and_memory(decoding, clip):
    _, child = decoding
    held = {}
    for name in os.listdir(f"/proc/{child}/fd"):
        try:
            held[int(name)] = os.readlink(f"/proc/{child}/fd/{name}")
        except OSError:
            pass
    assert held[0] == "/dev/null" and held[1] == "/dev/null"
    assert held[2].startswith("pipe:")
    assert held[3] == os.path.realpath(clip("long_60").path)
    assert held[4].startswith("socket:")
    assert "memfd" in held[5]
    assert set(held) == {0, 1, 2, 3, 4, 5}, held


def test_medium_is_open_for_reading_alone(decoding):
    flags = int(next(l.split()[1] for l in open(f"/proc/{decoding[1]}/fdinfo/3")
                     if l.startswith("flags")), 8)
    assert flags & os.O_ACCMODE == os.O_RDONLY


def test_child_knows_no_environment_and_no_secrets(decoding):
    child = decoding[1]
    assert b"s3cr3t" not in open(f"/proc/{child}/environ", "rb").read()
    assert open(f"/proc/{child}/environ", "rb").read().strip(b"\0") == b""
    assert b"s3cr3t" not in open(f"/proc/{child}/cmdline", "rb").read()


def test_child_dies_with_its_parent(decoding):
    process, child = decoding
    process.kill()
    process.wait()
    harness.wait_until(lambda: not harness.is_alive(child), 5, "the child to end")


def test_memory_does_not_grow_with_the_video(oriane, clip):
    """Twice the length, the same memory: what is in flight counts, not what was seen. Both are long
    enough for every queue to have been full."""
    peaks = []
    for name in ["long_60", "long_240" if harness.IS_LONG else "long_120"]:
        watch = Watch(oriane.start("run", "--json", "--out", name, clip(name).path,
                                   settings={"VP_MAX_WORKERS": 1}))
        watch.finish()
        print(f"{name}: child {watch.child_kb // MIB} MB, parent {watch.parent_kb // MIB} MB")
        assert 0 < watch.child_kb < 150 * MIB
        assert 0 < watch.parent_kb < 100 * MIB
        assert len(watch.children) == 1  # decoded once, by one process
        peaks.append(watch)
    short, long = peaks
    assert long.child_kb < short.child_kb * 1.05 + 6 * MIB
    assert long.parent_kb < short.parent_kb * 1.05 + 6 * MIB


def test_descriptors_come_back_after_every_item(oriane, clip, tmp_path):
    """Forty videos, half of them broken, take no more descriptors than four."""
    counts = []
    for number in (4, 40):
        folder = tmp_path / f"in{number}"
        folder.mkdir()
        for i in range(number):
            source = clip("one_frame" if i % 2 else "words").path
            shutil.copy(source, folder / f"{i}.mp4")
        process = oriane.start("run", "--json", "--out", f"out{number}", folder,
                               settings={"VP_MAX_WORKERS": 2})
        watch = Watch(process)
        process.communicate(timeout=120)
        watch.thread.join()
        assert process.returncode == 1
        counts.append(watch.parent_fds)
    assert counts[1] <= counts[0] + 16, counts  # two workers that spawn at one moment hold more


def test_no_process_is_left_after_a_run(oriane, clip):
    process = oriane.start("run", "--json", "--out", "out", clip("cuts").path,
                           clip("garbage").path, start_new_session=True)
    process.communicate(timeout=60)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_workers_bound_the_children(oriane, clip, tmp_path):
    most = 0
    process = oriane.start("run", "--json", "--out", "out", clip("long_10").path, clip("cuts").path,
                           clip("visitors").path, clip("sources").path, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL,
                           settings={"VP_MAX_WORKERS": 2})
    while process.poll() is None:
        most = max(most, len(harness.children_of(process.pid)))
        try:
            process.wait(timeout=0.01)
        except subprocess.TimeoutExpired:
            pass
    assert process.returncode == 0
    assert most == 2
