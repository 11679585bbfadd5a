"""bench/qdrant_peer.py URL KEY POINTS BATCH STREAMS HOW: the peer of bench_qdrant, run by the Python of
bench/.venv. Prints points a second. The points are made before the clock starts. HOW is one of

  client   qdrant-client, upsert() in as many threads as there are streams
  upload   qdrant-client, its own upload_points() in as many processes
  bare     json and http.client over kept connections: less than any client library does
"""

import http.client
import json
import random
import sys
import threading
import time
import urllib.parse

DIM = 512
COLLECTION = "bench"


def make_points(count):
    draw = random.Random(3)
    vectors = [[draw.gauss(0, 1) / DIM ** 0.5 for _ in range(DIM)] for _ in range(256)]
    return [{"id": f"00000000-0000-5000-8000-{i:012x}", "vector": vectors[i % len(vectors)],
             "payload": {"uuid": f"00000000-0000-5000-8000-{i:012x}", "platform": "bench",
                         "video_code": "video", "frame_number": i + 1, "frame_second": i,
                         "path": "bench/video/1_0.00.png", "width": 1920, "height": 1080,
                         "created_at": "2026-01-01T00:00:00.000Z", "scene": 1,
                         "dhash": f"{i:016x}", "model": "bench"}} for i in range(count)]


def in_threads(streams, batches, open_stream):
    """open_stream() gives a function that sends one batch."""
    lock = threading.Lock()

    def work():
        send = open_stream()
        while True:
            with lock:
                if not batches:
                    return
                batch = batches.pop(0)
            send(batch)
    threads = [threading.Thread(target=work) for _ in range(streams)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - begin


def bare(url, key, points, batch, streams):
    headers = {"api-key": key, "Content-Type": "application/json"}

    def open_stream():
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)

        def send(rows):
            connection.request("PUT", f"/collections/{COLLECTION}/points?wait=true",
                               json.dumps({"points": rows}), headers)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, body
        return send
    return in_threads(streams, [points[i:i + batch] for i in range(0, len(points), batch)],
                      open_stream)


def with_client(url, key, points, batch, streams, how):
    from qdrant_client import QdrantClient
    from qdrant_client.models import PointStruct

    rows = [PointStruct(**point) for point in points]
    options = {"url": url, "api_key": key, "check_compatibility": False, "timeout": 120}
    if how == "upload":
        client = QdrantClient(**options)
        begin = time.monotonic()
        client.upload_points(COLLECTION, rows, batch_size=batch, parallel=streams, wait=True)
        return time.monotonic() - begin

    def open_stream():
        client = QdrantClient(**options)
        return lambda some: client.upsert(COLLECTION, some, wait=True)
    return in_threads(streams, [rows[i:i + batch] for i in range(0, len(rows), batch)], open_stream)


def main():
    url, key, how = sys.argv[1], sys.argv[2], sys.argv[6]
    count, batch, streams = map(int, sys.argv[3:6])
    points = make_points(count)
    seconds = (bare(url, key, points, batch, streams) if how == "bare" else
               with_client(url, key, points, batch, streams, how))
    print(f"{count / seconds:.0f}")


if __name__ == "__main__":
    main()
