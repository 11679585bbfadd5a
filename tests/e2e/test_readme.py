"""The README's lines do what they say: its block of curl lines is run by a shell, in its order, in a
folder that holds what the lines before it have made. Only the port is another."""

import json
import os
import re
import shutil
import subprocess

import pytest

import clips
import harness
from server import Server

README = harness.REPOSITORY / "README.md"
EXAMPLES = harness.REPOSITORY / "examples"


def lines():
    """The commands of the section about the server."""
    section = README.read_text().split("## As a server")[1].split("\n## ")[0]
    block = re.search(r"```sh\n(.*?)```", section, re.S)[1]
    return block.strip().splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """As after `make samples`: examples/ and input/ are there."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "examples").symlink_to(EXAMPLES)
    samples = clips.CACHE / "samples"
    subprocess.run([harness.REPOSITORY / "tools" / "sample-videos", samples], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.copytree(samples, folder / "input")
    return folder


def shell(folder, command):
    result = subprocess.run(["/bin/sh", "-c", command], cwd=folder, capture_output=True, text=True,
                            check=False, timeout=60,
                            env={"PATH": os.environ["PATH"], "HOME": str(folder)})
    assert result.returncode == 0, f"{command}\n{result.stderr}"
    return json.loads(result.stdout)


def test_the_api_in_curl_lines(folder):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    commands = lines()
    assert len(commands) == 5 and all(c.startswith("curl ") for c in commands)
    # the folders are the program's own defaults: .output and input
    own = {"VP_OUTPUT_DIR": None, "VP_INPUT_DIR": None}
    with Server(folder, key=None, env=own) as server:
        server.wait_ready()

        def run(number):
            return shell(folder, commands[number].replace("127.0.0.1:8000",
                                                          f"127.0.0.1:{server.port}"))
        job = run(0)["jobId"]
        done = server.wait_job(job, timeout=600)
        assert done["counts"]["success"] == 100, done["counts"]
        newest = run(1)
        assert newest["total"] == 1 and newest["jobs"][0]["job_id"] == job
        frames = run(2)
        assert frames and all(f["file"].startswith(f"{f['n']}_") for f in frames)
        picture = sorted((folder / ".output" / "frames").glob("*/*/1_*.png"))[0]
        hits = run(3)
        assert hits[0]["payload"]["path"] == str(picture.relative_to(folder / ".output" / "frames"))
        assert hits[0]["score"] >= 0.999
        assert run(4)["completed_jobs"] == 1


def test_every_verb_of_the_table_exists(oriane):
    table = README.read_text().split("## Verbs")[1].split("\n## ")[0]
    verbs = set(re.findall(r"^\| `oriane (\w+)", table, re.M)) - {"help"}
    assert {"run", "serve", "search", "jobs", "config"} <= verbs
    for verb in verbs:
        result = oriane(verb, "--help")
        assert result.code == 0 and verb in result.out, result


def test_every_make_target_it_names_exists():
    makefile = (harness.REPOSITORY / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    named = set(re.findall(r"`?\bmake ([a-z-]+)", README.read_text()))
    assert named and named <= targets, named - targets
