"""tools/demo from a clean slate: renders its own videos where asked to, works twice, can fail, and leaves
no server behind."""

import os
import re
import shutil
import socket
import subprocess

import harness

DEMO = harness.REPOSITORY / "tools" / "demo"


def demo(folder, *videos, build=harness.BUILD):
    return subprocess.run([DEMO, *videos], cwd=folder, capture_output=True, text=True, check=False,
                          env={"PATH": os.environ["PATH"], "ORIANE_DEMO": str(folder / "demo"),
                               "ORIANE_BUILD": str(build)}, timeout=180)


def test_works_and_works_again(tmp_path, clip):
    for _ in range(2):
        result = demo(tmp_path, clip("cuts").path, clip("letterbox").path)
        assert result.returncode == 0, result.stdout + result.stderr
        assert "found its own frame first" in result.stdout
        assert (tmp_path / "demo" / "contact-sheet.png").stat().st_size > 1000
        port = int(re.search(r"console +http://127.0.0.1:(\d+)/ui/", result.stdout)[1])
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, "its server still runs"


def test_names_of_all_kinds(tmp_path, clip):
    """Two files of one name, a name that is no legal code, another container."""
    made = []
    for name, source in (("a/Film (1).mp4", "cuts"), ("b/Film (1).mp4", "two_frames"),
                         ("c/.hidden clip.mkv", "vfr")):
        path = tmp_path / name
        path.parent.mkdir()
        shutil.copy(clip(source).path, path)
        made.append(path)
    result = demo(tmp_path, *made)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 videos" in result.stdout


def test_renders_its_own_videos(tmp_path):
    """A copy of the script in a repository without shared media beside it."""
    root = tmp_path / "a" / "b"
    (root / "tools").mkdir(parents=True)
    shutil.copy(DEMO, root / "tools" / "demo")
    result = subprocess.run([root / "tools" / "demo"], cwd=root, capture_output=True, text=True,
                            check=False, timeout=180,
                            env={"PATH": os.environ["PATH"], "ORIANE_BUILD": str(harness.BUILD)})
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 videos" in result.stdout
    assert (root / ".demo" / "contact-sheet.png").exists()


def test_a_broken_video_fails_the_demo(tmp_path, clip):
    assert demo(tmp_path, clip("words").path).returncode != 0


def test_without_a_program_it_fails(tmp_path, clip):
    assert demo(tmp_path, clip("cuts").path, build=tmp_path).returncode != 0
