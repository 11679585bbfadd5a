"""A Qdrant that refuses, breaks off, dawdles or talks nonsense: what the program does about each."""

import json
import signal
import threading
import time

import pytest

from qdrant_fake import Fake, Store
from server import Server

UPSERT, QUERY = ("PUT", "/points"), ("POST", "/points/query")


def on(what, fault, times=None):
    """A fault for one kind of request, so often or for ever."""
    left = [times]

    def decide(method, path, _body):
        if method != what[0] or not path.split("?")[0].endswith(what[1]):
            return None
        if left[0] is not None:
            if left[0] == 0:
                return None
            left[0] -= 1
        return fault
    return decide


def status(code, text="", **headers):
    return "status", code, {name.replace("_", "-"): value for name, value in headers.items()}, text


def told(text):
    return json.dumps({"status": {"error": text}, "time": 0})


@pytest.fixture
def fake():
    with Fake(store=Store().fill()) as running:
        yield running


@pytest.fixture
def search(oriane, fake, tmp_path):
    from PIL import Image
    picture = tmp_path / "red.png"
    Image.new("RGB", (64, 48), (200, 30, 30)).save(picture)

    def run(**settings):
        return oriane("search", "--remote", "--json", "--image", picture,
                      settings={"QDRANT_URL": fake.url, "QDRANT_KEY": "test-key", **settings})
    run.picture = picture
    return run


def test_a_search_finds_what_is_there(search, fake):
    result = search()
    assert result.code == 0, result
    assert [hit["payload"]["path"] for hit in result.json] == ["p/c/1_0.00.png"]
    assert {e.path.split("/collections/")[1].split("/")[0] for e in fake.exchanges} == {"watched_frames"}


@pytest.mark.parametrize("fault, words", [
    (status(401, "Invalid API key or JWT"), "does not take QDRANT_KEY"),
    (status(403, told("Forbidden")), "does not take QDRANT_KEY"),
    (status(404, ""), "is QDRANT_URL the address of a Qdrant server?"),
    (status(400, told("Wrong input: Vector dimension error: expected dim: 4, got 512")), "dimension"),
    (status(422, told("Validation error")), "422"),
    (status(302, "", Location="http://127.0.0.1:1/"), "302"),
    (status(200, "hello"), "none of Qdrant's"),
    (status(200, "{}"), "none of Qdrant's"),
    (status(200, '{"result":null,"status":"ok"}'), "none of Qdrant's"),
    (status(200, '{"result":{"points":{}},"status":"ok"}'), "none of Qdrant's"),
    (status(200, '{"result":{"points":[]},"status":"red"}'), "none of Qdrant's"),
    (status(200, '{"result":{"points":[]},"result":1,"status":"ok"}'), "none of Qdrant's"),
    (status(200, '{"result":{"points":[{"id":7,"score":1}]},"status":"ok"}'), "no UUID"),
    (status(200, '{"result":{"points":[{"id":"6b9d7e6c-3f6e-5d0a-9c1e-0123456789ab","version":1,'
                 '"score":null,"payload":{}}]},"status":"ok"}'), "score"),
    (status(200, "[" * 33 + "]" * 33), "nested deeper than 32"),
    (status(200, '{"result":[' + "1," * 131072 + '1],"status":"ok"}'), "more than 131072 values"),
    (status(200, " " * (16 << 20) + "1"), "longer than allowed"),
    (("raw", b"SSH-2.0-server\r\n"), "Qdrant: "),
])
def test_refusals_and_nonsense_end_a_search(search, fake, fault, words):
    fake.fault = on(QUERY, fault)
    result = search()
    assert result.code == 1 and words in result.err, result
    assert "test-key" not in result.err
    if fault[0] == "status":
        expected = 2 if fault[1] == 404 else 1  # after a look whether the collection went
        assert len(fake.asked(*QUERY)) == expected  # such answers do not get better


@pytest.mark.parametrize("fault", [
    status(500, told("Service internal error")), status(502, "<html>"), status(503, told("x")),
    status(504, ""), status(408, ""), status(429, told("Rate limit")), ("half",), ("close",),
])
def test_what_passes_is_asked_again(search, fake, fault):
    fake.fault = on(QUERY, fault, times=2)
    result = search()
    assert result.code == 0 and len(result.json) == 1, result
    assert len(fake.asked(*QUERY)) == 3


def test_retry_after_is_obeyed(search, fake):
    fake.fault = on(QUERY, status(429, told("Rate limit"), Retry_After="2"), times=1)
    began = time.monotonic()
    assert search().code == 0
    assert time.monotonic() - began >= 2


def test_a_slow_server_does_not_hold_whoever_wants_to_go(oriane, search, fake):
    is_asked, is_over = threading.Event(), threading.Event()

    def dawdle(method, path, _body):
        if not path.endswith("/query"):
            return None
        is_asked.set()
        return "slow", is_over
    fake.fault = dawdle
    process = oriane.start("search", "--remote", "--image", search.picture,
                           settings={"QDRANT_URL": fake.url, "QDRANT_KEY": "test-key"})
    assert is_asked.wait(20)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    is_over.set()
    assert b"interrupted" in err
    assert time.monotonic() - began < 5 and process.returncode == 1


