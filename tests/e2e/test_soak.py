"""Hours of work pressed into small clips: a server that is as big at the end as it was when it was warm.

ORIANE_SOAK_ITEMS says how many videos (make soak: 50,000). Jobs come one behind the other, over the same
few hundred names again and again, a bad file among them; each job is deleted when it has ended. From the
fifth part on, memory, descriptors, threads, children, and the sizes of the stores must have stopped
growing, and what /metrics says of the process is what /proc says.
"""

import os
import shutil
import subprocess
import sys
import time

import harness
from server import Server

ITEMS = int(os.environ.get("ORIANE_SOAK_ITEMS", "240"))
NAMES = 100  # different videos by name
JOB = 60     # items a job
WORKERS = 2
MIB = 1 << 20


def render(folder):
    """Eight small clips of two shots, and a file that is none."""
    folder.mkdir(parents=True)
    for i in range(8):
        subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s=96x64:r=10:d=0.6,hue=h={40 * i}",
             "-f", "lavfi", "-i", f"mandelbrot=s=96x64:r=10:start_scale={0.5 + i / 4},trim=duration=0.6",
             "-filter_complex", "[0][1]concat=n=2:v=1", "-c:v", "libx264", "-preset", "ultrafast",
             "-pix_fmt", "yuv420p", folder / f"{i}.mp4"], check=True)
    (folder / "8.mp4").write_bytes(b"no video at all" * 20)


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def look(server):
    """What there is of everything that could grow, while nothing runs."""
    pid = server.pid
    # the last child may be seen for a moment after its job has ended
    harness.wait_until(lambda: not harness.children_of(pid), 20, "the decode children to end")
    return {"rss": harness.status_field(pid, "VmRSS") * 1024,
            "fds": len(os.listdir(f"/proc/{pid}/fd")),
            "threads": harness.status_field(pid, "Threads"),
            "jobs.db": sum(p.stat().st_size for p in server.out.glob("jobs.db*")),
            "vectors.db": sum(p.stat().st_size for p in server.out.glob("vectors.db*")),
            "frames": size_of(server.out / "frames"),
            "tmp": size_of(server.out / "tmp") if (server.out / "tmp").exists() else 0}


def metric(text, name):
    return float(next(line.split()[-1] for line in text.splitlines()
                      if line.startswith(name) and line[len(name)] in " {"))


def total(text, name, labels=""):
    return sum(float(line.split()[-1]) for line in text.splitlines()
               if line.startswith(name) and labels in line)


def check_metrics(server, done, failed):
    text = server.get("/metrics", key=False).text
    assert total(text, "oriane_items_total", 'state="success"') == done - failed, text[:4000]
    assert total(text, "oriane_items_total", 'state="failed"') == failed
    assert abs(metric(text, "process_open_fds") - len(os.listdir(f"/proc/{server.pid}/fd"))) <= 2
    resident = harness.status_field(server.pid, "VmRSS") * 1024
    assert abs(metric(text, "process_resident_memory_bytes") - resident) < 4 * MIB


def test_soak(tmp_path):
    render(tmp_path / "clips")
    samples, failed, done, start = [], 0, 0, time.monotonic()
    with Server(tmp_path, env={"VP_MAX_WORKERS": WORKERS, "JOB_MAX_ATTEMPTS": 1}) as server:
        for i in range(NAMES):
            name = 8 if i % 50 == 49 else i % 8
            target = server.videos / "soak" / f"v{i}.mp4"
            target.parent.mkdir(exist_ok=True)
            shutil.copy(tmp_path / "clips" / f"{name}.mp4", target)
        server.wait_ready()
        while done < ITEMS:
            items = [f"soak/v{n % NAMES}" for n in range(done, min(done + JOB, ITEMS))]
            job = server.submit(items, force=True)
            ended = server.wait_job(job, timeout=600)
            failed += ended["counts"]["failed"]
            done += len(items)
            assert ended["counts"]["success"] + ended["counts"]["failed"] == len(items), ended
            server.json(f"/jobs/{job}", method="DELETE")
            samples.append({"done": done, **look(server)})
            if len(samples) % 20 == 0:
                rate = done / (time.monotonic() - start)
                print(f"{done}/{ITEMS} videos, {rate:.0f} a second, {samples[-1]}", file=sys.stderr)
        check_metrics(server, done, failed)
        assert failed == sum(n % NAMES % 50 == 49 for n in range(done))
        log_lines = server.log_text().count("\n")
    assert log_lines < 12 * done + 1000
    warm, last = samples[len(samples) // 5], samples[-1]
    print(f"{done} videos in {time.monotonic() - start:.0f} s; warm {warm}; last {last}")
    for name, slack in (("rss", 8 * MIB), ("fds", 2), ("threads", 0), ("jobs.db", 2 * MIB),
                        ("vectors.db", 8 * MIB), ("frames", 0), ("tmp", 0)):
        if ITEMS >= 1000 or name in ("fds", "threads"):
            assert last[name] <= warm[name] + slack, (name, warm, last)
