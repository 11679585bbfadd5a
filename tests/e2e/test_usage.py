"""Wrong usage ends with 2 and one helpful line, help with 0, a broken output with 1."""

import re
import subprocess

import pytest

import harness

VERBS = ["run", "search", "embed", "config"]

WRONG = [
    ("nothing", []),
    ("unknown verb", ["rum"]),
    ("run without a video", ["run"]),
    ("run with an unknown option", ["run", "--jsno", "x.mp4"]),
    ("search without words", ["search"]),
    ("search with both", ["search", "--image", "x.png", "words"]),
    ("limit 0", ["search", "--limit", "0", "--image", "x.png"]),
    ("limit 1001", ["search", "--limit", "1001", "--image", "x.png"]),
    ("limit in words", ["search", "--limit", "ten", "--image", "x.png"]),
    ("option without its value", ["search", "--image"]),
    ("embed without anything", ["embed"]),
    ("config with words", ["config", "words"]),
    ("a flag with a bad value", ["run", "--scene-thresh", "7", "x.mp4"]),
    ("a switch with a bad value", ["run", "--enable-crop=perhaps", "x.mp4"]),
    ("unknown option of config", ["config", "--yaml"]),
]


@pytest.mark.parametrize("name,arguments", WRONG, ids=[w[0] for w in WRONG])
def test_wrong_usage(oriane, name, arguments):
    result = oriane(*arguments)
    assert result.code == 2, result
    assert result.out == ""
    assert result.err.strip()
    assert len(result.err) < 4000


@pytest.mark.parametrize("typed,meant", [("rum", "run"), ("serch", "search"), ("confg", "config")])
def test_nearest_verb_is_named(oriane, typed, meant):
    assert re.search(rf"\b{meant}\b", oriane(typed).err)


@pytest.mark.parametrize("verb,typed,meant", [
    ("run", "--jsno", "--json"), ("run", "--scene-tresh", "--scene-thresh"),
    ("search", "--limt", "--limit"), ("embed", "--imag", "--image")])
def test_nearest_option_is_named(oriane, verb, typed, meant):
    result = oriane(verb, typed)
    assert result.code == 2 and meant in result.err, result


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb(oriane, verb):
    result = oriane(verb, "--help")
    assert result.code == 0 and result.err == "", result
    assert verb in result.out and "--json" in result.out
    assert max(map(len, result.out.splitlines())) <= 120


def test_run_help_lists_the_settings(oriane):
    out = oriane("run", "--help").out
    for name in ("--scene-thresh", "--out", "--frame-format", "--max-workers", "--force"):
        assert name in out, name


def test_help_and_version(oriane):
    result = oriane("--help")
    assert result.code == 0 and all(verb in result.out for verb in VERBS), result
    assert "decode" not in result.out.split()  # internal: not for people
    result = oriane("--version")
    assert result.code == 0 and re.search(r"\d+\.\d+\.\d+", result.out), result


@pytest.mark.parametrize("arguments", [["--help"], ["config"], ["config", "--json"],
                                       ["run", "--help"]])
def test_output_that_cannot_be_written_is_a_failure(oriane, arguments):
    with open("/dev/full", "wb") as full:
        result = oriane(*arguments, stdout=full)
    assert result.code == 1, result
    assert result.err.strip()


def test_results_that_cannot_be_written_are_a_failure(oriane, clip):
    with open("/dev/full", "wb") as full:
        result = oriane.run(clip("one_frame").path, stdout=full)
    assert result.code == 1, result


def test_closed_pipe_is_no_crash(oriane):
    process = oriane.start("config")
    process.stdout.close()
    error = process.stderr.read()
    assert process.wait(timeout=20) in (0, 1), error
    process.stderr.close()


def test_decode_verb_alone_does_nothing_bad(oriane):
    result = oriane("decode")
    assert result.code in (1, 2) and result.out == "", result


@pytest.mark.parametrize("argument", ["A" * 100000, "\x1b[31mred", "%s%n%s", "--" + "x" * 5000],
                         ids=["long", "escape", "percent", "long option"])
def test_hostile_arguments(oriane, argument):
    result = oriane("run", "--json", "--out", "out", argument)
    assert result.code in (1, 2), result
    assert "\x1b" not in result.err


def test_standard_input_is_left_alone(clip, tmp_path):
    """In a shell loop over a list, `run` must not eat the list."""
    script = '"$0" run --json --out out "$1" >/dev/null; cat'
    process = subprocess.run(["bash", "-c", script, harness.BINARY, clip("one_frame").path],
                             input=b"1\n2\n", cwd=tmp_path, env=harness.environment(),
                             capture_output=True, check=False, timeout=60)
    assert process.stdout == b"1\n2\n", process
