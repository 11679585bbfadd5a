"""`oriane search`: finds the very frame, ranks likeness, filters, and says clearly why it cannot."""

import json
import re
import shutil

import pytest
from PIL import Image

import harness

PAYLOAD = {"uuid", "platform", "video_code", "frame_number", "frame_second", "path", "created_at",
           "width", "height", "scene", "dhash", "model"}
NAMES = ["cuts", "sources", "letterbox"]


@pytest.fixture(scope="module", params=["png", "jpeg", "webp"])
def library(request, tmp_path_factory, clip):
    """Three videos, extracted into stills of one format."""
    folder = tmp_path_factory.mktemp(f"library-{request.param}")
    oriane = harness.Oriane(folder)
    result = oriane.run(*(clip(n).path for n in NAMES),
                        settings={"VP_FRAME_FORMAT": request.param})
    assert result.code == 0, result
    return oriane, folder / "out", result.lines


def search(oriane, *arguments, **options):
    result = oriane("search", "--json", "--out", "out", *arguments, **options)
    assert result.code == 0, result
    return result.json


def test_every_frame_finds_itself_first(library):
    oriane, out, videos = library
    for video in videos:
        for frame in video["frames"]:
            hits = search(oriane, "--image", out / "frames" / frame["path"])
            assert hits[0]["id"] == frame["id"], (frame, hits[:2])
            assert hits[0]["score"] >= 0.999
            assert hits[0]["score"] <= 1.0001


def test_shape_of_a_hit(library):
    oriane, out, videos = library
    frame = videos[0]["frames"][0]
    hits = search(oriane, "--image", out / "frames" / frame["path"])
    assert isinstance(hits, list) and len(hits) == 5  # the default limit
    assert [h["score"] for h in hits] == sorted((h["score"] for h in hits), reverse=True)
    for hit in hits:
        assert set(hit) == {"id", "score", "payload"}
        payload = hit["payload"]
        assert set(payload) >= PAYLOAD
        assert payload["uuid"] == hit["id"]
        assert payload["model"] == "builtin/visual-512"
        assert payload["platform"] == "local"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", payload["created_at"])
        assert (out / "frames" / payload["path"]).is_file()
    first = hits[0]["payload"]
    assert first["video_code"] == videos[0]["code"] and first["frame_number"] == frame["n"]
    assert first["frame_second"] == pytest.approx(frame["second"], abs=0.006)
    assert (first["width"], first["height"]) == (frame["width"], frame["height"])
    assert first["scene"] == frame["scene"] and first["dhash"] == frame["dhash"]


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_limit(library, limit):
    oriane, out, videos = library
    image = out / "frames" / videos[0]["frames"][0]["path"]
    total = sum(len(v["frames"]) for v in videos)
    assert len(search(oriane, "--limit", limit, "--image", image)) == min(limit, total)


def test_filters(library):
    oriane, out, videos = library
    image = out / "frames" / videos[0]["frames"][0]["path"]
    code = videos[1]["code"]
    hits = search(oriane, "--video", code, "--limit", 100, "--image", image)
    assert len(hits) == len(videos[1]["frames"])
    assert {h["payload"]["video_code"] for h in hits} == {code}
    assert search(oriane, "--platform", "local", "--image", image)
    assert search(oriane, "--platform", "nowhere", "--image", image) == []


def test_reencoded_and_rescaled_picture_is_found(library, tmp_path):
    oriane, out, videos = library
    for video in videos:
        frame = video["frames"][0]
        with Image.open(out / "frames" / frame["path"]) as image:
            picture = image.convert("RGB")
        picture.save(tmp_path / "a.jpg", quality=75)
        picture.resize((picture.width * 3 // 4, picture.height * 3 // 4)).save(tmp_path / "b.webp")
        picture.convert("P", palette=Image.ADAPTIVE, colors=256).save(tmp_path / "c.png")
        picture.convert("RGBA").save(tmp_path / "d.png")
        for name, least in (("a.jpg", 0.995), ("b.webp", 0.98), ("c.png", 0.98), ("d.png", 0.999)):
            hits = search(oriane, "--image", tmp_path / name)
            assert hits[0]["id"] == frame["id"], name
            assert hits[0]["score"] >= least, (name, hits[0]["score"])


def test_table_for_people(library):
    oriane, out, videos = library
    frame = videos[0]["frames"][0]
    result = oriane("search", "--out", "out", "--image", out / "frames" / frame["path"])
    assert result.code == 0
    assert frame["path"].rsplit("/", 1)[1] in result.out
    assert videos[0]["code"] in result.out


def test_searching_changes_nothing(library):
    oriane, out, videos = library
    before = harness.effects(out)
    search(oriane, "--image", out / "frames" / videos[0]["frames"][0]["path"])
    assert harness.effects(out) == before


def test_words_need_a_model_with_a_text_encoder(library):
    oriane = library[0]
    result = oriane("search", "--json", "--out", "out", "a red apple")
    assert result.code == 1 and result.out == "", result
    assert "text" in result.err and "--image" in result.err


@pytest.mark.parametrize("name,code", [("words", "bad_picture"), ("garbage", "bad_picture"),
                                       ("empty", "empty_file")])
def test_bad_pictures(library, clip, name, code):
    result = library[0]("search", "--json", "--out", "out", "--image", clip(name).path)
    assert result.code == 1 and result.out == "", result
    assert code in result.err


def test_missing_picture(library):
    result = library[0]("search", "--json", "--out", "out", "--image", "nowhere.png")
    assert result.code == 1 and "not_found" in result.err, result


def test_half_a_picture_is_no_crash(library, tmp_path):
    oriane, out, videos = library
    data = (out / "frames" / videos[0]["frames"][0]["path"]).read_bytes()
    (tmp_path / "half").write_bytes(data[:len(data) // 2])
    result = oriane("search", "--json", "--out", "out", "--image", tmp_path / "half")
    assert result.code in (0, 1), result
    assert result.code == 0 or "bad_picture" in result.err


def test_picture_bomb(oriane, tmp_path, library):
    """A small file that claims 60000 x 60000 pixels costs neither memory nor time."""
    import struct
    import zlib

    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data +
                struct.pack(">I", zlib.crc32(kind + data)))
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000000)
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
                                        chunk(b"IDAT", body) + chunk(b"IEND", b""))
    result = library[0]("search", "--out", "out", "--image", tmp_path / "bomb.png", timeout=20)
    assert result.code == 1 and "limit_exceeded" in result.err, result


def test_nothing_was_ever_extracted(oriane, extracted):
    frame = extracted("cuts").picture(extracted("cuts").frames[0])
    result = oriane("search", "--json", "--out", "empty", "--image", frame)
    assert result.code == 1 and "not_found" in result.err, result
    assert not (oriane.folder / "empty").exists()


def test_store_of_another_model_or_version(library, tmp_path):
    """A store written by a newer program is refused, not misread."""
    import sqlite3
    oriane, out, videos = library
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    connection = sqlite3.connect(copy / "vectors.db")
    connection.execute("pragma user_version = 9999")
    connection.commit()
    connection.close()
    image = copy / "frames" / videos[0]["frames"][0]["path"]
    result = oriane("search", "--json", "--out", copy, "--image", image)
    assert result.code == 1 and "store_version" in result.err, result


def test_json_is_one_array(library):
    oriane, out, videos = library
    image = out / "frames" / videos[0]["frames"][0]["path"]
    result = oriane("search", "--json", "--out", "out", "--image", image,
                    settings={"LOG_LEVEL": "debug"})
    assert isinstance(json.loads(result.out), list)
