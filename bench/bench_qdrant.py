#!/usr/bin/python3
"""bench/bench_qdrant.py [POINTS]: upserts of 512-d points into a real Qdrant on this machine, ours
against a plain Python client (json and http.client, kept connections: less than any client library
does), same batches, same streams, alternating in one run; prints points a second and the ratio.
"""

import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests" / "e2e"))
import qdrant  # noqa: E402

PROGRAM = qdrant.BUILD / "bench" / "bench_qdrant"
PLANS = ((64, 1), (256, 1), (256, 2))
ROUNDS = 3
DIM = 512


def ours(server, points, batch, streams):
    return float(subprocess.run([PROGRAM, "--url", server.url, "--key", server.key, "--points",
                                 str(points), "--batch", str(batch), "--streams", str(streams)],
                                check=True, capture_output=True, text=True).stdout)


def python(server, points, batch, streams, vectors):
    starts = list(range(0, points, batch))
    lock = threading.Lock()
    headers = {"api-key": server.key, "Content-Type": "application/json"}

    def stream():
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        while True:
            with lock:
                if not starts:
                    return
                at = starts.pop(0)
            body = json.dumps({"points": [
                {"id": f"00000000-0000-5000-8000-{i:012x}", "vector": vectors[i % len(vectors)],
                 "payload": {"uuid": f"00000000-0000-5000-8000-{i:012x}", "platform": "bench",
                             "video_code": "video", "frame_number": i + 1, "frame_second": i,
                             "path": "bench/video/1_0.00.png", "width": 1920, "height": 1080,
                             "created_at": "2026-01-01T00:00:00.000Z", "scene": 1,
                             "dhash": f"{i:016x}", "model": "bench"}}
                for i in range(at, min(at + batch, points))]})
            connection.request("PUT", "/collections/bench/points?wait=true", body, headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            answer.read()
    threads = [threading.Thread(target=stream) for _ in range(streams)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return points / (time.monotonic() - began)


def main():
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 8192
    draw = random.Random(3)
    vectors = [[draw.gauss(0, 1) / DIM ** 0.5 for _ in range(DIM)] for _ in range(256)]
    print(f"{'batch':>6} {'streams':>7} {'ours/s':>8} {'python/s':>8} {'ratio':>6}")
    for batch, streams in PLANS:
        best = [0.0, 0.0]
        for _ in range(ROUNDS):
            for who, run in enumerate((lambda s: ours(s, points, batch, streams),
                                       lambda s: python(s, points, batch, streams, vectors))):
                with qdrant.Qdrant() as server:
                    ours(server, 1, 1, 1)  # the collection and its indexes
                    best[who] = max(best[who], run(server))
        print(f"{batch:>6} {streams:>7} {best[0]:>8.0f} {best[1]:>8.0f} {best[0] / best[1]:>6.2f}")


if __name__ == "__main__":
    os.environ.setdefault("ORIANE_BUILD", str(REPOSITORY / "build"))
    main()
