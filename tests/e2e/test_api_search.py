"""Search over HTTP: by text, by picture, by a stored frame; filters, grouping, refusals."""

import io
import json
import uuid

import pytest
from PIL import Image

import api_document
import harness
import picture_files
from server import Server

NAMES = ["cuts", "sources", "letterbox", "two_frames"]


@pytest.fixture(scope="module")
def document(server):
    return api_document.fetch(server)


@pytest.fixture(scope="module")
def stored(server, clip):
    """{"platform/code": frames}; two platforms."""
    items = []
    for i, name in enumerate(NAMES):
        items.append(server.add_video("ab"[i % 2] * 3, name, clip(name).path))
    found = server.run(items)
    assert found["counts"]["success"] == len(NAMES)
    return {item: server.frames(item) for item in items}


@pytest.fixture(scope="module")
def total(stored):
    return sum(map(len, stored.values()))


def picture(server, frame):
    return (server.out / "frames" / frame["path"]).read_bytes()


def by_image(server, document, data, path="/search-by/image", status=200, **options):
    answer = server.upload(path, data, **options)
    document.check_answer("POST", "/search-by/image", answer)
    assert answer.status == status, answer
    return answer.json


def by_frame(server, document, status=200, query="", **body):
    answer = server.post("/search-by/frame" + query, body)
    document.check_answer("POST", "/search-by/frame", answer)
    assert answer.status == status, answer
    return answer.json


def test_each_frame_finds_itself_first(server, document, stored):
    for item, frames in stored.items():
        for frame in frames:
            best = by_image(server, document, picture(server, frame))[0]
            assert best["id"] == best["payload"]["uuid"] == frame["id"]
            assert best["score"] > 0.98
            again = by_frame(server, document, id=frame["id"])[0]
            assert again["id"] == frame["id"] and again["score"] == pytest.approx(1, abs=1e-4)


def test_the_payload_is_the_frame(server, document, stored):
    item, frame = "aaa/cuts", stored["aaa/cuts"][0]
    payload = by_frame(server, document, id=frame["id"])[0]["payload"]
    assert payload["created_at"].endswith("Z")
    del payload["created_at"]
    assert payload == {
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, frame["path"])), "platform": "aaa",
        "video_code": "cuts", "frame_number": frame["n"], "frame_second": frame["second"],
        "path": frame["path"], "width": frame["width"], "height": frame["height"],
        "scene": frame["scene"], "dhash": frame["dhash"], "model": "builtin/visual-512"}
    assert server.get(f"/frames/{payload['path']}").status == 200


def test_limit(server, document, stored, total):
    some = stored["aaa/cuts"][0]
    data = picture(server, some)
    assert len(by_image(server, document, data)) == 5
    assert len(by_image(server, document, data, "/search-by/image?limit=1")) == 1
    assert len(by_image(server, document, data, fields={"limit": "2"})) == 2
    assert len(by_image(server, document, data, "/search-by/image?limit=3",
                        fields={"limit": "2"})) == 3
    assert len(by_image(server, document, data, "/search-by/image?limit=1000")) == total
    assert len(by_frame(server, document, id=some["id"])) == 5
    assert len(by_frame(server, document, id=some["id"], query="?limit=2")) == 2
    assert len(by_frame(server, document, id=some["id"], query="?limit=2", limit=3)) == 3
    assert len(by_frame(server, document, id=some["id"], limit=None, query="?limit=4")) == 4
    everything = by_frame(server, document, id=some["id"], limit=1000)
    scores = [h["score"] for h in everything]
    assert scores == sorted(scores, reverse=True) and len({h["id"] for h in everything}) == total


def test_filters(server, document, stored):
    some = stored["aaa/cuts"][0]

    def found(**filters):
        hits = by_frame(server, document, id=some["id"], limit=1000, filter=filters)
        flat = "&".join(f"{k}={v}" for k, v in filters.items())
        upload = by_image(server, document, picture(server, some), f"/search-by/image?limit=1000&{flat}")
        assert {h["id"] for h in hits} == {h["id"] for h in upload}
        form = by_image(server, document, picture(server, some), "/search-by/image?limit=1000",
                        fields={**filters, "group_by": ""})
        assert form == upload
        return {h["id"] for h in hits}

    def truth(fits):
        return {f["id"] for item, frames in stored.items() for f in frames
                if fits(*item.split("/"), f["second"])}
    assert found(platform="bbb") == truth(lambda p, c, s: p == "bbb")
    assert found(video_code="cuts") == truth(lambda p, c, s: c == "cuts")
    assert found(platform="bbb", video_code="cuts") == set()
    assert found(second_min=3) == truth(lambda p, c, s: s >= 3)
    assert found(second_max=3) == truth(lambda p, c, s: s <= 3)
    assert found(second_min=2.5, second_max=7.5, platform="aaa") == truth(
        lambda p, c, s: p == "aaa" and 2.5 <= s <= 7.5)
    assert found(second_min=9, second_max=1) == set()
    assert found(platform="nobody") == set()


def test_group_by_video(server, document, stored):
    """The best frame of each video, in the order of all hits."""
    for frame in (stored["aaa/cuts"][0], stored["bbb/sources"][-1]):
        hits = by_frame(server, document, id=frame["id"], limit=1000)
        best = {}
        for h in hits:
            best.setdefault((h["payload"]["platform"], h["payload"]["video_code"]), h)
        for limit in (1, 2, len(NAMES), 1000):
            grouped = by_frame(server, document, id=frame["id"], limit=limit, group_by="video")
            assert grouped == list(best.values())[:limit]
        assert by_frame(server, document, id=frame["id"], limit=1000, group_by=None) == hits
    data = picture(server, frame)
    assert by_image(server, document, data, "/search-by/image?group_by=video&limit=2") == \
        by_image(server, document, data, fields={"group_by": "video", "limit": "2"})


