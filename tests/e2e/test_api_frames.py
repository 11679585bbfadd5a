"""A video's frames over HTTP: the list, the pictures, the small ones."""

import io
import os

import pytest
from PIL import Image

import api_document
import harness
from server import Server

VIDEO = "tiktok/frames"


@pytest.fixture(scope="module")
def document(server):
    return api_document.fetch(server)


@pytest.fixture(scope="module")
def frames(server, clip):
    server.add_video("tiktok", "frames", clip("cuts").path)
    assert server.run([VIDEO])["status"] == "completed"
    return server.frames(VIDEO)


def test_the_list(server, document, frames):
    answer = server.get(f"/frames/{VIDEO}")
    document.check_answer("GET", "/frames/{platform}/{code}", answer)
    assert [f["n"] for f in frames] == list(range(1, len(frames) + 1))
    assert [f["second"] for f in frames] == sorted(f["second"] for f in frames)
    for f in frames:
        assert f["file"] == f"{f['n']}_{f['second']:.2f}.png"
        assert f["path"] == f"{VIDEO}/{f['file']}" and f["url"] == f"/frames/{f['path']}"
    on_disk = {p.name for p in (server.out / "frames" / VIDEO).iterdir()}
    assert on_disk == {f["file"] for f in frames} | {"manifest.json"}


def test_the_picture(server, document, frames):
    answer = server.get(frames[0]["url"])
    document.check_answer("GET", "/frames/{platform}/{code}/{file}", answer)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"].startswith("private")
    assert answer.body == (server.out / "frames" / frames[0]["path"]).read_bytes()
    with Image.open(io.BytesIO(answer.body)) as image:
        assert image.size == (frames[0]["width"], frames[0]["height"])
    head = server.head(frames[0]["url"])
    assert head.body == b"" and int(head.headers["Content-Length"]) == len(answer.body)


def test_the_copy_at_hand(server, document, frames):
    tag = server.get(frames[0]["url"]).headers["ETag"]
    assert tag != server.get(frames[1]["url"]).headers["ETag"]
    for given in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        answer = server.get(frames[0]["url"], headers={"If-None-Match": given})
        document.check_answer("GET", "/frames/{platform}/{code}/{file}", answer)
        assert answer.status == 304 and answer.body == b"" and answer.headers["ETag"] == tag
    assert server.get(frames[0]["url"], headers={"If-None-Match": '"x"'}).status == 200


@pytest.mark.parametrize("width", [16, 100, 320, 1024])
def test_a_small_one(server, document, frames, width):
    answer = server.get(f"{frames[0]['url']}?width={width}")
    document.check_answer("GET", "/frames/{platform}/{code}/{file}", answer)
    assert answer.status == 200 and answer.headers["Content-Type"] == "image/jpeg", answer
    with Image.open(io.BytesIO(answer.body)) as image:
        assert image.format == "JPEG"
        full = (frames[0]["width"], frames[0]["height"])
        assert max(image.size) == min(width, max(full))
        assert abs(image.size[0] / image.size[1] - full[0] / full[1]) < 0.2
    again = server.get(f"{frames[0]['url']}?width={width}")
    assert again.body == answer.body and again.headers["ETag"] == answer.headers["ETag"]
    assert server.get(f"{frames[0]['url']}?width={width}",
                      headers={"If-None-Match": answer.headers["ETag"]}).status == 304
    assert answer.headers["ETag"] != server.get(frames[0]["url"]).headers["ETag"]


def test_the_list_links_small_ones(server, frames):
    for f in frames:
        assert server.get(f["thumbnail"]).headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("width", ["15", "1025", "x", "", "-1", "1e2"])
def test_wrong_width(server, document, frames, width):
    answer = server.get(f"{frames[0]['url']}?width={width}")
    document.check_answer("GET", "/frames/{platform}/{code}/{file}", answer)
    assert answer.status == 422 and answer.json["errors"][0]["loc"] == "query.width"


@pytest.mark.parametrize("path", [
    "/frames/none/none", "/frames/tiktok/none", "/frames/tiktok/frames/9999_0.00.png",
    "/frames/tiktok/frames/manifest.json", "/frames/tiktok/frames/1_0.00.exe",
    "/frames/tiktok/frames/.hidden", "/frames/..%2f..%2fetc/passwd", "/frames/%2e%2e/%2e%2e",
    "/frames/tiktok/frames/..%2f..%2f..%2fjobs.db", "/frames/tiktok/frames/1_0.00.png/more",
    "/frames/tiktok/frames/%00", "/frames/a", "/frames/tiktok/fr ames".replace(" ", "%20")])
def test_what_is_not_there(server, frames, path):
    answer = server.get(path)
    assert answer.status in (400, 404), answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert str(server.out) not in answer.text


def test_a_video_whose_run_was_killed_is_not_there(tmp_path, clip):
    """The manifest says complete false: nobody is shown a mixture of two runs."""
    with Server(tmp_path) as server:
        server.add_video("p", "c", clip("two_frames").path)
        server.run(["p/c"])
        manifest = server.out / "frames/p/c/manifest.json"
        manifest.write_text(manifest.read_text().replace('"complete": true', '"complete": false'))
        answer = server.get("/frames/p/c")
        assert answer.status == 404 and "not all written" in answer.json["detail"], answer
        manifest.write_text("{")
        assert server.get("/frames/p/c").status == 503


def test_frames_are_shown_without_a_model(tmp_path, clip):
    with Server(tmp_path) as server:
        server.add_video("p", "c", clip("two_frames").path)
        server.run(["p/c"])
        server.restart({"CLIP_MODEL": "openai/none"})
        found = server.frames("p/c")
        assert server.get(found[0]["url"]).status == 200
        assert server.get(found[0]["thumbnail"]).status == 200


def test_a_link_out_of_the_folder_is_not_followed(tmp_path, clip):
    with Server(tmp_path) as server:
        server.add_video("p", "c", clip("two_frames").path)
        server.run(["p/c"])
        secret = tmp_path / "secret.png"
        secret.write_bytes(b"secret")
        os.symlink(secret, server.out / "frames/p/c/77_0.00.png")
        assert server.get("/frames/p/c/77_0.00.png").status == 404


def test_descriptors_and_children_come_back(server, frames):
    def held():
        return harness.open_descriptors(server.pid)
    for f in frames:
        server.get(f["url"] + "?width=64")
    before = held()
    for width in range(65, 85):
        assert server.get(f"{frames[0]['url']}?width={width}").status == 200
    harness.wait_until(lambda: held() <= before, 10, "descriptors to come back")
    assert not harness.children_of(server.pid)


@pytest.mark.parametrize("kind, media, suffix", [("jpeg", "image/jpeg", "jpg"),
                                                 ("webp", "image/webp", "webp")])
def test_other_formats(tmp_path, clip, kind, media, suffix):
    with Server(tmp_path, env={"VP_FRAME_FORMAT": kind}) as server:
        server.add_video("p", "c", clip("two_frames").path)
        server.run(["p/c"])
        frame = server.frames("p/c")[0]
        assert frame["file"].endswith("." + suffix)
        assert server.get(frame["url"]).headers["Content-Type"] == media
        assert server.get(frame["thumbnail"]).headers["Content-Type"] == "image/jpeg"
