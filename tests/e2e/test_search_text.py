"""Search by words, the whole way: a small CLIP folder with seeded weights (its answers mean nothing, but
each is known), videos, a store. What must come back is computed here, by numpy, from the vector that
`oriane embed --text` gives and the vectors in the store."""

import concurrent.futures

import numpy as np
import pytest

import api_document
import harness
import models
from browser import Browser
from server import KEY, Server

TEXTS = ["a red apple", "Two dogs, one ball!", "naïve café — 東京 🗼", "x", "word " * 400]
BLANK = ["", " ", " \t\n ", "\u3000\u00a0"]


def settings_of(name):
    return {"CLIP_MODEL": models.get(name), "QDRANT_DIM": models.MODELS[name]().dim}


@pytest.fixture(scope="module", params=["clip-small", "siglip-small"])
def library(request, tmp_path_factory, clip):
    """A server on the model, videos of two platforms extracted, and their points as the store has them."""
    folder = tmp_path_factory.mktemp(request.param)
    settings = settings_of(request.param)
    with Server(folder, env=settings) as server:
        items = [server.add_video("ab"[i % 2] * 3, name, clip(name).path)
                 for i, name in enumerate(["cuts", "sources", "letterbox", "vfr"])]
        assert server.run(items)["counts"]["success"] == len(items)
        server.model, server.model_settings = request.param, settings
        server.oriane = harness.Oriane(folder)
        server.points = harness.points(server.out)
        server.document = api_document.fetch(server)
        yield server


def vector_of(library, text):
    answer = library.oriane("embed", "--json", "--text", text, settings=library.model_settings)
    assert answer.code == 0, answer
    [vector] = answer.json["vectors"]
    return np.array(vector, np.float32).astype(np.float64)


def uuid_of(point):
    raw = point["uuid"].hex()
    return "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))


def expected(library, text, fits=lambda point: True):
    """[(id, score, point)], best first; ties by id."""
    query = vector_of(library, text)
    found = []
    for point in filter(fits, library.points):
        vector = np.frombuffer(point["vector"], np.float32).astype(np.float64)
        score = vector @ query / (np.linalg.norm(vector) * np.linalg.norm(query))
        found.append((uuid_of(point), score, point))
    return sorted(found, key=lambda row: (-row[1], row[0]))


def assert_hits(hits, wanted):
    assert [h["id"] for h in hits] == [id for id, _, _ in wanted]
    for hit, (_, score, point) in zip(hits, wanted):
        assert hit["score"] == pytest.approx(score, abs=1e-5)
        assert hit["payload"]["path"] == point["path"]
        assert hit["payload"]["model"] == point["model"]


def by_text(library, status=200, query="", **body):
    answer = library.post("/search-by/text" + query, body)
    library.document.check_answer("POST", "/search-by/text", answer)
    assert answer.status == status, answer
    return answer.json


def command(library, *arguments):
    return library.oriane("search", "--out", "out", *arguments, settings=library.model_settings)


# --- answers --------------------------------------------------------------------------------------

@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_order_and_scores(library, text):
    wanted = expected(library, text)
    assert len({round(score, 4) for _, score, _ in wanted}) > 3  # an order worth the name
    assert_hits(by_text(library, prompt=text, limit=1000), wanted)
    result = command(library, "--json", "--limit", "1000", text)
    assert result.code == 0 and result.err == "", result
    assert_hits(result.json, wanted)


def test_texts_differ(library):
    orders = {tuple(h["id"] for h in by_text(library, prompt=t, limit=1000)) for t in TEXTS}
    assert len(orders) > 1
    scores = [by_text(library, prompt=t)[0]["score"] for t in TEXTS]
    assert len(set(scores)) == len(TEXTS)


def test_limit(library):
    wanted = expected(library, "a red apple")
    assert_hits(by_text(library, prompt="a red apple"), wanted[:5])
    assert_hits(by_text(library, prompt="a red apple", limit=1), wanted[:1])
    assert_hits(by_text(library, prompt="a red apple", query="?limit=3"), wanted[:3])
    assert_hits(by_text(library, prompt="a red apple", query="?limit=3", limit=2), wanted[:2])
    assert_hits(command(library, "--json", "a red apple").json, wanted[:5])
    assert_hits(command(library, "--json", "--limit", "2", "a", "red", "apple").json, wanted[:2])
    for limit in (0, 1001):
        by_text(library, prompt="x", limit=limit, status=422)


def test_filters(library):
    rows = [({"platform": "bbb"}, lambda p: p["platform"] == "bbb"),
            ({"video_code": "cuts"}, lambda p: p["video_code"] == "cuts"),
            ({"platform": "bbb", "video_code": "cuts"}, lambda p: False),
            ({"second_min": 2.5, "second_max": 7.5}, lambda p: 2.5 <= p["frame_second"] <= 7.5)]
    for filters, fits in rows:
        wanted = expected(library, "a red apple", fits)
        assert bool(wanted) != (len(filters) == 2 and "video_code" in filters)
        assert_hits(by_text(library, prompt="a red apple", limit=1000, filter=filters), wanted)
    for arguments, fits in ((["--platform", "bbb"], rows[0][1]), (["--video", "cuts"], rows[1][1])):
        result = command(library, "--json", "--limit", "1000", *arguments, "a red apple")
        assert_hits(result.json, expected(library, "a red apple", fits))


