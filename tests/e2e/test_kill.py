"""kill -9 at random moments, of the program and of its decode child: the next run then leaves exactly
what an undisturbed run leaves. The seed of every round is printed and in the test's name."""

import os
import random
import shutil
import signal
import subprocess
import time

import pytest

import harness

ROUNDS = harness.kill_rounds(200, 15)
BASE_SEED = int(os.environ.get("ORIANE_KILL_SEED", "20240517"))
NAMES = ["cuts", "letterbox", "two_frames", "vfr"]
OTHER = {"VP_FRAME_FORMAT": "jpeg", "VP_SCENE_THRESH": "0.3"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, clip):
    """Effects of a run that nobody disturbs, of one with other settings, and how long one takes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    oriane = harness.Oriane(folder)
    videos = [clip(n).path for n in NAMES]
    start = time.monotonic()
    assert oriane.run(*videos).code == 0
    wall = time.monotonic() - start
    assert oriane.run(*videos, out="other", settings=OTHER).code == 0
    return {"videos": videos, "effects": harness.effects(folder / "out"), "wall": wall,
            "other": folder / "other"}


def kill_at_random(process, rng, wall, victim):
    """One kill -9 somewhere between start and a little past the usual end."""
    try:
        process.wait(timeout=rng.uniform(0, wall * 1.1))
    except subprocess.TimeoutExpired:
        pass
    else:
        return "had ended"
    children = harness.children_of(process.pid)
    if victim == "child" and children:
        target = rng.choice(children)
        try:
            os.kill(target, signal.SIGKILL)
        except ProcessLookupError:
            return "child had ended"
        process.wait(timeout=60)
        harness.note_kill("decode child of a run", victim)
        return "killed the child"
    process.kill()
    process.wait(timeout=10)
    harness.wait_until(lambda: not any(map(harness.is_alive, children)), 5, "orphans to end")
    harness.note_kill("run, at random", victim)
    return "killed the parent"


@pytest.mark.parametrize("seed", range(BASE_SEED, BASE_SEED + ROUNDS))
def test_killed_run_is_a_replay(oriane, undisturbed, tmp_path, seed):
    rng = random.Random(seed)
    out = tmp_path / "out"
    if rng.random() < 0.4:  # over an earlier result of other settings
        shutil.copytree(undisturbed["other"], out)
    settings = {"VP_MAX_WORKERS": rng.choice([1, 2, 4]), "VP_BATCH_SIZE": rng.choice([1, 8])}
    victim = rng.choice(["parent", "parent", "child"])
    story = []
    for _ in range(rng.choice([1, 1, 2])):
        process = oriane.start("run", "--json", "--out", "out", *undisturbed["videos"],
                               settings=settings, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        story.append(kill_at_random(process, rng, undisturbed["wall"], victim))
    print(f"seed {seed}: {victim} {settings} {story}")
    final = oriane.run(*undisturbed["videos"])
    assert final.code == 0, final
    assert all(v["status"] == "success" for v in final.lines)
    files, points = harness.effects(out)
    assert files == undisturbed["effects"][0], story
    assert points == undisturbed["effects"][1], story
    assert harness.leftovers(out) == []


def test_killed_between_two_settings_is_never_taken_for_done(oriane, undisturbed, tmp_path):
    """A done, B killed on its way, A again: A must not believe its own old manifest."""
    out = tmp_path / "out"
    rng = random.Random(BASE_SEED)
    for _ in range(5):
        assert oriane.run(*undisturbed["videos"]).code == 0
        process = oriane.start("run", "--json", "--out", "out", *undisturbed["videos"],
                               settings=OTHER, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=rng.uniform(0.2, 0.9) * undisturbed["wall"])
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert oriane.run(*undisturbed["videos"]).code == 0
        files, points = harness.effects(out)
        assert files == undisturbed["effects"][0]
        assert points == undisturbed["effects"][1]


def test_killed_child_costs_one_item(oriane, clip):
    """The other item succeeds, the victim fails with its code or, tried again, succeeds."""
    process = oriane.start("run", "--json", "--out", "out", clip("long_60").path, clip("cuts").path,
                           settings={"VP_MAX_WORKERS": 1})
    child = harness.wait_until(lambda: harness.children_of(process.pid), 20, "a decode child")[0]
    os.kill(child, signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    result = harness.Result(process.args, process.returncode, out, err.decode())
    by_code = {v["code"]: v for v in result.lines}
    assert len(by_code) == 2, result
    cuts = next(v for c, v in by_code.items() if c.startswith("cuts"))
    long = next(v for c, v in by_code.items() if c.startswith("long"))
    assert cuts["status"] == "success"
    if long["status"] == "failed":
        assert result.code == 1
        assert long["error"]["code"] == "decoder_crashed", long
        assert long["error"]["attempts"] >= 1 and long["error"]["retryable"] is True
    else:
        assert result.code == 0
