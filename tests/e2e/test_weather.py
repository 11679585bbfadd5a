"""Outages are weather: a server with both real stores behind proxies that refuse, dawdle, break off, answer
with errors, or flap. Whatever it was, jobs go on by themselves, spend no attempt, and in the end leave what an
undisturbed run leaves. ORIANE_WEATHER_SEED=N starts there; the long form lasts minutes a storm."""

import os
import random
import time

import pytest

import harness
from both_stores import Both
from fault_proxy import (FaultProxy, dawdle, half, latency, reset, silence, status, trickle,
                         wrong_length)
from server import Server
from test_s3 import gateway  # noqa: F401
from test_s3_qdrant import points  # noqa: F401

SEED = int(os.environ.get("ORIANE_WEATHER_SEED", "20240601"))
STORM_S = 150 if harness.IS_LONG else 13
STORMS = 5 if harness.IS_LONG else 1
NAMES = ["cuts", "letterbox", "two_frames", "pans"]
ITEMS = [f"p/{name}-{copy}" for name in NAMES for copy in (1, 2)]
PLACES = {"s3": ["s3"], "qdrant": ["qdrant"], "both": ["s3", "qdrant"]}


class Stage:
    """A bucket and a collection of its own behind two proxies, and a server on them. One attempt an item:
    whoever spends it fails."""

    def __init__(self, folder, gateway, points, clip, **settings):
        self.proxies = {"s3": FaultProxy(gateway.port, SEED),
                        "qdrant": FaultProxy(points.port, SEED + 1)}
        self.both = Both(gateway, points, self.proxies["s3"].url, self.proxies["qdrant"].url)
        env = self.both.settings(JOB_MAX_ATTEMPTS=1, LOCAL_MODE=0, **settings)
        self.server = Server(folder, env=env, starts=False)
        for item in ITEMS:
            platform, code = item.split("/")
            self.server.add_video(platform, code, clip(code.rsplit("-", 1)[0]).path)

    def __enter__(self):
        self.server.start()
        self.server.wait_ready()
        return self

    def clear_up(self):
        for proxy in self.proxies.values():
            proxy.clear()
            proxy.accept()

    def __exit__(self, *exception):
        self.clear_up()
        self.server.__exit__(*exception)
        for proxy in self.proxies.values():
            proxy.__exit__()

    def effects(self):
        return self.both.effects()

    def wait_success(self, job):
        done = self.server.wait_job(job, timeout=240)
        assert done["counts"]["success"] == done["counts"]["total"], done
        assert all(item["attempts"] == 1 for item in done["items"]), done


@pytest.fixture(scope="module")
def calm(tmp_path_factory, gateway, points, clip):  # noqa: F811
    """What nobody disturbed leaves."""
    with Stage(tmp_path_factory.mktemp("calm"), gateway, points, clip) as stage:
        stage.wait_success(stage.server.submit(ITEMS))
        found = stage.effects()
    assert len(found[0]) > 2 * len(ITEMS) and len(found[1]) > len(ITEMS)
    return found


@pytest.fixture
def stage(tmp_path, gateway, points, clip, calm):  # noqa: F811
    with Stage(tmp_path, gateway, points, clip) as made:
        yield made


def queued(server):
    counts = server.json("/concurrency/stats")
    return counts["queue_size"] + counts["active_workers"]


@pytest.mark.parametrize("where", list(PLACES))
def test_it_is_told_and_waited_for(stage, calm, where):
    server, places = stage.server, PLACES[where]
    job = server.submit(ITEMS)
    first = stage.proxies[places[0]]
    harness.wait_until(lambda: any(row[0] == "PUT" for row in list(first.asked)), 30, "a first write")
    for place in places:
        stage.proxies[place].refuse()
    metrics = {"s3": "oriane_object_store_up", "qdrant": "oriane_vector_store_up"}
    checks = {"s3": "frames", "qdrant": "vectors"}
    for place in places:
        server.wait_event(f"{checks[place]}.down", timeout=60)
        answer = server.wait_not_ready(checks[place])
        assert not answer.json["checks"][checks[place]]["ok"]
        assert f"127.0.0.1:{stage.proxies[place].port}" in answer.json["detail"]
    page = server.get("/metrics", key=False).text
    for place, metric in metrics.items():
        assert f"\n{metric} {int(place not in places)}\n" in page
    harness.wait_until(lambda: server.json("/concurrency/stats")["active_workers"] == 0, 60,
                       "those in work to be handed back")
    now = server.status(job)
    assert now["status"] in ("pending", "running") and now["counts"]["failed"] == 0
    if "qdrant" in places:
        some = next(iter(calm[1]))["id"]
        assert server.post("/search-by/frame", {"id": some}).status == 503
    local = server.wait_job(server.submit(["p/cuts-1"], local_mode=True))  # needs neither
    assert local["status"] == "completed", local
    assert server.get("/health", key=False).status == 200
    stage.clear_up()
    stage.wait_success(job)
    server.wait_ready()
    page = server.get("/metrics", key=False).text
    assert all(f"\n{metric} 1\n" in page for metric in metrics.values())
    assert stage.effects() == calm


