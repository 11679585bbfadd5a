"""The peers of the scoreboard, each with its default settings and one thread.

A detector is a function from clips to {path: (boundary seconds, crop box or None)} and its seconds.
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

VENV = Path(__file__).resolve().parent.parent / ".venv-score"
PACKAGES = ["scenedetect==0.7.2", "opencv-python-headless==5.0.0.93"]


def want_venv():
    python = VENV / "bin" / "python"
    if python.exists():
        return
    print("making bench/.venv-score with PySceneDetect", flush=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([str(VENV / "bin" / "pip"), "install", "-q", *PACKAGES], check=True)
    except subprocess.CalledProcessError as error:
        sys.exit(f"score: {error}\nIt needs Debian's python3-venv and a package index that pip can "
                 "reach; --no-peers does without.")


def _ffmpeg(path, graph):
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "info", "-threads", "1", "-i", str(path), "-vf", graph, "-an",
         "-f", "null", "-"], capture_output=True, text=True, check=True, errors="replace")
    return done.stdout, done.stderr


def _timed(clips, look):
    start = time.monotonic()
    found = {str(c.path): look(c.path) for c in clips}
    return found, time.monotonic() - start


def select(clips):
    def look(path):
        out, _ = _ffmpeg(path, "select=gt(scene\\,0.22),metadata=print:file=-")
        return [float(t) for t in re.findall(r"pts_time:([0-9.]+)", out)], None
    return _timed(clips, look)


def scdet(clips):
    def look(path):
        _, said = _ffmpeg(path, "scdet=threshold=10")
        return [float(t) for t in re.findall(r"lavfi\.scd\.time: ([0-9.]+)", said)], None
    return _timed(clips, look)


def cropdetect(options):
    def look(path):
        _, said = _ffmpeg(path, f"cropdetect={options}")
        boxes = re.findall(r"crop=(-?\d+):(-?\d+):(-?\d+):(-?\d+)", said)
        if not boxes:
            return [], None
        w, h, x, y = map(int, boxes[-1])
        return [], [x, y, w, h] if w > 0 and h > 0 else None
    return lambda clips: _timed(clips, look)


SCRIPT = """
import json, sys, time
import cv2
cv2.setNumThreads(1)
from scenedetect import AdaptiveDetector, ContentDetector, SceneManager, open_video
detectors = {"content": ContentDetector, "adaptive": AdaptiveDetector}
found = {}
start = time.monotonic()
for path in json.load(sys.stdin):
    manager = SceneManager()
    manager.add_detector(detectors[sys.argv[1]]())
    manager.detect_scenes(open_video(path))
    found[path] = [[s.get_seconds() for s, _ in manager.get_scene_list()][1:], None]
json.dump([found, time.monotonic() - start], sys.stdout)
"""


def pyscenedetect(name):
    def detect(clips):
        done = subprocess.run([str(VENV / "bin" / "python"), "-c", SCRIPT, name],
                              input=json.dumps([str(c.path) for c in clips]), text=True,
                              capture_output=True)
        if done.returncode:
            sys.exit(f"score: PySceneDetect failed: {done.stderr[-1000:]}")
        return tuple(json.loads(done.stdout))
    return detect


SCENE_PEERS = {
    "ffmpeg select 0.22": select,
    "ffmpeg scdet 10": scdet,
    "PySceneDetect content": pyscenedetect("content"),
    "PySceneDetect adaptive": pyscenedetect("adaptive"),
}
BORDER_PEERS = {
    "cropdetect 24:16": cropdetect("24:16:0"),
    "cropdetect 24:2": cropdetect("24:2:0"),
}
