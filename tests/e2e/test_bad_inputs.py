"""Hostile input is normal input: each bad item fails with its stable code, the others go on."""

import os
import resource
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

import harness

BROKEN_CLIPS = [
    ("garbage", "not_media"), ("words", "not_media"), ("empty", "empty_file"),
    ("audio_only", "no_video_stream"), ("truncated_without_index", "not_media"),
    ("playlist", "not_media"),
]


def check_failed(video, code):
    assert video["status"] == "failed", video
    error = video["error"]
    assert set(error) >= {"code", "message", "stage", "retryable", "attempts"}
    assert error["code"] == code, error
    assert isinstance(error["message"], str) and error["message"].strip()
    assert "\n" not in error["message"]
    assert isinstance(error["retryable"], bool)
    assert isinstance(error["attempts"], int) and error["attempts"] >= 0
    assert video["frames"] == []


@pytest.mark.parametrize("name,code", BROKEN_CLIPS)
def test_bad_file_costs_one_item(oriane, clip, tmp_path, name, code):
    result = oriane.run(clip(name).path, clip("one_frame").path)
    assert result.code == 1, result
    bad = next(v for v in result.lines if v["code"].startswith(name))
    good = next(v for v in result.lines if v["code"].startswith("one_frame"))
    check_failed(bad, code)
    assert good["status"] == "success"
    folder = harness.frames_folder(tmp_path / "out", bad)
    assert not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize("name,code", BROKEN_CLIPS)
def test_people_read_one_line_for_each_failure(oriane, clip, name, code):
    result = oriane("run", "--out", "out", clip(name).path)
    assert result.code == 1
    lines = [l for l in result.err.splitlines() if code in l]
    assert len(lines) == 1 and clip(name).path.name in lines[0], result


def test_all_kinds_at_once(oriane, clip, tmp_path):
    """Every bad thing there is and two good videos in one call."""
    (tmp_path / "nothing").mkdir()
    os.mkfifo(tmp_path / "fifo.mp4")
    plug = socket.socket(socket.AF_UNIX)
    plug.bind(str(tmp_path / "socket.mp4"))
    os.symlink("nowhere.mp4", tmp_path / "dangling.mp4")
    os.symlink("self.mp4", tmp_path / "self.mp4")
    arguments = {
        "nothing": "no_videos", "fifo.mp4": "not_a_file", "socket.mp4": "not_a_file",
        "dangling.mp4": "not_found", "missing.mp4": "not_found", "/dev/zero": "not_a_file",
        "self.mp4": "directory_loop",
    }
    videos = [clip("one_frame").path, *arguments, clip("two_frames").path]
    result = oriane.run(*videos, timeout=60)
    plug.close()
    assert result.code == 1, result
    assert len(result.lines) == len(videos), result
    good = [v for v in result.lines if v["status"] == "success"]
    assert len(good) == 2
    for argument, code in arguments.items():
        stem = os.path.basename(argument)
        failed = [v for v in result.lines if v["status"] == "failed" and
                  stem in str(v["source"])]
        assert len(failed) == 1, (argument, result)
        check_failed(failed[0], code)


def test_folder_that_leads_into_itself(oriane, clip, tmp_path):
    folder = tmp_path / "in"
    (folder / "deeper").mkdir(parents=True)
    shutil.copy(clip("one_frame").path, folder / "a.mp4")
    os.symlink("..", folder / "deeper" / "up")
    result = oriane.run("in", timeout=60)
    assert result.code == 1, result
    failed = [v for v in result.lines if v["status"] == "failed"]
    assert [v["error"]["code"] for v in failed] == ["directory_loop"], result
    assert sum(v["status"] == "success" for v in result.lines) == 1


def test_very_deep_folder(oriane, clip, tmp_path):
    """Some bound, named, and no crash; what lies above it is found."""
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(clip("one_frame").path, folder / "a.mp4")
    deep = folder
    try:
        for _ in range(300):
            deep = deep / "d"
            os.mkdir(deep)
    except OSError:
        pass
    result = oriane.run("in", timeout=60)
    assert result.code in (0, 1), result
    assert any(v["status"] == "success" for v in result.lines)


def test_link_to_a_video_works(oriane, clip, tmp_path):
    os.symlink(clip("one_frame").path, tmp_path / "link.mp4")
    assert oriane.run("link.mp4").code == 0


