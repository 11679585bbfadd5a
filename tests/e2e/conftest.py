"""Fixtures of the black-box tests: the program, the clips, and results that many tests look at."""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "media")]

import clips  # noqa: E402
import harness  # noqa: E402
import server as server_harness  # noqa: E402


def pytest_sessionstart(session):
    if not harness.BINARY.exists():
        pytest.exit(f"{harness.BINARY} is not built: run make build", returncode=1)


@pytest.fixture
def oriane(tmp_path):
    return harness.Oriane(tmp_path)


@pytest.fixture(scope="session")
def clip():
    return clips.get


class Extracted:
    """One clip run once with the default settings."""

    def __init__(self, folder, clip):
        self.folder, self.clip, self.out = folder, clip, folder / "out"
        self.result = harness.Oriane(folder).run(clip.path)
        assert self.result.code == 0, self.result
        self.json = self.result.one
        self.frames = self.json["frames"]
        self.scenes = self.json["scenes"]

    def picture(self, frame):
        return self.out / "frames" / frame["path"]


@pytest.fixture(scope="session")
def extracted(tmp_path_factory):
    """extracted("name"): the clip's result, computed once a session; look, do not write."""
    known = {}

    def get(name):
        if name not in known:
            known[name] = Extracted(tmp_path_factory.mktemp(name), clips.get(name))
        return known[name]
    return get


@pytest.fixture
def shared_media():
    if not (clips.SHARED / "truth.json").exists():
        pytest.skip("no real videos beside the repository (../shared/media)")
    return clips.SHARED


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One running server a module, for tests that look and do not disturb each other."""
    with server_harness.Server(tmp_path_factory.mktemp("server")) as running:
        yield running
