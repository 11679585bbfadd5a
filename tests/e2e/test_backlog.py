"""Memory does not grow with what waits: a thousand items, both real stores slow."""

import os

import pytest

import harness
from both_stores import Both
from fault_proxy import FaultProxy, latency, status
from server import Server, poll
from test_s3 import gateway  # noqa: F401
from test_s3_qdrant import points  # noqa: F401

ITEMS = 1000
DONE = 1000 if harness.IS_LONG else 80  # of them, then enough is known
WARM = 20  # until buffers, pools and the model's scratch have their size
GROWTH_KB = 6144


@pytest.mark.skipif(bool(os.environ.get("ASAN_OPTIONS")), reason="a sanitizer keeps what was freed")
def test_a_long_queue_before_slow_stores_costs_no_memory(tmp_path, gateway, points, clip):  # noqa: F811
    with FaultProxy(gateway.port) as s3, FaultProxy(points.port) as vectors:
        both = Both(gateway, points, s3.url, vectors.url)
        env = both.settings(LOCAL_MODE=0, JOB_MAX_ATTEMPTS=1, VP_MAX_WORKERS=4)
        with Server(tmp_path, env=env) as server:
            server.wait_ready()
            source = clip("two_frames").path
            server.add_video("p", "source", source)
            name = next(p for p in server.videos.rglob("*") if p.is_file()).relative_to(server.videos)
            for proxy in (s3, vectors):
                proxy.add(latency(0.02))
                proxy.add(status(503), share=0.01)
            job = server.submit([{"platform": "p", "code": f"v{i}", "url": str(name)}
                                 for i in range(ITEMS)])
            rss = []

            def is_done():
                done = server.status(job, tail=0)["counts"]["success"]
                if done >= WARM:
                    rss.append(harness.status_field(server.pid, "VmRSS"))
                return done >= DONE
            poll(is_done, 1500, lambda: server.status(job, tail=5))
            counts = server.status(job, tail=0)["counts"]
            assert counts["failed"] == 0, counts
            waiting = server.json("/concurrency/stats")["queue_size"]
            assert waiting <= ITEMS - DONE
            if not harness.IS_LONG:
                assert server.post(f"/jobs/{job}/stop").status == 200
            print(f"RSS {rss[0]} kB at first, {max(rss)} at most, {rss[-1]} at last")
            assert max(rss) - rss[0] < GROWTH_KB, rss[:: max(1, len(rss) // 20)]
            assert s3.open_max <= 20 + 1 and vectors.open_max <= 10 + 1