@pytest.mark.parametrize("settings, words", [
    ({"QDRANT_URL": None}, "QDRANT_URL is not set"),
    ({"LOCAL_MODE": 1}, "LOCAL_MODE=1"),
    ({"QDRANT_COLLECTION": "a/b"}, "QDRANT_COLLECTION"),
    ({"QDRANT_KEY": "no"}, "does not take QDRANT_KEY"),
    ({"QDRANT_KEY": None}, "set QDRANT_KEY"),
    ({"QDRANT_DISTANCE": "dot"}, "distance Cosine"),
    ({"QDRANT_URL": "http://127.0.0.1:1/?x"}, "QDRANT_URL"),
])
def test_settings_that_do_not_fit(search, settings, words):
    result = search(**settings)
    assert result.code != 0 and words in result.err, result


def test_a_missing_collection_is_told_and_not_made(search, fake):
    fake.store.config = None
    result = search()
    assert result.code == 1 and "404" in result.err and "QDRANT_COLLECTION" in result.err, result
    assert "oriane run" not in result.err  # which would keep its points here
    assert not fake.asked("PUT", "/collections/watched_frames")


def test_another_model_is_told(search, fake):
    fake.store.fill(model="openai/clip")
    result = search()
    assert result.code == 1, result
    assert "openai/clip" in result.err and "builtin/visual-512" in result.err


# --- writing --------------------------------------------------------------------------------------


@pytest.fixture
def serve(tmp_path, fake):
    fake.store = Store()
    made = []

    def start(**settings):
        server = Server(tmp_path / "server", env={"QDRANT_URL": fake.url, "QDRANT_KEY": "test-key",
                                                  "JOB_MAX_ATTEMPTS": 3, **settings})
        made.append(server)
        return server
    yield start
    for server in made:
        server.stop()


def run_one(server, clip, name="cuts"):
    item = server.add_video("p", name, clip(name).path)
    server.wait_ready()
    job = server.wait_job(server.submit([item]))
    return job["items"][0], server.frames(item) if job["status"] == "completed" else []


@pytest.mark.parametrize("fault, times", [
    (status(500, told("x")), 2), (status(429, told("x")), 1), (("half",), 2), (("close",), 2),
    (status(409, told("x")), 1),                                    # the item comes again
    (status(200, "what?"), 1),
    (status(200, '{"result":{"operation_id":1,"status":"acknowledged"},"status":"ok","time":0}'), 1),
    (status(200, '{"result":{"operation_id":1,"status":"wait_timeout"},"status":"ok","time":0}'), 1),
])
def test_writes_that_fail_are_made_again(serve, fake, clip, fault, times):
    server = serve()
    fake.fault = on(UPSERT, fault, times)
    item, frames = run_one(server, clip)
    assert item["status"] == "success", item
    assert sorted(fake.store.points) == sorted(frame["id"] for frame in frames)


@pytest.mark.parametrize("code", [429, 503])
def test_writes_alone_that_are_refused_for_long_spend_no_attempt(serve, fake, clip, code):
    """The store answers when it is looked at, and takes nothing."""
    server = serve(JOB_MAX_ATTEMPTS=1)
    server.wait_ready()
    fake.fault = on(UPSERT, status(code, told("busy")))
    job = server.submit([server.add_video("p", "cuts", clip("cuts").path)])
    back = server.wait_event("item.handed_back", timeout=60)
    assert back["error"] == "store_unavailable" and str(code) in back["message"], back
    assert server.get("/ready", key=False).status == 200
    fake.fault = None
    done = server.wait_job(job)
    assert done["items"][0]["status"] == "success" and done["items"][0]["attempts"] == 1, done
    assert len(fake.store.points) == len(server.frames("p/cuts"))


def test_a_key_that_is_refused_while_writing_fails_at_once(serve, fake, clip):
    server = serve()
    fake.fault = on(UPSERT, status(401, "Invalid API key or JWT"))
    item, _ = run_one(server, clip)
    assert item["status"] == "failed"
    assert item["error"]["code"] == "store_denied" and "QDRANT_KEY" in item["error"]["message"]
    assert len(fake.asked(*UPSERT)) == 1


@pytest.mark.parametrize("code, text", [
    (413, "Payload too large"),
    (400, "Payload error: JSON payload (9 bytes) is larger than allowed (limit: 8 bytes)."),
])
def test_a_batch_that_is_too_large_is_halved(serve, fake, clip, code, text):
    server = serve()

    def refuse_large(method, path, body):
        is_large = method == "PUT" and "/points" in path and len(body["points"]) > 2
        return status(code, told(text)) if is_large else None
    fake.fault = refuse_large
    item, frames = run_one(server, clip)
    assert item["status"] == "success", item
    assert len(frames) > 2 and sorted(fake.store.points) == sorted(f["id"] for f in frames)


