"""`oriane serve` on a real Qdrant: a job's points, search, reruns, outages; what is said to it is checked
against its own OpenAPI files where they are at hand."""

import os
import re
import subprocess
import threading

import pytest

import harness
import qdrant
import qdrant_api
from qdrant_fake import Fake
from server import Server

PAYLOAD = {"uuid", "platform", "video_code", "frame_number", "frame_second", "path", "created_at",
           "width", "height", "scene", "dhash", "model"}
COLLECTION = "watched_frames"
# every request that the program makes; the collection's name left out
KINDS = {"GET ", "GET /exists", "PUT ", "PATCH ", "PUT /index", "PUT /points", "POST /points",
         "POST /points/count", "POST /points/delete", "POST /points/query", "POST /points/scroll"}


@pytest.fixture(scope="module")
def real():
    try:
        server = qdrant.Qdrant()
    except qdrant.Missing as reason:
        pytest.skip(str(reason))
    with server:
        yield server


@pytest.fixture(scope="module")
def specifications():
    return qdrant_api.apis()


@pytest.fixture
def between(real, specifications):
    """The real server, seen through a listener that keeps what was said; all of it is checked."""
    for collection in real.json("GET", "/collections")["collections"]:
        real.json("DELETE", f"/collections/{collection['name']}")
    with Fake(target=real.port) as fake:
        yield fake
        for exchange in fake.exchanges:
            for api in specifications:
                api.check(exchange)


@pytest.fixture
def serve(tmp_path, between):
    made = []

    def start(starts=True, **settings):
        server = Server(tmp_path / "server", starts=starts,
                        env={"QDRANT_URL": between.url, "QDRANT_KEY": qdrant.KEY, **settings})
        made.append(server)
        return server
    yield start
    for server in made:
        server.stop()


def run(server, *items):
    server.wait_ready()
    job = server.wait_job(server.submit(list(items)))
    assert job["status"] == "completed", job
    return {item: server.frames(item) for item in items}


def ids(points):
    return sorted(point["id"] for point in points)


def test_from_a_job_to_points_to_a_search(serve, real, clip):
    server = serve()
    frames = run(server, server.add_video("p", "cuts", clip("cuts").path),
                 server.add_video("q", "letterbox", clip("letterbox").path))
    for item, stored in frames.items():
        platform, code = item.split("/")
        points = real.points(platform=platform, video_code=code)
        assert ids(points) == sorted(frame["id"] for frame in stored)
        for point in points:
            frame = next(f for f in stored if f["id"] == point["id"])
            payload = point["payload"]
            assert set(payload) == PAYLOAD
            assert payload["uuid"] == point["id"] and payload["path"] == frame["path"]
            assert (payload["platform"], payload["video_code"]) == (platform, code)
            assert payload["model"] == "builtin/visual-512"
        for frame in stored:
            picture = (server.out / "frames" / frame["path"]).read_bytes()
            answer = server.upload("/search-by/image?limit=3", picture)
            assert answer.status == 200, answer
            assert answer.json[0]["id"] == frame["id"]
            assert answer.json[0]["score"] == pytest.approx(1, abs=1e-3)
            answer = server.post("/search-by/frame", {"id": frame["id"], "limit": 2,
                                                      "filter": {"platform": platform}})
            assert answer.status == 200, answer
            assert all(hit["payload"]["platform"] == platform for hit in answer.json)
    info = real.json("GET", f"/collections/{COLLECTION}")
    assert info["config"]["params"]["vectors"]["size"] == 512
    assert info["config"]["quantization_config"]["scalar"]["type"] == "int8"
    assert set(info["payload_schema"]) == {"platform", "video_code", "frame_second"}
    assert not harness.points(server.out)


def test_verify_says_nothing_but_what_the_api_has(serve, between, real, clip):
    server = serve()
    frames = run(server, server.add_video("p", "cuts", clip("cuts").path))["p/cuts"]
    before = real.points()
    harm = f"/collections/{COLLECTION}/points"
    real.json("POST", f"{harm}/delete?wait=true", {"points": [frames[0]["id"]]})
    real.json("POST", f"{harm}/payload?wait=true", {"payload": {"scene": 99},
                                                    "points": [frames[1]["id"]]})
    real.json("PUT", f"{harm}?wait=true", {"points": [
        {"id": "11111111-2222-5333-8444-555555555555", "vector": [1.0] + [0.0] * 511,
         "payload": {"platform": "p", "video_code": "cuts"}}]})
    result = harness.Oriane(server.folder)(
        "verify", "--json", "--all", "--out", server.out,
        settings={"QDRANT_URL": between.url, "QDRANT_KEY": qdrant.KEY})
    assert result.code == 0, result
    assert {f["code"] for f in result.one["faults"]} == {"point_missing", "point_wrong",
                                                        "point_stale"}
    assert harness.without_clock(real.points()) == harness.without_clock(before)
    assert between.asked("POST", "/points/scroll") and between.asked("POST", "/points/delete")


