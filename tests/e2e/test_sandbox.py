"""The walls around the decode child. tests/component/sandbox_exploit.c is the program whose child has
been taken over; sandbox_strict.c the one whose child is killed by the first call that is not on the
list. Both go through the whole pipeline, and both are built plain whatever ORIANE_BIN names."""

import os
import re
import shutil
import subprocess

import pytest

import clips
import harness
from server import Server

TESTS = harness.BUILD / "tests" / "component"
IS_WIDE = "asan" in str(harness.BINARY)
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture
def exploit(tmp_path):
    return harness.Oriane(tmp_path, TESTS / "oriane_exploit")


def script(folder, walls, name):
    path = folder / f"{walls}_{name}.mp4"
    path.write_text(f"{walls} {name}\n")
    return path


def error_of(program, walls, name, **settings):
    result = program.run(script(program.folder, walls, name),
                         settings={"VP_ITEM_TIMEOUT": 60, **settings})
    assert result.code == 1, result
    return result.one["error"]


def counts_of(error):
    """(refused, tried, refused by the list of calls)"""
    found = re.match(r"refused (\d+) of (\d+), (\d+) by the list, granted:", error["message"])
    return tuple(map(int, found.groups()))


def test_every_attempt_is_refused(exploit):
    error = error_of(exploit, "walls", "all")
    assert error["code"] == "decode_failed", error
    assert counts_of(error) == (82, 82, 82), error  # limits would have stopped some too


def test_every_attempt_is_refused_beside_a_gpu(exploit):
    """The profile for an encoder of a GPU: its driver's descriptors, and nothing else, are let through."""
    error = error_of(exploit, "gpu", "all")
    assert error["code"] == "decode_failed" and counts_of(error) == (82, 82, 82), error


def test_without_walls_the_attempts_are_real(exploit):
    """Else a typing error in an attempt would count as refused."""
    error = error_of(exploit, "naked", "all")
    assert error["code"] == "internal_error", error
    refused, tried, listed = counts_of(error)
    assert refused <= 8 and tried == 82 and listed <= 2, error  # what the machine refuses by itself


@pytest.mark.parametrize("name", ["open_absolute", "socket_inet", "fork_process", "trace_parent",
                                  "signal_parent", "execute", "send_descriptor", "raise_limit"])
def test_without_walls_this_one_is_granted(exploit, name):
    if name == "signal_parent" and os.getuid() != 0:
        pytest.skip("needs root")
    assert error_of(exploit, "naked", name)["message"] == f"refused 0 of 1, 0 by the list, granted: {name}"


def test_a_user_without_rights_is_shut_in_as_well(exploit, tmp_path):
    """Most people are not root, whose namespaces and capabilities are another matter."""
    if os.getuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("no setpriv on this machine")
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        tmp_path.chmod(0o777)
    path = script(tmp_path, "walls", "all")
    process = subprocess.run([*(NOBODY if os.getuid() == 0 else []), exploit.binary, "run",
                              "--json", "--out", "out", path], cwd=tmp_path, capture_output=True,
                             env=harness.environment(), timeout=60, check=False)
    result = harness.Result([], process.returncode, process.stdout, process.stderr.decode())
    assert result.one["error"]["code"] == "decode_failed", result


