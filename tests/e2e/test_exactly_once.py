"""A result in S3 and Qdrant is one result: a rerun with other settings leaves nothing of the one before,
and the program killed between any two of its writes leaves what the next run makes equal to one that
nobody disturbed. The moments are those of docs/architecture.md: each is named by the request before or
behind which a proxy kills the program."""

import os
import signal
import subprocess

import pytest

import harness
from both_stores import Both, Proxy
from test_s3_qdrant import gateway, points  # noqa: F401  fixtures

NAMES = ["cuts", "letterbox"]
OTHER = {"VP_FRAME_FORMAT": "jpeg", "VP_SCENE_THRESH": "0.3", "VP_MIN_FRAMES": "8"}
FOREIGN = ["video.mp4", "notes.txt", "1_0.50.gif"]


def run(oriane, both, clips, **settings):
    return oriane.run("--upload", *clips, settings=both.settings(VP_MAX_WORKERS=1, **settings))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, gateway, points, clip):  # noqa: F811
    clips = [clip(name).path for name in NAMES]
    found = {"clips": clips}
    for kind, settings in (("usual", {}), ("other", OTHER)):
        both = Both(gateway, points)
        # one folder, so that the code, a hash of the path, is the same
        assert run(harness.Oriane(tmp_path_factory.mktemp(kind)), both, clips, **settings).code == 0
        found[kind] = both.effects()
    assert found["usual"] != found["other"]
    return found


def verify(oriane, both, *arguments):
    return oriane("verify", "--json", "--out", "out", *(arguments or ["--all"]),
                  settings=both.settings())


@pytest.mark.parametrize("settings", [{"VP_FRAME_FORMAT": "jpeg"}, {"VP_SCENE_THRESH": "0.9"},
                                      {"VP_MIN_FRAMES": "9"}, OTHER])
def test_a_rerun_with_other_settings_leaves_nothing_stale(oriane, undisturbed, gateway, points,  # noqa: F811
                                                          settings):
    both, fresh = Both(gateway, points), Both(gateway, points)
    first = run(oriane, both, undisturbed["clips"])
    assert first.code == 0 and both.effects() == undisturbed["usual"]
    foreign = [f"local/{v['code']}/{name}" for v in first.lines for name in FOREIGN]
    for key in foreign:
        both.put(key, b"not ours")
    second = run(oriane, both, undisturbed["clips"], **settings)
    assert second.code == 0 and not any(v["skipped"] for v in second.lines)
    assert run(oriane, fresh, undisturbed["clips"], **settings).code == 0
    for key in foreign:
        assert both.get(key) == b"not ours"
        both.delete(key)
    assert both.effects() == fresh.effects()
    assert verify(oriane, both).code == 0
    back = run(oriane, both, undisturbed["clips"])
    assert back.code == 0 and both.effects() == undisturbed["usual"]


def is_still(path):
    return path.split("?")[0].endswith((".png", ".jpg"))


def is_manifest(method, path):
    return method == "PUT" and path.endswith("manifest.json")


# name: (the store, which request, the how manieth, before or after it). Two videos, one after the other; in a
# rerun each writes: its old manifest as unfinished, stills, the new manifest as unfinished, points, stale
# points away, stale stills away, the manifest.
MOMENTS = {
    "before any effect": ("s3", is_manifest, 1, "before"),
    "the old result marked unfinished": ("s3", is_manifest, 1, "after"),
    "before a still": ("s3", lambda m, p: m == "PUT" and is_still(p), 2, "before"),
    "after a still": ("s3", lambda m, p: m == "PUT" and is_still(p), 2, "after"),
    "all stills, before the new manifest": ("s3", is_manifest, 2, "before"),
    "the new manifest unfinished": ("s3", is_manifest, 2, "after"),
    "before the points": ("qdrant", lambda m, p: m == "PUT" and "/points?" in p, 1, "before"),
    "after the points": ("qdrant", lambda m, p: m == "PUT" and "/points?" in p, 1, "after"),
    "stale points away": ("qdrant", lambda m, p: "/points/delete" in p, 1, "after"),
    "a stale still away": ("s3", lambda m, p: m == "DELETE" and is_still(p), 1, "after"),
    "before the manifest": ("s3", is_manifest, 3, "before"),
    "after the manifest": ("s3", is_manifest, 3, "after"),
    "in the second video": ("s3", is_manifest, 5, "after"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_between_any_two_writes_it_is_a_replay(oriane, undisturbed, gateway, points, moment):  # noqa: F811
    store, is_it, number, when = MOMENTS[moment]
    seen, process = [0], []

    def watch(now, method, path, _body):
        if now == when and is_it(method, path):
            seen[0] += 1
            if seen[0] == number:
                os.kill(process[0].pid, signal.SIGKILL)
                process[0].wait()
        return process and process[0].returncode is not None  # nothing of the dead arrives

    with Proxy(gateway.port) as s3, Proxy(points.port) as vectors:
        both = Both(gateway, points, s3.url, vectors.url)
        assert run(oriane, both, undisturbed["clips"], **OTHER).code == 0
        assert both.effects() == undisturbed["other"]
        (s3 if store == "s3" else vectors).watch = watch
        process.append(oriane.start("run", "--json", "--out", "out", "--upload",
                                    *undisturbed["clips"],
                                    settings=both.settings(VP_MAX_WORKERS=1),
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        assert process[0].wait(60) == -signal.SIGKILL, f"{moment}: was never reached"
        s3.watch = vectors.watch = None
        # Whatever there is now: a look repairs or names it, and never makes it worse for the next run.
        if number % 2:
            looked = verify(oriane, both)
            assert looked.code in (0, 1) and len(looked.lines) == 2, looked
        else:  # nor must the settings of before take the mixture for their own result
            again = run(oriane, both, undisturbed["clips"], **OTHER)
            assert again.code == 0 and both.effects() == undisturbed["other"]
        final = run(oriane, both, undisturbed["clips"])
        assert final.code == 0, final
        assert both.effects() == undisturbed["usual"]
        assert verify(oriane, both).code == 0


@pytest.mark.parametrize("moment", ["a first still", "a first manifest", "first points"])
def test_killed_in_the_first_run_it_is_a_replay(oriane, undisturbed, gateway, points, moment):  # noqa: F811
    store, is_it = {"a first still": ("s3", lambda m, p: m == "PUT" and is_still(p)),
                    "a first manifest": ("s3", is_manifest),
                    "first points": ("qdrant", lambda m, p: m == "PUT" and "/points?" in p)}[moment]
    process = []

    def watch(now, method, path, _body):
        if now == "after" and is_it(method, path) and process[0].returncode is None:
            os.kill(process[0].pid, signal.SIGKILL)
            process[0].wait()
        return process[0].returncode is not None

    with Proxy(gateway.port) as s3, Proxy(points.port) as vectors:
        both = Both(gateway, points, s3.url, vectors.url)
        process.append(oriane.start("run", "--json", "--out", "out", "--upload",
                                    *undisturbed["clips"],
                                    settings=both.settings(VP_MAX_WORKERS=1),
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        (s3 if store == "s3" else vectors).watch = watch
        assert process[0].wait(60) == -signal.SIGKILL, f"{moment}: was never reached"
        s3.watch = vectors.watch = None
        final = run(oriane, both, undisturbed["clips"])
        assert final.code == 0, final
        assert both.effects() == undisturbed["usual"]
        assert verify(oriane, both).code == 0