@pytest.mark.parametrize("place, event", [("s3", "frames.down"), ("qdrant", "vectors.down")])
def test_silence_is_seen_and_waited_for(stage, calm, place, event):
    """It takes what it is told and says nothing."""
    server = stage.server
    job = server.submit(ITEMS)
    stage.proxies[place].add(silence())
    server.wait_event(event, timeout=60)
    assert server.status(job)["counts"]["failed"] == 0
    stage.clear_up()
    stage.wait_success(job)
    server.wait_ready()
    assert stage.effects() == calm


def test_answers_that_lie_about_their_length(stage, calm):
    """That is no weather, but a broken neighbour: an attempt may be spent, and nothing is lost."""
    server = stage.server
    server.restart(env={"JOB_MAX_ATTEMPTS": 5})
    server.wait_ready()
    for proxy in stage.proxies.values():
        for by in (-3, 5):
            proxy.add(wrong_length(by), share=0.2, times=6)
    done = server.wait_job(server.submit(ITEMS), timeout=120)
    assert done["counts"]["success"] == len(ITEMS), done
    assert sum(proxy.faults["wrong_length"] for proxy in stage.proxies.values()) > 4
    stage.clear_up()
    assert stage.effects() == calm


ACCESS_DENIED = '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'


@pytest.mark.parametrize("place, refusal, reason", [
    ("s3", status(403, ACCESS_DENIED), "AccessDenied"),
    ("qdrant", status(401, "Invalid API key or JWT"), "does not take QDRANT_KEY"),
])
def test_keys_that_are_taken_back_fail_fast(stage, calm, place, refusal, reason):
    """Nobody waits for a refusal: items end with its reason. With the keys back they are started again."""
    server = stage.server
    stage.proxies[place].add(refusal)
    server.wait_not_ready(reason)
    began = time.monotonic()
    job = server.submit(ITEMS)
    done = server.wait_job(job)
    assert time.monotonic() - began < 10
    assert done["counts"]["failed"] == len(ITEMS), done
    for item in done["items"]:
        assert item["error"]["code"] == "store_denied" and reason in item["error"]["message"], item
        assert not item["error"]["retryable"] and item["error"]["attempts"] == 1
    assert not stage.effects()[0] and not stage.effects()[1]
    stage.clear_up()
    server.wait_ready()
    server.json(f"/jobs/{job}/start", method="POST")
    stage.wait_success(job)
    assert stage.effects() == calm


def blow(rng, proxy):
    """One of the winds."""
    kind = rng.choice(["refuse", "cut", "storm", "slow", "break", "lost", "silence"])
    if kind == "refuse":
        proxy.refuse()
    elif kind == "cut":
        proxy.cut()
    elif kind == "storm":
        proxy.add(status(rng.choice([500, 502, 503, 504, 429]),
                         retry_after=rng.choice([None, 0, 1])), share=rng.uniform(0.3, 1))
    elif kind == "slow":
        proxy.add(latency(rng.uniform(0.05, 0.5)))
        proxy.add(rng.choice([trickle(512, 0.01), dawdle(4096, 0.01)]), share=0.5)
    elif kind == "break":
        proxy.add(rng.choice([reset(request_bytes=rng.randrange(5000)),
                              reset(response_bytes=rng.randrange(200)), half()]), share=0.7)
    elif kind == "lost":  # done, and never told
        proxy.add(reset(response_bytes=0), share=rng.uniform(0.3, 1))
    else:
        proxy.add(silence(), share=rng.uniform(0.1, 0.6))
    return kind


@pytest.mark.parametrize("where", list(PLACES))
def test_it_flaps(stage, calm, where):
    """Fair and foul in turns of seconds and less, while jobs come in that do everything again."""
    rng, server, story = random.Random(f"{SEED} {where}"), stage.server, []
    queue_most = 0
    for storm in range(STORMS):
        jobs = [server.submit(ITEMS)]
        end = time.monotonic() + STORM_S
        while time.monotonic() < end:
            for place in PLACES[where]:
                proxy = stage.proxies[place]
                proxy.clear()
                proxy.accept()
                if rng.random() < 0.75:
                    story.append(f"{place}:{blow(rng, proxy)}")
            if server.status(jobs[-1])["status"] == "completed":
                jobs.append(server.submit(ITEMS, force=True))
            queue_most = max(queue_most, queued(server))
            assert server.get("/health", key=False).status == 200
            time.sleep(rng.choice([0.2, 0.5, 1, 4]))  # how long it blows; the last outlasts retries
        stage.clear_up()
        for job in jobs:
            stage.wait_success(job)
        back = sum(line["event"] == "item.handed_back" for line in server.log())
        print(f"seed {SEED}, storm {storm}: {len(jobs)} jobs, handed back {back} times; {' '.join(story)}")
        assert stage.effects() == calm, story
    assert queue_most <= len(ITEMS) + 2  # a worker that has just handed its item back counts twice
    server.wait_ready()