def test_other_formats_find_it_too(server, document, stored):
    frame = stored["aaa/cuts"][2]
    with Image.open(io.BytesIO(picture(server, frame))) as image:
        for kind in ("JPEG", "WEBP", "PNG"):
            data = io.BytesIO()
            image.convert("RGB").save(data, kind)
            assert by_image(server, document, data.getvalue())[0]["id"] == frame["id"]


def test_text_needs_a_model_that_reads(server, document):
    server.wait_ready()
    answer = server.post("/search-by/text", {"prompt": "a red car"})
    document.check_answer("POST", "/search-by/text", answer)
    assert (answer.status, answer.json["code"]) == (422, "text_not_supported")
    assert "builtin/visual-512" in answer.json["detail"]


@pytest.mark.parametrize("body, locs", [
    ({}, ["body.prompt"]), ({"prompt": ""}, ["body.prompt"]), ({"prompt": None}, ["body.prompt"]),
    ({"prompt": "x" * 16385}, ["body.prompt"]), ({"prompt": ["x"]}, ["body.prompt"]),
    ({"prompt": "x", "limit": 0}, ["body.limit"]), ({"prompt": "x", "limit": 1001}, ["body.limit"]),
    ({"prompt": "x", "limit": "5"}, ["body.limit"]),
    ({"prompt": "x", "filter": "p"}, ["body.filter"]),
    ({"prompt": "x", "filter": {"platform": "a/b", "second_min": -1}},
     ["body.filter.platform", "body.filter.second_min"]),
    ({"prompt": "x", "group_by": "scene"}, ["body.group_by"])])
def test_wrong_fields(server, document, body, locs):
    answer = server.post("/search-by/text", body)
    document.check_answer("POST", "/search-by/text", answer)
    assert answer.status == 422
    assert [e["loc"] for e in answer.json["errors"]] == locs


def test_the_longest_prompt_is_taken(server, document):
    server.wait_ready()
    answer = server.post("/search-by/text", {"prompt": "é" * 16384})
    assert answer.json["code"] == "text_not_supported", answer


def test_query_of_a_search(server, document):
    answer = server.post("/search-by/text?limit=0", {"prompt": 7})
    assert [e["loc"] for e in answer.json["errors"]] == ["query.limit", "body.prompt"]
    answer = server.upload("/search-by/image?limit=1001&platform=../x&second_min=soon&group_by=a",
                           b"", fields={"video_code": "a b"})
    document.check_answer("POST", "/search-by/image", answer)
    assert {e["loc"] for e in answer.json["errors"]} == {
        "query.limit", "query.platform", "query.second_min", "query.group_by", "body.video_code"}


def test_a_frame_that_is_not_there(server, document, stored):
    found = by_frame(server, document, 404, id=str(uuid.uuid4()))
    assert found["code"] == "not_found"
    frame = stored["aaa/cuts"][0]
    assert by_frame(server, document, id=frame["id"].upper())[0]["id"] == frame["id"]
    by_frame(server, document, 422, id="none")
    by_frame(server, document, 422, id=7)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
                                  b"\xff\xd8\xff\xe0" + b"\0" * 1000, b"RIFF\0\0\0\0WEBPVP8 "])
def test_what_is_no_picture(server, document, stored, data):
    found = by_image(server, document, data, status=422)
    assert found["detail"] and str(server.out) not in json.dumps(found)
    assert not harness.children_of(server.pid)


def test_a_turned_picture_is_put_upright(server, document, stored):
    """The same picture as a camera that was held sideways stores it: the same answer."""
    frame = stored["aaa/cuts"][1]
    turned = io.BytesIO()
    with Image.open(io.BytesIO(picture(server, frame))) as image:
        image.transpose(Image.Transpose.ROTATE_90).save(turned, "PNG", exif=picture_files.exif(6))
    assert by_image(server, document, turned.getvalue()) == \
        by_image(server, document, picture(server, frame))


def test_a_truncated_picture(server, document, stored):
    data = picture(server, stored["aaa/cuts"][0])
    answer = server.upload("/search-by/image", data[:len(data) // 2])
    assert answer.status in (200, 422), answer  # what can be seen of it counts, or it is refused


def test_a_form_without_the_file(server, document):
    answer = server.upload("/search-by/image", b"x", field="picture")
    document.check_answer("POST", "/search-by/image", answer)
    assert answer.status == 422 and answer.json["errors"][0]["loc"] == "body.file"
    plain = server.request("POST", "/search-by/image", body=b"x",
                           headers={"Content-Type": "application/octet-stream"})
    document.check_answer("POST", "/search-by/image", plain)
    assert plain.status == 415


def test_an_empty_store_finds_nothing(tmp_path, clip):
    with Server(tmp_path) as server:
        server.wait_ready()
        data = io.BytesIO()
        Image.new("RGB", (64, 64), (200, 30, 30)).save(data, "PNG")
        answer = server.upload("/search-by/image", data.getvalue())
        # a picture of one colour has nothing to compare by: either is an honest answer
        assert answer.status in (200, 422), answer
        if answer.status == 200:
            assert answer.json == []


def test_searches_are_counted(server, document, stored):
    def count():
        text = server.get("/metrics", key=False).text
        return float(next(x.split()[1] for x in text.splitlines()
                          if x.startswith("oriane_searches_total")))
    before = count()
    by_frame(server, document, id=stored["aaa/cuts"][0]["id"])
    by_frame(server, document, 404, id=str(uuid.uuid4()))
    assert count() == before + 1