def test_without_namespaces_the_list_stands(exploit, tmp_path):
    """As in a container that refuses them: root in a world of its own where none can be made."""
    bare = ["unshare", "-Ur", "sh", "-c",
            "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all "
            '--inh-caps=-all --securebits=+noroot "$0" "$@"']
    probe = subprocess.run([*bare, "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"no such world on this machine: {probe.stderr.decode().strip()}")
    process = subprocess.run([*bare, harness.BINARY, "doctor", "--json"], cwd=tmp_path,
                             capture_output=True, env=harness.environment(API_PORT=0), check=False)
    doctor = harness.Result([], process.returncode, process.stdout, process.stderr.decode()).json
    verdicts = {c["name"]: c["verdict"] for c in doctor["checks"]}
    if IS_WIDE:
        pytest.skip("a sanitizer's child keeps its namespaces")
    assert verdicts["namespaces"] == verdicts["root folder"] == "warn", doctor
    assert verdicts["decoding"] == "ok", doctor
    process = subprocess.run([*bare, exploit.binary, "run", "--json", "--out", "out",
                              script(tmp_path, "walls", "all")], cwd=tmp_path, capture_output=True,
                             env=harness.environment(), timeout=60, check=False)
    result = harness.Result([], process.returncode, process.stdout, process.stderr.decode())
    assert result.one["error"]["code"] == "decode_failed", result


ENDS = [("walls", "eat_memory", {"VP_DECODE_MEMORY": "256m"}, "limit_exceeded", "VP_DECODE_MEMORY"),
        ("walls", "eat_space", {"VP_DECODE_MEMORY": "256m"}, "limit_exceeded", "VP_DECODE_MEMORY"),
        ("walls", "many_threads", {"VP_DECODE_MEMORY": "256m"}, "limit_exceeded", ""),
        ("brief", "spin", {}, "timeout", "processor time"),
        ("walls", "hang", {"VP_ITEM_TIMEOUT": 1}, "timeout", "after 1 seconds"),
        ("walls", "overflow", {}, "decoder_crashed", "SIGSEGV"),
        ("walls", "crash", {}, "decoder_crashed", "SIGSEGV"),
        ("walls", "abort", {}, "decoder_crashed", "SIGABRT"),
        ("walls", "fill_log", {}, "decode_failed", "said it all"),
        ("walls", "call_of_32_bits", {}, "decoder_crashed", "SIGSYS"),
        ("walls", "call_of_x32", {}, "decoder_crashed", "SIGSYS"),
        ("strict", "fork_process", {}, "decoder_crashed", "SIGSYS"),
        ("strict", "socket_inet", {}, "decoder_crashed", "SIGSYS"),
        ("walls", "left_open", {}, "sandbox_failed", "descriptor 6 was left open"),
        ("gpu", "left_open", {}, "sandbox_failed", "descriptor 6 was left open"),
        ("walls", "environment", {}, "sandbox_failed", "environment is not empty")]


@pytest.mark.parametrize("walls,name,settings,code,words", ENDS,
                         ids=[f"{walls}-{name}" for walls, name, *_ in ENDS])
def test_how_it_ends(exploit, walls, name, settings, code, words):
    error = error_of(exploit, walls, name, **settings)
    assert error["code"] == code, error
    assert words in error["message"], error


def test_the_others_go_on(exploit, clip, tmp_path):
    """One run, one parent: good videos between bad ones come out as if alone."""
    alone = exploit.run(clip("cuts").path, out="alone").one
    bad = [script(tmp_path, *pair) for pair in
           [("walls", "all"), ("walls", "crash"), ("walls", "eat_memory"), ("brief", "spin")]]
    good = []
    for i in range(3):
        good.append(tmp_path / f"good{i}.mp4")
        shutil.copy(clip("cuts").path, good[-1])
    result = exploit.run(*[p for pair in zip(bad, good) for p in pair], bad[3], out="together",
                         settings={"VP_DECODE_MEMORY": "256m", "VP_MAX_WORKERS": 2})
    assert result.code == 1
    codes = sorted((r.get("error") or {"code": "-"})["code"] for r in result.lines)
    assert codes == ["-"] * 3 + ["decode_failed", "decoder_crashed", "limit_exceeded", "timeout"]
    for row in result.lines:
        if row["status"] == "success":
            assert [f["dhash"] for f in row["frames"]] == [f["dhash"] for f in alone["frames"]]


def test_a_server_goes_on(clip, tmp_path, monkeypatch):
    monkeypatch.setattr(harness, "BINARY", TESTS / "oriane_exploit")
    settings = {"VP_DECODE_MEMORY": "256m", "JOB_MAX_ATTEMPTS": 1}
    with Server(tmp_path, env=settings) as server:
        bad = ["all", "crash", "eat_memory"]
        for name in bad:
            server.add_video("local", name, script(tmp_path, "walls", name))
        server.add_video("local", "good", clip("cuts").path)
        job = server.wait_job(server.submit([f"local/{n}" for n in [*bad, "good"]]))
        items = {i["code"]: i for i in job["items"]}
        assert items["good"]["status"] == "success", items
        assert [items[n]["error"]["code"] for n in bad] == ["decode_failed", "decoder_crashed",
                                                            "limit_exceeded"]
        assert server.get("/health").status == 200


# All ways into libav; what is drawn is another matter.
WAYS = ("truncated", "rotated", "damaged", "ten_bit", "pq", "vfr", "odd", "anamorphic", "with_sound",
        "one_frame", "audio_only", "garbage", "empty", "playlist", "words")
STRICT = sorted(name for name in clips.RECIPES
                if harness.IS_LONG or "_in_" in name or name.startswith(WAYS))


def test_no_call_is_missing_on_the_list(clip, tmp_path):
    """Each container, codec and kind of damage with walls that kill: same outcome as without."""
    paths = [clip(name).path for name in STRICT]
    if (clips.SHARED / "truth.json").exists():
        paths += sorted(clips.SHARED.glob("*.mp4")) if harness.IS_LONG else []
    outcomes = []
    for binary in (TESTS / "oriane_strict", harness.BINARY):
        rows = harness.Oriane(tmp_path / binary.name, binary).run(*paths, timeout=300).lines
        outcomes.append({r["source"]: (r["status"], (r.get("error") or {}).get("code"),
                                       [f["dhash"] for f in r["frames"]]) for r in rows})
    assert len(outcomes[0]) == len(paths)
    assert outcomes[0] == outcomes[1]


def test_pictures_need_no_other_call_either(clip, tmp_path):
    strict = harness.Oriane(tmp_path, TESTS / "oriane_strict")
    row = strict.run(clip("cuts").path).one
    still = tmp_path / "out" / "frames" / row["frames"][0]["path"]
    for arguments in (["embed", "--image", still], ["search", "--json", "--image", still]):
        result = strict(*arguments, settings={"VP_OUTPUT_DIR": "out"})
        assert result.code == 0, result
    # a picture that comes as a part of another file, copied into sealed memory
    doctor = strict("doctor", "--json").json
    assert [c["verdict"] for c in doctor["checks"] if c["name"] == "decoding"] == ["ok"], doctor


def test_decoding_stands_inside(oriane, clip):
    """The product's own child, looked at from outside while it decodes."""
    if IS_WIDE:
        pytest.skip("a sanitizer's child has a wider list and no limits")
    process = oriane.start("run", "--json", "--out", "out", clip("long_60").path,
                           settings={"VP_MAX_WORKERS": 1, "VP_ITEM_TIMEOUT": 77})
    try:
        child = harness.wait_until(lambda: harness.children_of(process.pid), 20, "a child")[0]
        harness.wait_until(lambda: harness.status_field(child, "Seccomp") == 2, 20, "a filter")
        assert harness.status_field(child, "NoNewPrivs") == 1
        status = open(f"/proc/{child}/status", encoding="utf-8").read()
        assert "CapEff:\t0000000000000000" in status and "CapPrm:\t0000000000000000" in status
        limits = {line[:25].strip(): line[25:].split()[:2]
                  for line in open(f"/proc/{child}/limits", encoding="utf-8")}
        assert limits["Max cpu time"] == ["78", "80"]
        assert limits["Max data size"] == ["4294967296"] * 2
        assert limits["Max open files"] == ["6", "6"]
        assert limits["Max file size"] == ["0", "0"] and limits["Max core file size"][0] == "0"
        assert open(f"/proc/{child}/oom_score_adj", encoding="utf-8").read() == "500\n"
    finally:
        process.kill()
        process.communicate()