def test_a_second_time_there_is_no_work(serve, between, clip):
    server = serve()
    item = server.add_video("p", "cuts", clip("cuts").path)
    run(server, item)
    said = len(between.asked("PUT", "/points"))
    run(server, item)
    assert len(between.asked("PUT", "/points")) == said


def test_a_rerun_leaves_no_stale_points(serve, real, clip):
    server = serve()
    one = server.add_video("p", "one", clip("cuts").path)
    two = server.add_video("p", "two", clip("sources").path)
    before = run(server, one, two)
    server.restart(env={"VP_FRAME_FORMAT": "jpeg"})
    after = run(server, one)
    assert not set(f["id"] for f in before[one]) & set(f["id"] for f in after[one])
    assert ids(real.points(video_code="one")) == sorted(f["id"] for f in after[one])
    assert ids(real.points(video_code="two")) == sorted(f["id"] for f in before[two])


def test_killed_amid_it_goes_on_when_it_is_back(serve, real, between, clip):
    server = serve(JOB_MAX_ATTEMPTS=5)
    server.wait_ready()
    items = [server.add_video("p", f"v{i}", clip("cuts").path) for i in range(8)]
    job = server.submit(items)
    harness.wait_until(lambda: between.asked("PUT", "/points"), 60, "the first points")
    real.kill()
    try:
        server.wait_event("vectors.down", timeout=60)
        assert "Qdrant" in server.wait_not_ready("vectors").json["detail"]
    finally:
        real.start()
    assert server.wait_job(job)["status"] == "completed"
    server.wait_ready()
    wanted = sorted(frame["id"] for item in items for frame in server.frames(item))
    assert ids(real.points()) == wanted


def test_the_server_killed_amid_its_points_are_those_of_its_frames(serve, real, between, clip):
    server = serve(QDRANT_BATCH_SIZE=1)
    server.wait_ready()
    items = [server.add_video("p", f"v{i}", clip("cuts").path) for i in range(6)]
    job = server.submit(items)
    for kills in range(1, 4):
        said = len(between.asked("PUT", "/points"))
        harness.wait_until(lambda: len(between.asked("PUT", "/points")) > said + kills or
                           server.status(job)["status"] == "completed", 60, "more points")
        server.kill()
        server.start()
    assert server.wait_job(job)["status"] == "completed"
    for item in items:
        code = item.split("/")[1]
        assert ids(real.points(video_code=code)) == sorted(f["id"] for f in server.frames(item))


def test_down_at_the_start_it_is_waited_for(serve, real, clip):
    real.kill()
    try:
        server = serve(QDRANT_URL=real.url)
        answer = server.wait_not_ready(real.url)
        assert answer.json["checks"]["model"]["ok"] and not answer.json["checks"]["vectors"]["ok"]
        item = server.add_video("p", "cuts", clip("cuts").path)
        job = server.submit([item])
    finally:
        real.start()
    done = server.wait_job(job)
    assert done["status"] == "completed" and done["items"][0]["attempts"] == 1
    assert ids(real.points()) == sorted(frame["id"] for frame in server.frames(item))


def test_a_wrong_key_is_why_it_is_not_ready(serve, between, clip):
    server = serve(QDRANT_KEY="wrong-secret")
    answer = server.wait_not_ready("does not take QDRANT_KEY")
    assert answer.json["checks"]["model"]["ok"] and not answer.json["checks"]["vectors"]["ok"]
    item = server.add_video("p", "cuts", clip("cuts").path)
    error = server.wait_job(server.submit([item]))["items"][0]["error"]
    assert error["code"] == "store_denied" and "QDRANT_KEY" in error["message"], error
    assert error["attempts"] == 1 and not list((server.out / "frames").rglob("*.png"))
    done = server.wait_job(server.submit([item], local_mode=True))  # it needs no key
    assert done["status"] == "completed", done
    assert not between.asked("PUT", "/points")
    assert "wrong-secret" not in server.log_text()