@pytest.fixture
def as_nobody(clip):
    """Runs the program as a user without rights: as root permissions stop nobody.

    Works in a folder that everybody may enter, with a copy of the program in it."""
    with tempfile.TemporaryDirectory(prefix="oriane-nobody-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        binary = folder / "oriane"
        shutil.copy(harness.BINARY, binary)
        shutil.copy(clip("one_frame").path, folder / "good.mp4")
        (folder / "work").mkdir()
        (folder / "work").chmod(0o777)
        prefix = []
        if os.getuid() == 0:
            prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            if not shutil.which("setpriv") or subprocess.run(
                    [*prefix, "true"], capture_output=True, check=False).returncode:
                pytest.skip("root, and setpriv cannot give up rights here")

        def call(*arguments):
            done = subprocess.run([*prefix, binary, *map(str, arguments)], cwd=folder / "work",
                                  env=harness.environment(), capture_output=True, check=False,
                                  timeout=60)
            return harness.Result(arguments, done.returncode, done.stdout, done.stderr.decode())
        call.folder = folder
        yield call


def test_unreadable_file_and_folder(as_nobody):
    folder = as_nobody.folder
    shutil.copy(folder / "good.mp4", folder / "secret.mp4")
    (folder / "secret.mp4").chmod(0)
    (folder / "locked").mkdir()
    (folder / "locked").chmod(0)
    result = as_nobody("run", "--json", "--out", "out", folder / "secret.mp4", folder / "locked",
                       folder / "good.mp4")
    assert result.code == 1, result
    codes = sorted((v["error"] or {}).get("code", v["status"]) for v in result.lines)
    assert codes == ["not_readable", "not_readable", "success"], result


def test_read_only_output(as_nobody):
    folder = as_nobody.folder
    (folder / "fixed").mkdir()
    (folder / "fixed").chmod(0o555)
    result = as_nobody("run", "--json", "--out", folder / "fixed", folder / "good.mp4")
    assert result.code == 1, result
    said = [v["error"]["code"] for v in result.lines] or [result.err]
    assert all("not_writable" in s for s in said), result
    assert list((folder / "fixed").iterdir()) == []


def test_output_that_is_a_file(oriane, clip, tmp_path):
    (tmp_path / "out").write_text("a file")
    result = oriane.run(clip("one_frame").path)
    assert result.code == 1, result
    assert "not_writable" in result.err + result.out
    assert (tmp_path / "out").read_text() == "a file"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 200 kB; needs the right to mount."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_full_disk(oriane, clip, small_disk, tmp_path):
    """Fails with disk_full, leaves no half file, and finishes once there is room."""
    path = clip("cuts").path
    result = oriane.run(path, out=small_disk / "out")
    assert result.code == 1, result
    said = [v["error"]["code"] for v in result.lines] or [result.err]
    assert all("disk_full" in s for s in said), result
    assert harness.leftovers(small_disk) == []
    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    again = oriane.run(path, out=small_disk / "out")
    assert again.code == 0, again
    assert oriane.run(path, out="fresh").code == 0
    assert harness.effects(small_disk / "out") == harness.effects(tmp_path / "fresh")


@pytest.mark.parametrize("bytes_each,code", [(4096, "store_failed"), (100_000, "disk_full")])
def test_file_that_may_not_grow(oriane, clip, tmp_path, bytes_each, code):
    """Ends the run, or the item, with a code: no signal ends the program."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_each, bytes_each))
    result = oriane.run(clip("cuts").path, preexec_fn=limit)
    assert result.code == 1, result
    assert code in result.err and "Success" not in result.err, result
    assert harness.leftovers(tmp_path / "out") == []
    assert oriane.run(clip("cuts").path).code == 0


def test_corrupt_vector_store_is_said_not_crashed(oriane, clip, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "vectors.db").write_bytes(b"this is no database" * 1000)
    result = oriane.run(clip("one_frame").path)
    assert result.code == 1, result
    assert "store" in result.out + result.err
    assert (tmp_path / "out" / "vectors.db").read_bytes().startswith(b"this is no database")


LIMITS = [({"VP_MAX_BYTES": "1000"}, "limit_exceeded"), ({"VP_MAX_DURATION": "5"}, "limit_exceeded"),
          ({"VP_MAX_PIXELS": "10000"}, "limit_exceeded")]


@pytest.mark.parametrize("settings,code", LIMITS)
def test_limits_are_named(oriane, clip, settings, code):
    result = oriane.run(clip("cuts").path, settings=settings)
    assert result.code == 1, result
    check_failed(result.one, code)


@pytest.mark.parametrize("spare,code", [(0, 0), (-1, 1)])
def test_byte_limit_at_its_edge(oriane, clip, spare, code):
    path = clip("one_frame").path
    result = oriane.run(path, settings={"VP_MAX_BYTES": path.stat().st_size + spare})
    assert result.code == code, result


@pytest.mark.parametrize("spare,code", [(0, 0), (-1, 1)])
def test_pixel_limit_at_its_edge(oriane, clip, spare, code):
    settings = {"VP_MAX_PIXELS": 320 * 180 + spare}
    assert oriane.run(clip("one_frame").path, settings=settings).code == code


@pytest.mark.parametrize("spare,code", [(0, 0), (-1, 1)])
def test_pixel_limit_counts_square_pixels(oriane, clip, spare, code):
    frame = oriane.run(clip("anamorphic").path, out="first").one["frames"][0]
    settings = {"VP_MAX_PIXELS": frame["width"] * frame["height"] + spare}
    result = oriane.run(clip("anamorphic").path, settings=settings, out="second")
    assert result.code == code, result
    if code:
        check_failed(result.one, "limit_exceeded")


def test_a_folder_called_mp4(oriane, clip, tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    shutil.copy(clip("one_frame").path, tmp_path / "folder.mp4" / "in.mp4")
    result = oriane.run("folder.mp4")
    assert result.code == 0 and len(result.lines) == 1, result