def test_group_by_video(library):
    best = {}
    for row in expected(library, "a red apple"):
        best.setdefault((row[2]["platform"], row[2]["video_code"]), row)
    assert len(best) == 4
    assert_hits(by_text(library, prompt="a red apple", group_by="video"), list(best.values()))
    assert_hits(by_text(library, prompt="a red apple", group_by="video", limit=2),
                list(best.values())[:2])


def test_the_table(library):
    result = command(library, "a red apple")
    assert result.code == 0, result
    lines = result.out.splitlines()
    assert lines[0].split() == ["FILE", "SCORE", "SECOND", "SCENE", "VIDEO"]
    for line, (_, score, point) in zip(lines[1:], expected(library, "a red apple")):
        cells = line.split()
        assert cells[0].endswith(point["path"])
        assert float(cells[1]) == pytest.approx(score, abs=2e-4)


def test_many_at_once(library):
    """The text encoder is loaded when first asked for; threads that ask together get the same."""
    wanted = {t: [h["id"] for h in by_text(library, prompt=t)] for t in TEXTS}
    with Server(library.folder / "second", env={
            **library.model_settings, "VECTOR_DB": library.out / "vectors.db"}) as second:
        second.wait_ready()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = [t for _ in range(6) for t in TEXTS]
            answers = list(pool.map(lambda t: second.post("/search-by/text", {"prompt": t}), asked))
        for text, answer in zip(asked, answers):
            assert answer.status == 200, answer
            assert [h["id"] for h in answer.json] == wanted[text]


# --- refusals -------------------------------------------------------------------------------------

@pytest.mark.parametrize("text", BLANK, ids=["empty", "blank", "white", "wide"])
def test_a_text_without_words(library, text):
    answer = library.post("/search-by/text", {"prompt": text})
    library.document.check_answer("POST", "/search-by/text", answer)
    assert answer.status in (400, 422) and answer.json["detail"], answer
    if answer.status == 400:
        assert answer.json["code"] == "bad_usage" and "empty" in answer.json["detail"], answer
    result = command(library, text)
    assert result.code == 2 and result.out == "", result
    assert "empty" in result.err and len(result.err.splitlines()) == 1, result
    embedded = library.oriane("embed", "--json", "--text", text, "word", settings=library.model_settings)
    assert embedded.code == 1
    assert embedded.json["vectors"][0] is None and embedded.json["vectors"][1] is not None
    assert embedded.json["errors"][0]["code"] == "bad_usage"


def test_the_longest_text(library):
    by_text(library, prompt="a" * 16384)
    refused = by_text(library, prompt="a" * 16385, status=422)
    assert "prompt" in str(refused["errors"])
    assert by_text(library, prompt="é" * 16384)  # characters, not bytes


def test_models_status(library):
    status = library.json("/models/status")
    assert status["clip_model_loaded"] is True and status["reason"] is None
    assert status["clip_model_name"].startswith(models.get(library.model).name + "@")
    assert status["dim"] == library.model_settings["QDRANT_DIM"]
    assert status["backend"] == "onednn" and status["device"] == "cpu"
    assert status["precision"] in ("f32", "bf16")


def test_a_model_without_text_encoder(tmp_path, clip):
    settings = settings_of("jina-small")
    with Server(tmp_path, env=settings) as server:
        assert server.run([server.add_video("p", "v", clip("two_frames").path)])["counts"]["success"] == 1
        answer = server.post("/search-by/text", {"prompt": "a red apple"})
        assert answer.status == 422 and answer.json["code"] == "text_not_supported", answer
        assert "jina" in answer.json["detail"]
        frame = server.frames("p/v")[0]
        assert server.post("/search-by/frame", {"id": frame["id"]}).json[0]["id"] == frame["id"]
    result = harness.Oriane(tmp_path)("search", "--out", "out", "a red apple", settings=settings)
    assert result.code == 1 and "[text_not_supported]" in result.err, result


# --- the console ----------------------------------------------------------------------------------

def test_the_search_box(library):
    """Words in, frames out in the server's order; the address keeps the question."""
    wanted = expected(library, "a red apple")
    with Browser(library.url) as page:
        page.open("/ui/").unlock(KEY)
        page.open("/ui/#/search")
        page.wait_text("h1", "Search")
        page.type("#s-q", "a red apple").send_keys("\n")
        page.wait(lambda: page.all(".shot"), "hits")
        shown = [shot.text for shot in page.all(".shot")]
        assert len(shown) == min(24, len(wanted))
        for text, (_, score, point) in zip(shown, wanted):
            assert f"{point['platform']}/{point['video_code']}" in text
            assert f"{score:.3f}" in text or f"{score:.2f}" in text  # the third digit may be rounded
        assert "q=a+red+apple" in page.script("return location.hash")
        page.button("Filters").click()
        page.type("#s-platform", "bbb")
        page.one("form button[type=submit]").click()
        only = [row for row in wanted if row[2]["platform"] == "bbb"]
        page.wait(lambda: len(page.all(".shot")) == len(only), "one platform's frames")
        assert page.complaints(expected=(401,)) == [] and page.strangers() == []