@pytest.mark.parametrize("size, distance, words", [
    (256, "Cosine", "256 dimensions with distance Cosine"),
    (512, "Euclid", "512 dimensions with distance Euclid"),
])
def test_a_collection_of_another_kind_is_why_it_is_not_ready(serve, real, size, distance, words):
    real.json("PUT", f"/collections/{COLLECTION}", {"vectors": {"size": size, "distance": distance}})
    answer = serve().wait_not_ready(words)
    assert "512 dimensions with distance Cosine" in answer.json["detail"]


def test_connections_are_bounded(serve, between, clip):
    server = serve(QDRANT_CONNECTION_POOL_SIZE=2, QDRANT_BATCH_SIZE=1, VP_MAX_WORKERS=3)
    items = [server.add_video("p", f"v{i}", clip("cuts").path) for i in range(4)]
    frames = run(server, *items)
    some = next(iter(frames.values()))[0]["id"]
    seekers = [threading.Thread(target=server.post, args=("/search-by/frame", {"id": some}))
               for _ in range(12)]
    for seeker in seekers:
        seeker.start()
    for seeker in seekers:
        seeker.join()
    assert between.open_max == 2
    assert between.opened <= 4, "connections are kept"


def test_local_mode_tells_it_nothing(serve, between, clip):
    server = serve(LOCAL_MODE=1)
    frames = run(server, server.add_video("p", "cuts", clip("cuts").path))
    assert between.opened == 0
    assert len(harness.points(server.out)) == sum(map(len, frames.values()))


def test_a_job_may_ask_to_stay_here(serve, real, clip):
    server = serve()
    item = server.add_video("p", "cuts", clip("cuts").path)
    server.wait_ready()
    job = server.wait_job(server.submit([item], local_mode=True))
    assert job["status"] == "completed"
    assert real.points() == []
    assert len(harness.points(server.out)) == len(server.frames(item))


def test_run_and_search_are_local_unless_asked(serve, between, oriane, clip):
    server = serve()
    item = server.add_video("p", "cuts", clip("cuts").path)
    frames = run(server, item)[item]
    server.stop()
    settings = {"QDRANT_URL": between.url, "QDRANT_KEY": qdrant.KEY}
    said = len(between.exchanges)
    assert oriane.run(clip("sources").path, settings=settings).code == 0
    picture = server.out / "frames" / frames[0]["path"]
    here = oriane("search", "--json", "--image", picture,
                  settings={**settings, "VP_OUTPUT_DIR": "out"})
    assert here.code == 0 and here.json[0]["payload"]["platform"] == "local", here
    assert len(between.exchanges) == said
    there = oriane("search", "--json", "--remote", "--image", picture, settings=settings)
    assert there.code == 0 and there.json[0]["id"] == frames[0]["id"], there
    table = oriane("search", "--remote", "--image", picture, settings=settings)
    assert table.out.splitlines()[1].split()[0] == frames[0]["path"], table  # a key: it may be in a bucket


def kinds(between):
    return {f"{e.method} " + re.sub(r"^/collections/[^/?]+|\?.*", "", e.path)
            for e in between.exchanges if e.status}


def test_every_kind_of_request_is_checked(serve, real, between, oriane, clip):
    """So that none can be misspelt: `between` holds all that was said against the documents."""
    server = serve()
    item = server.add_video("p", "cuts", clip("cuts").path)
    frames = run(server, item)[item]
    run(server, item)
    picture = (server.out / "frames" / frames[0]["path"]).read_bytes()
    assert server.upload("/search-by/image?limit=3", picture).status == 200
    answer = server.post("/search-by/frame", {
        "id": frames[0]["id"], "limit": 1,
        "filter": {"platform": "p", "video_code": "cuts", "second_min": 0, "second_max": 1e6}})
    assert answer.status == 200 and len(answer.json) == 1, answer
    harness.wait_until(lambda: between.asked("GET", "/exists"), 30, "a look at the store")
    assert kinds(between) == KINDS
    filters = [e.body.get("filter") for e in between.asked("POST", "/points/query")]
    assert len(filters[-1]["must"]) == 3, filters
    real.json("POST", f"/collections/{COLLECTION}/points/delete?wait=true",
              {"points": [frames[0]["id"]]})
    repaired = oriane("verify", "--all", "--json", settings={
        "QDRANT_URL": between.url, "QDRANT_KEY": qdrant.KEY, "VP_OUTPUT_DIR": server.out})
    assert repaired.code == 0 and repaired.one["status"] == "repaired", repaired
    assert ids(real.points()) == sorted(frame["id"] for frame in frames)