def test_another_was_faster_to_make_the_collection(serve, fake, clip):
    def race(method, path, body):
        if method == "PUT" and path.split("?")[0].endswith("/watched_frames"):
            fake.store.config = body  # the other one's, and the same
        return None
    fake.fault = race
    item, frames = run_one(serve(), clip)
    assert item["status"] == "success" and len(fake.store.points) == len(frames)
    assert [e.status for e in fake.asked("PUT", "/collections/watched_frames")] == [409]


def test_another_was_faster_and_wanted_something_else(serve, fake):
    def race(method, path, body):
        if method == "PUT" and path.split("?")[0].endswith("/watched_frames"):
            fake.store.config = {"vectors": {"size": 7, "distance": "Dot"}}
        return None
    fake.fault = race
    serve().wait_not_ready("7 dimensions with distance Dot")


def test_a_store_that_goes_away_stops_nothing_for_good(serve, fake, clip):
    server = serve()
    server.wait_ready()
    fake.fault = lambda *_: status(503, told("starting"))
    server.wait_event("vectors.down")
    answer = server.wait_not_ready("503")
    assert fake.url in answer.json["detail"]
    assert not answer.json["checks"]["vectors"]["ok"] and answer.json["checks"]["model"]["ok"]
    assert "\noriane_vector_store_up 0\n" in server.get("/metrics", key=False).text
    item = server.add_video("p", "cuts", clip("cuts").path)
    job = server.submit([item])
    fake.fault = None
    server.wait_event("vectors.up")
    done = server.wait_job(job)
    assert done["items"][0]["status"] == "success" and done["items"][0]["attempts"] == 1
    assert len(fake.store.points) == len(server.frames(item))
    server.wait_ready()
    assert "\noriane_vector_store_up 1\n" in server.get("/metrics", key=False).text


def test_what_is_sent_is_bounded_by_the_batch(serve, fake, clip):
    item, frames = run_one(serve(QDRANT_BATCH_SIZE=2), clip)
    assert item["status"] == "success"
    sizes = [len(e.body["points"]) for e in fake.asked(*UPSERT)]
    assert max(sizes) <= 2 and sum(sizes) == len(frames)
    assert all("wait=true" in e.path for e in fake.exchanges
               if e.method == "PUT" and "/points" in e.path or e.path.endswith("/delete"))


PAGE = '{"result":{"points":%s,"next_page_offset":%s},"status":"ok"}'
POINT = '[{"id":"%s","payload":{"platform":"p","video_code":"c"}}]'
ID = "11111111-2222-5333-8444-555555555555"


@pytest.mark.parametrize("text, words", [
    (PAGE % ("{}", "null"), "no page of points"),
    (PAGE % ("[" + ",".join(["{}"] * 1001) + "]", "null"), "no page of points"),
    (PAGE % ("[{}]", "null"), "without an id"),
    (PAGE % ("[3]", "null"), "without an id"),
    (PAGE % ('[{"id":true}]', "null"), "without an id"),
    (PAGE % ('[{"id":"short"}]', "null"), "without an id"),
    (PAGE % (POINT % ("x" * 36), "null"), "no UUID"),
    (PAGE % ("[]", f'"{ID}"'), "leads nowhere"),
    (PAGE % (POINT % ID, f'"{ID}"'), "leads nowhere"),  # the same page again and again
    (PAGE % (POINT % ID, "[]"), "leads nowhere"),
    (PAGE % (POINT % ID, '"x"'), "leads nowhere"),
])
def test_nonsense_ends_a_verify(oriane, fake, text, words):
    """Of the lists of points; the question for the collection's model comes first and is well."""
    def decide(method, path, body):
        is_list = method == "POST" and path.endswith("/scroll") and "filter" in body
        return ("status", 200, {}, text) if is_list else None
    fake.fault = decide
    result = oriane("verify", "--json", "p/c", settings={"QDRANT_URL": fake.url,
                                                         "QDRANT_KEY": "test-key"})
    assert result.code == 1 and "[store_failed]" in result.err and words in result.err, result
    assert not fake.asked("POST", "/points/delete")


def test_a_store_that_never_answers_does_not_hold_the_end(serve, fake, clip):
    server = serve(DRAIN_TIMEOUT=1)
    item = server.add_video("p", "cuts", clip("cuts").path)
    server.wait_ready()
    is_asked, is_over = threading.Event(), threading.Event()

    def hang(method, path, _body):
        if (method, path.split("?")[0].rsplit("/", 1)[1]) != ("PUT", "points"):
            return None
        is_asked.set()
        return "slow", is_over
    fake.fault = hang
    server.submit([item])
    assert is_asked.wait(60)
    began = time.monotonic()
    server.stop()
    is_over.set()
    assert time.monotonic() - began < 8
