"""On a terminal: a progress line while it works, gone when it is done; log and failures stay whole."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

import pytest

import harness
from server import KEY, Server


def on_terminal(oriane, *arguments, columns=80, settings=None):
    """Runs with standard error on a terminal of so many columns: (exit code, stdout, its bytes)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = oriane.start(*arguments, stderr=slave, settings={"TERM": "xterm", **(settings or {})})
    os.close(slave)
    seen, out = b"", b""
    end = time.monotonic() + 60
    streams = {master, process.stdout.fileno()}
    while streams:
        assert time.monotonic() < end
        ready, _, _ = select.select(list(streams), [], [], 1)
        for stream in ready:
            try:
                data = os.read(stream, 65536)
            except OSError:  # the terminal's other end is closed
                data = b""
            if not data:
                streams.discard(stream)
            elif stream == master:
                seen += data
            else:
                out += data
    os.close(master)
    process.stdout.close()
    return process.wait(timeout=10), out.decode(), seen.decode(errors="replace")


def screen(text, columns):
    """What stands on the terminal at the end: carriage returns, erasures and newlines obeyed."""
    lines, column = [""], 0
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]", text):
        if token == "\r":
            column = 0
        elif token == "\n":
            lines.append("")
            column = 0
        elif token in ("\x1b[K", "\x1b[0K"):
            lines[-1] = lines[-1][:column]
        elif token == "\x1b[2K":
            lines[-1] = ""
        elif not token.startswith("\x1b"):
            if column >= columns:
                lines.append("")
                column = 0
            lines[-1] = lines[-1].ljust(column)
            lines[-1] = lines[-1][:column] + token + lines[-1][column + 1:]
            column += 1
    return [line.rstrip() for line in lines]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_progress_line_comes_and_goes(oriane, clip, columns):
    code, out, seen = on_terminal(oriane, "run", "--out", "out", clip("long_60").path,
                                  clip("cuts").path, columns=columns)
    assert code == 0
    assert "\r" in seen or "\x1b" in seen
    updates = [u for u in re.split(r"\r|\x1b\[\d*K", seen) if u.strip()]
    assert len(updates) >= 2
    assert max(len(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", u)) for u in updates) <= columns
    assert [line for line in screen(seen, columns) if line] == []
    assert "2 done" in out or "2 videos" in out


def test_redrawn_at_most_ten_times_a_second(oriane, clip):
    start = time.monotonic()
    _, _, seen = on_terminal(oriane, "run", "--out", "out", clip("long_60").path)
    wall = time.monotonic() - start
    drawn = len([u for u in re.split(r"\r|\x1b\[\d*K", seen) if u.strip()])
    assert drawn <= 10 * wall + 10


def test_failures_stand_above_whole(oriane, clip):
    code, _, seen = on_terminal(oriane, "run", "--out", "out", clip("words").path,
                                clip("long_10").path, clip("garbage").path, columns=250)
    assert code == 1
    lines = [line for line in screen(seen, 250) if line]
    for name in ("words", "garbage"):
        named = [line for line in lines if clip(name).path.name in line]
        assert len(named) == 1 and named[0].endswith("[not_media]"), lines


def test_json_on_a_terminal_stays_clean(oriane, clip):
    code, out, _ = on_terminal(oriane, "run", "--json", "--out", "out", clip("cuts").path)
    assert code == 0
    assert harness.Result([], code, out.encode(), "").one["status"] == "success"
    assert "\x1b" not in out and "\r" not in out


def test_submit_has_a_line_while_it_posts_and_while_it_waits(oriane, clip, tmp_path):
    with Server(tmp_path / "server", env={"MAX_VIDEOS_PER_REQUEST": 2}) as server:
        for i in range(6):
            server.add_video("p", f"v{i}", clip("cuts").path)
        (tmp_path / "list.txt").write_text("".join(f"p/v{i}\n" for i in range(7)) + "bad\n")
        code, out, seen = on_terminal(oriane, "submit", "list.txt", "--wait", "--server", server.url,
                                      columns=120, settings={"API_KEY": KEY})
    assert code == 1 and "7 videos, 7 posted in 4 jobs, 1 bad entry, 1 did not succeed\n" in out
    updates = [u for u in re.split(r"\r|\x1b\[\d*K", seen) if u.strip()]
    assert any("posted" in u for u in updates) and any("/7 videos" in u for u in updates), seen
    lines = [line for line in screen(seen, 120) if line]
    assert lines[0] == ("oriane: list.txt: line 8: expected platform/code, and perhaps a URL behind it")
    assert lines[1].startswith("oriane: job ") and len(lines) <= 3, "what was drawn is gone"
