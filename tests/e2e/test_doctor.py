"""oriane doctor: what protects the program, and what would keep it from working."""

import os
import socket
import subprocess

import pytest

import harness
from test_sandbox import IS_WIDE, NOBODY

NAMES = ["system calls", "privileges", "namespaces", "root folder", "limits", "cost", "decoding",
         "hardening", "built from", "runs on", "cores", "memory", "descriptors", "VP_OUTPUT_DIR",
         "VP_FRAMES_DIR", "VP_TMP_DIR", "JOB_DB", "VECTOR_DB", "VP_INPUT_DIR", "port", "model",
         "frames in S3", "Qdrant"]
CLOSED = "http://127.0.0.1:9"  # nothing listens there


def look(oriane, code=None, **settings):
    result = oriane("doctor", "--json", settings={"API_PORT": 0, **settings})
    assert code is None or result.code == code, result
    assert result.code == (0 if result.json["ok"] else 1), result
    return {c["name"]: c for c in result.json["checks"]}, result.json


def test_a_sound_machine(oriane):
    checks, all_of_it = look(oriane, code=0)
    assert list(checks) == NAMES
    assert all_of_it["failures"] == 0
    assert all_of_it["warnings"] == sum(c["verdict"] == "warn" for c in checks.values())
    for check in checks.values():
        assert (check["hint"] is None) == (check["verdict"] == "ok"), check


def test_the_page_for_people_says_the_same(oriane):
    result = oriane("doctor", settings={"API_PORT": 0})
    assert result.code == 0, result
    for name in NAMES:
        assert f" {name} " in result.out, name
    assert result.out.splitlines()[-1].startswith(f"{len(NAMES)} checks, ")


def test_walls_are_tried_not_believed(oriane):
    if IS_WIDE:
        pytest.skip("a sanitizer's child has a wider list and no limits")
    checks, _ = look(oriane)
    for name in ("system calls", "privileges", "limits", "decoding", "hardening"):
        assert checks[name]["verdict"] == "ok", checks[name]
    assert "4096 MiB" in checks["limits"]["text"] and "3600 s" in checks["limits"]["text"]


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody else")
def test_a_user_without_rights(oriane, tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    process = subprocess.run([*NOBODY, harness.BINARY, "doctor", "--json"], cwd=tmp_path,
                             capture_output=True, env=harness.environment(API_PORT=0), check=False)
    result = harness.Result([], process.returncode, process.stdout, process.stderr.decode())
    checks = {c["name"]: c for c in result.json["checks"]}
    assert result.code == 1
    assert checks["system calls"]["verdict"] == ("warn" if IS_WIDE else "ok"), checks
    assert checks["decoding"]["verdict"] == "ok", checks
    assert checks["VP_OUTPUT_DIR"]["verdict"] == "fail"
    assert "Permission denied" in checks["VP_OUTPUT_DIR"]["text"]


TROUBLE = [({"CLIP_MODEL": "nobody/knows-it"}, "model", "fail", "not on this machine"),
           ({"QDRANT_URL": CLOSED}, "Qdrant", "fail", "network_failed"),
           ({"AWS_ENDPOINT_URL": CLOSED, "S3_UNSIGNED": 1}, "frames in S3", "fail",
            "store_unavailable"),
           ({"VP_OUTPUT_DIR": "/proc/no"}, "VP_OUTPUT_DIR", "fail", ""),
           ({"VP_MAX_WORKERS": 256}, "cores", "warn", "256 videos at once"),
           ({"API_HOST": "0.0.0.0"}, "port", "warn", "is free")]


@pytest.mark.parametrize("settings,name,verdict,words", TROUBLE, ids=[t[1] for t in TROUBLE])
def test_trouble(oriane, settings, name, verdict, words):
    checks, _ = look(oriane, **settings)
    assert checks[name]["verdict"] == verdict, checks[name]
    assert words in checks[name]["text"] and checks[name]["hint"], checks[name]


def test_a_port_that_is_taken(oriane):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        checks, _ = look(oriane, code=0, API_PORT=taken.getsockname()[1])
    assert checks["port"]["verdict"] == "warn", checks["port"]


def test_nothing_is_changed(oriane):
    look(oriane)
    assert list(oriane.folder.iterdir()) == []


def test_secrets_stay_secret(oriane):
    result = oriane("doctor", settings={"API_PORT": 0, "API_KEY": "s3cr3t-key", "QDRANT_URL": CLOSED,
                                        "QDRANT_KEY": "s3cr3t-too"})
    assert "s3cr3t" not in result.out + result.err
