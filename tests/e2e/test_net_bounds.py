"""What the stores see of the program's connections, and what its own API does while they hang."""

import statistics
import threading
import time

import pytest

import harness
import net_servers
import qdrant
from server import Server
from test_s3 import Bucket, gateway  # noqa: F401 (a fixture)

POOL = 2
SLOW_S = 0.5  # far more than an answer takes, far less than a store is waited for


@pytest.fixture(scope="module")
def store():
    try:
        with qdrant.Qdrant() as running:
            yield running
    except qdrant.Missing as reason:
        pytest.skip(str(reason))


@pytest.fixture
def between(gateway):  # noqa: F811
    with net_servers.Counter(int(gateway.endpoint.rsplit(":", 1)[1])) as counter:
        yield counter


def at_once(count, call):
    """The results of as many threads; a thread's exception is the test's."""
    found, failed = [], []

    def run(i):
        try:
            found.append(call(i))
        except Exception as error:  # pylint: disable=broad-except
            failed.append(error)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    return threads, found, failed


def joined(started):
    threads, found, failed = started
    for thread in threads:
        thread.join()
    assert not failed, failed
    return found


def test_connections_to_s3_are_bounded_and_kept(tmp_path, gateway, between, clip):  # noqa: F811
    """Videos are read and stills are written by three workers, and many look at stills."""
    bucket = Bucket(gateway)
    for i in range(4):
        bucket.s3.put(bucket.name, f"p/v{i}/video.mp4", clip("cuts").path.read_bytes())
    env = bucket.settings(AWS_ENDPOINT_URL=between.url, AWS_MAX_POOL_CONNECTIONS=POOL,
                          S3_VIDEOS_BUCKET=bucket.name, VP_MAX_WORKERS=3)
    with Server(tmp_path, env=env) as server:
        server.wait_ready()
        items = [f"p/v{i}" for i in range(4)]
        assert server.run(items)["status"] == "completed"
        urls = [frame["url"] for item in items for frame in server.frames(item)]
        answers = joined(at_once(24, lambda i: server.get(urls[i % len(urls)]).status))
        assert answers == [200] * 24
        assert between.open_max == POOL, "the bound is reached, and held"
        assert between.opened <= 2 * POOL, "connections are kept"


def test_an_upload_by_run_is_bounded_too(oriane, gateway, between, clip):  # noqa: F811
    bucket = Bucket(gateway)
    settings = bucket.settings(AWS_ENDPOINT_URL=between.url, AWS_MAX_POOL_CONNECTIONS=1)
    result = oriane.run("--upload", *(clip(name).path for name in ("cuts", "letterbox")),
                        settings=settings)
    assert result.code == 0, result
    assert between.open_max == 1 and between.opened <= 2
    assert len(bucket.s3.keys(bucket.name)) > 4


def health_times(server, count=150):
    times = []
    for _ in range(count):
        begin = time.monotonic()
        answer = server.get("/health", key=False, timeout=20)
        times.append(time.monotonic() - begin)
        assert answer.status == 200
    return times


def assert_quick(server):
    times = health_times(server)
    assert statistics.median(times) < SLOW_S / 10 and max(times) < SLOW_S * 4, sorted(times)[-5:]
    for path in ("/ready", "/jobs", "/metrics", "/concurrency/stats", "/config"):
        begin = time.monotonic()
        answer = server.get(path, timeout=20)
        assert time.monotonic() - begin < SLOW_S * 4 and answer.status in (200, 503), (path, answer)


def test_stores_that_hang_hold_up_no_other_request(tmp_path, gateway, between, store,  # noqa: F811
                                                   clip):
    bucket = Bucket(gateway)
    with net_servers.Counter(store.port) as points:
        env = bucket.settings(AWS_ENDPOINT_URL=between.url, QDRANT_URL=points.url,
                              QDRANT_KEY=qdrant.KEY, QDRANT_COLLECTION="hang")
        with Server(tmp_path, env=env) as server:
            server.wait_ready()
            item = server.add_video("p", "v", clip("cuts").path)
            assert server.run([item])["status"] == "completed"
            frame = server.frames(item)[0]
            between.gate.clear()
            points.gate.clear()
            waiting = at_once(40, lambda i: (server.get(frame["url"], timeout=60) if i % 2 else
                                             server.post("/search-by/frame", {"id": frame["id"]},
                                                         timeout=60)).status)
            job = server.submit([server.add_video("p", "w", clip("letterbox").path)])
            assert_quick(server)
            assert server.status(job)["status"] in ("pending", "running")
            assert not waiting[1], "nobody has had an answer: they do wait for the stores"
            between.gate.set()
            points.gate.set()
            assert set(joined(waiting)) <= {200, 503, 504}
            assert server.wait_job(job)["status"] == "completed"


def test_a_start_with_stores_that_hang(tmp_path):
    with net_servers.Silence() as silence:
        env = {"AWS_ENDPOINT_URL": silence.url, "AWS_ACCESS_KEY_ID": "A", "QDRANT_URL": silence.url,
               "AWS_SECRET_ACCESS_KEY": "B"}
        with Server(tmp_path, env=env) as server:
            harness.wait_until(lambda: silence.opened > 0, 30, "a store to be asked")
            assert_quick(server)
            assert server.get("/ready", key=False).status == 503
            begin = time.monotonic()
        assert time.monotonic() - begin < 10, "it stops although nobody answers"
