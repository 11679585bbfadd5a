"""Ctrl-C and a polite kill: over within two seconds, exit code 1, nothing left running or half-made."""

import os
import signal
import time

import pytest

import harness


@pytest.fixture
def running(oriane, clip, tmp_path):
    """A run in the middle of a long video, in a process group of its own."""
    process = oriane.start("run", "--json", "--out", "out", clip("long_60").path,
                           start_new_session=True, settings={"VP_MAX_WORKERS": 1})
    harness.wait_until(lambda: harness.children_of(process.pid), 20, "a decode child")
    harness.wait_until(lambda: list((tmp_path / "out").rglob("*.png")), 30, "a first frame")
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def check_end(process, sent, children, tmp_path):
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - sent < 2.0
    assert process.returncode == 1, err
    assert b"interrupted" in err.lower() or b"cancelled" in err.lower() + out
    assert not any(map(harness.is_alive, children))
    assert harness.leftovers(tmp_path / "out") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("whole_group", [False, True])
def test_interrupt(running, tmp_path, number, whole_group):
    """A terminal sends Ctrl-C to the whole group, kill(1) to the program alone."""
    children = harness.children_of(running.pid)
    sent = time.monotonic()
    if whole_group:
        os.killpg(running.pid, number)
    else:
        os.kill(running.pid, number)
    check_end(running, sent, children, tmp_path)


def test_impatience(running, tmp_path):
    """Ctrl-C again and again changes nothing."""
    children = harness.children_of(running.pid)
    sent = time.monotonic()
    for _ in range(5):
        try:
            os.killpg(running.pid, signal.SIGINT)
        except ProcessLookupError:
            break
    check_end(running, sent, children, tmp_path)


def test_an_interrupted_run_leaves_no_frames_of_its_own(running, tmp_path):
    os.kill(running.pid, signal.SIGINT)
    running.communicate(timeout=10)
    assert not list((tmp_path / "out").rglob("*.png"))
    assert harness.points(tmp_path / "out") == []


def test_the_next_run_finishes(oriane, clip, tmp_path):
    path = clip("long_10").path
    process = oriane.start("run", "--json", "--out", "out", path)
    harness.wait_until(lambda: list((tmp_path / "out").rglob("*.png")), 30, "a first frame")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert oriane.run(path).code == 0
    assert oriane.run(path, out="fresh").code == 0
    assert harness.effects(tmp_path / "out") == harness.effects(tmp_path / "fresh")


def test_finished_items_stay_finished(oriane, clip, tmp_path):
    """Interrupted at the second video: the first is done and stays done."""
    short, long = clip("two_frames").path, clip("long_60").path
    process = oriane.start("run", "--json", "--out", "out", short, long,
                           settings={"VP_MAX_WORKERS": 1})
    harness.wait_until(lambda: list((tmp_path / "out").rglob("local/*/manifest.json")), 30,
                       "the first manifest")
    harness.wait_until(lambda: list((tmp_path / "out").rglob("long*/*.png")), 30, "a frame")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 1
    assert oriane.run(short).one["skipped"] is True


def test_timeout_of_an_item_is_a_failure_with_its_code(oriane, clip, tmp_path):
    """A second is too little for this one; the video beside it is not touched by that."""
    result = oriane.run(clip("long_240").path if harness.IS_LONG else clip("long_60").path,
                        clip("one_frame").path,
                        settings={"VP_ITEM_TIMEOUT": 1, "VP_MAX_WORKERS": 2})
    by_code = {v["code"].split("-")[0]: v for v in result.lines}
    assert by_code["one_frame"]["status"] == "success"
    long = next(v for k, v in by_code.items() if k.startswith("long"))
    if long["status"] == "success":
        pytest.skip("this machine decodes a minute of 720p within a second")
    assert long["error"]["code"] == "timeout" and result.code == 1
    assert harness.leftovers(tmp_path / "out") == []
