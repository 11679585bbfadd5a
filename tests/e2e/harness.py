"""How the black-box tests drive the program: one call, one result, nothing inherited by accident.

Every run gets an environment of its own (no setting leaks in from the caller's shell), an empty
working directory (so no stray .env), and a deadline. Waiting is polling with a deadline.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("ORIANE_BUILD", REPOSITORY / "build"))
BINARY = Path(os.environ.get("ORIANE_BIN", BUILD / "oriane"))
IS_LONG = bool(os.environ.get("ORIANE_LONG"))
DEADLINE_S = 120


def kill_rounds(long, short):
    """How often a test kills: tools/torture says it for itself."""
    return int(os.environ.get("ORIANE_KILL_ROUNDS", long if IS_LONG else short))


def environment(**settings):
    base = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
            "CLIP_MODEL": "builtin/visual-512"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        if name in os.environ:
            base[name] = os.environ[name]
    base.update({k: str(v) for k, v in settings.items()})
    return {k: v for k, v in base.items() if v != "None"}


class Result:
    def __init__(self, process, code, out, err):
        self.arguments, self.code, self.raw, self.err = process, code, out, err

    @property
    def out(self):
        return self.raw.decode()

    @property
    def lines(self):
        """Standard output as JSON lines; anything else there is a broken promise."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def one(self):
        assert len(self.lines) == 1, self
        return self.lines[0]

    def __repr__(self):
        out = self.raw[:2000].decode(errors="replace")
        return f"<{self.arguments} -> {self.code}\nstdout: {out}\nstderr: {self.err[:3000]}>"


class Oriane:
    """The program with a working directory. binary: a variant of it that was built for a test."""

    def __init__(self, folder, binary=None):
        self.folder, self.binary = Path(folder), binary or BINARY
        self.folder.mkdir(parents=True, exist_ok=True)

    def start(self, *arguments, settings=None, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
              **options):
        return subprocess.Popen([self.binary, *map(str, arguments)], cwd=self.folder, stdout=stdout,
                                stderr=stderr, stdin=subprocess.DEVNULL,
                                env=environment(**(settings or {})), **options)

    def __call__(self, *arguments, settings=None, timeout=DEADLINE_S, **options):
        process = self.start(*arguments, settings=settings, **options)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"{arguments} ran past {timeout} s: {err[-2000:]!r}") from None
        return Result(list(map(str, arguments)), process.returncode, out or b"",
                      (err or b"").decode(errors="replace"))

    def run(self, *videos, out="out", settings=None, **options):
        return self("run", "--json", "--out", out, *videos, settings=settings, **options)


def wait_until(condition, timeout=10.0, what="condition"):
    """Polls: the first true value of condition(), or a failure when time is up."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"timed out waiting for {what}"
        time.sleep(0.002)


def open_descriptors(pid):
    """How many; those of databases left out: a thread that first needs one opens it, and keeps it."""
    count = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += ".db" not in descriptor.readlink().name
        except FileNotFoundError:
            pass  # closed meanwhile
    return count


def status_field(pid, field):
    """A number of /proc/PID/status (kB for Vm*), None when the process is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


def children_of(pid):
    """Ids of the direct children of every thread of a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(p) for p in task.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


def sha(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def frames_folder(out, result):
    return Path(out) / "frames" / result["platform"] / result["code"]


def tree(folder):
    """{relative path: sha256} of all files below, without clock fields inside manifests."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            name = str(path.relative_to(folder))
            if path.name == "manifest.json":
                found[name] = json.dumps(without_clock(json.loads(path.read_text())))
            else:
                found[name] = sha(path)
    return found


# when, how long, and the store's own count of changes
CLOCK = {"created_at", "timings", "change"}


def without_clock(value):
    if isinstance(value, dict):
        return {k: without_clock(v) for k, v in value.items() if k not in CLOCK}
    if isinstance(value, list):
        return [without_clock(v) for v in value]
    return value


def points(out):
    """The embedded store's points, clock fields left out. Read from a copy: looking must not disturb
    a store that a killed process left with a log to replay."""
    with tempfile.TemporaryDirectory() as folder:
        for path in Path(out).glob("vectors.db*"):
            shutil.copy(path, folder)
        copy = Path(folder) / "vectors.db"
        if not copy.exists():
            return []
        connection = sqlite3.connect(copy)
        try:
            connection.row_factory = sqlite3.Row
            known = connection.execute("select 1 from sqlite_master where name = 'points'").fetchall()
            rows = [dict(r) for r in connection.execute("select * from points")] if known else []
        finally:
            connection.close()
    rows = [{k: v for k, v in row.items() if k not in CLOCK} for row in rows]
    return sorted(rows, key=lambda row: (row["video_code"], row["frame_number"]))


def effects(out):
    """What a run leaves: files below frames/ and points. Equal means equal to the byte."""
    return tree(Path(out) / "frames"), points(out)


def note_kill(kind, where, is_dead=True):
    """A line in the books of tools/torture, which counts them."""
    if is_dead and "ORIANE_KILL_LOG" in os.environ:
        with open(os.environ["ORIANE_KILL_LOG"], "a", encoding="utf-8") as books:
            books.write(f"{kind}\t{where}\n")


def leftovers(out):
    return [str(p) for p in Path(out).rglob("*") if p.name.endswith(".part")]