@pytest.mark.skipif(not harness.IS_LONG, reason="takes more than a minute: ORIANE_LONG=1")
def test_the_conformance_tests_speak_as_the_documents_say(between, specifications):
    if not specifications:
        pytest.skip("no OpenAPI files beside the repository (../shared/reference)")
    path = harness.BUILD / "tests" / "component" / "stores_vector_test"
    result = subprocess.run([path], check=False, capture_output=True, text=True, timeout=300, env={
        **os.environ, "ORIANE_TEST_QDRANT_URL": between.url, "ORIANE_TEST_QDRANT_KEY": qdrant.KEY})
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(between.exchanges) > 1000


def test_a_collection_that_is_dropped_amid_a_job(serve, real, between, clip):
    """It is made again, as set, and the job goes on; videos of before are done again when they are asked for."""
    server = serve(JOB_MAX_ATTEMPTS=1)
    one = server.add_video("p", "one", clip("cuts").path)
    frames = run(server, one)
    items = [server.add_video("p", f"v{i}", clip("cuts").path) for i in range(4)]
    job = server.submit(items)
    said = len(between.asked("PUT", "/points"))
    harness.wait_until(lambda: len(between.asked("PUT", "/points")) > said, 60, "points of the job")
    real.json("DELETE", f"/collections/{COLLECTION}")
    done = server.wait_job(job)
    assert done["status"] == "completed" and done["counts"]["success"] == 4, done
    info = real.json("GET", f"/collections/{COLLECTION}")
    assert info["config"]["quantization_config"]["scalar"]["type"] == "int8"
    assert set(info["payload_schema"]) == {"platform", "video_code", "frame_second"}
    assert not real.points(video_code="one")
    frames.update(run(server, one, *items))
    assert ids(real.points()) == sorted(f["id"] for stored in frames.values() for f in stored)


def test_misspelt_fields_would_be_found(specifications):
    """The check itself: Qdrant ignores them in silence."""
    if not specifications:
        pytest.skip("no OpenAPI files beside the repository (../shared/reference)")

    class Wrong:
        method, path, status = "POST", "/collections/c/points/query", 200
        answer = '{"result":{"points":[]},"status":"ok","time":0.1}'
    for body, is_right in (({"query": [1.0], "limit": 1}, True), ({"query": [1.0], "limt": 1}, False),
                           ({"query": [1.0], "params": {"quantisation": {}}}, False)):
        exchange = Wrong()
        exchange.body = body
        for api in specifications:
            if is_right:
                api.check(exchange)
            else:
                with pytest.raises(AssertionError):
                    api.check(exchange)


@pytest.mark.skipif(not harness.IS_LONG, reason="three servers and more than a minute: ORIANE_LONG=1")
def test_a_cluster_loses_nothing_with_a_node_killed(tmp_path, clip):
    try:
        qdrant.binary()
    except qdrant.Missing as reason:
        pytest.skip(str(reason))
    peers = qdrant.free_ports(3)
    nodes = [qdrant.Qdrant(p2p=peers[0])]
    try:
        nodes += [qdrant.Qdrant(p2p=port, bootstrap=peers[0]) for port in peers[1:]]
        with Server(tmp_path, env={"QDRANT_URL": nodes[0].url, "QDRANT_KEY": qdrant.KEY,
                                   "QDRANT_SHARDS": 3, "QDRANT_REPLICATION": 2,
                                   "JOB_MAX_ATTEMPTS": 5}) as server:
            first = [server.add_video("p", f"a{i}", clip("cuts").path) for i in range(3)]
            frames = run(server, *first)
            nodes[2].kill()
            second = [server.add_video("p", f"b{i}", clip("cuts").path) for i in range(3)]
            frames.update(run(server, *second))
            wanted = sorted(f["id"] for stored in frames.values() for f in stored)
            assert ids(nodes[0].points()) == ids(nodes[1].points()) == wanted
            for frame in (stored[0] for stored in frames.values()):
                answer = server.post("/search-by/frame", {"id": frame["id"], "limit": 1})
                assert answer.status == 200 and len(answer.json) == 1, answer
            nodes[2].start()

            def is_whole():
                shards = nodes[0].json("GET", f"/collections/{COLLECTION}/cluster")
                return all(shard["state"] == "Active"
                           for shard in shards["local_shards"] + shards["remote_shards"])
            harness.wait_until(is_whole, 60, "all replicas to be active")
            assert ids(nodes[2].points()) == wanted
    finally:
        for node in nodes:
            node.__exit__()
