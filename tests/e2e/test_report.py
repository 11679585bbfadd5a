"""The report page: it says what the JSON says, needs nothing from elsewhere, and a name cannot get out of it."""

import base64
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import harness
from browser import Browser

VOID = {"meta", "img", "br"}  # those of SVG close themselves


class Page(HTMLParser):
    """Elements in order as (tag, attributes, path of open tags); complains of what is not closed."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.text, self.elements, self.open = path.read_text(encoding="utf-8"), [], []
        self.words = []
        self.feed(self.text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        assert len(attributes) == len(dict(attributes)), (tag, attributes)
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.open)

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    def all(self, tag, css=None):
        return [a for t, a in self.elements if t == tag and (css is None or css in a.get("class", "").split())]

    @property
    def said(self):
        return " ".join(" ".join(self.words).split())


def report(oriane, video, *flags, **settings):
    result = oriane.run("--report", *flags, video, settings=settings)
    assert result.code == 0, result
    line = result.one
    path = oriane.folder / line["report"]
    assert path == oriane.folder / f"out/reports/{line['platform']}/{line['code']}.html"
    return line, Page(path)


def jpeg(uri):
    assert uri.startswith("data:image/jpeg;base64,")
    with Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1], validate=True))) as image:
        image.load()
        assert image.format == "JPEG" and max(image.size) <= 320
        return image.convert("RGB")


def time_text(seconds):
    hundredths = int(seconds * 100 + 0.5 + 1e-6)
    return f"{hundredths // 6000}:{hundredths // 100 % 60:02}.{hundredths % 100:02}"


@pytest.mark.parametrize("name", ["cuts", "returning", "letterbox", "fades_black", "rotated_90", "anamorphic", "one_frame"])
def test_the_page_says_what_the_json_says(oriane, clip, name):
    line, page = report(oriane, clip(name).path)
    assert [a["id"] for a in page.all("section", "scene")] == \
        [f"scene-{i}" for i in range(1, len(line["scenes"]) + 1)]
    assert [a["id"] for a in page.all("article", "frame")] == [f"frame-{f['n']}" for f in line["frames"]]
    for frame in line["frames"]:
        assert f"frame {frame['n']}, {frame['width']} × {frame['height']}" in page.said
    for scene in line["scenes"]:
        assert f"{time_text(scene['start'])} – {time_text(scene['end'])}" in page.said
    assert len(page.all("line", "cut")) == len(line["scenes"]) - 1
    repeats = [s["duplicate_of"] for s in line["scenes"] if "duplicate_of" in s]
    assert [a["href"] for a in page.all("a") if a["href"].startswith("#scene")] == [f"#scene-{n}" for n in repeats]
    for number, scene in enumerate(line["scenes"], 1):
        assert ("duplicate_of" in scene) <= (f"scene {number}, dropped" in page.said)
    assert time_text(line["duration"]) in page.said
    assert page.all("path", "score")[0]["d"].count("L") > 1 or name == "one_frame"


def test_pictures_are_those_that_were_kept(oriane, clip):
    line, page = report(oriane, clip("cuts").path)
    pictures = [jpeg(a["src"]) for a in page.all("img") if a["alt"].startswith("frame")]
    assert len(pictures) == len(line["frames"]) > 3
    for frame, small in zip(line["frames"], pictures):
        with Image.open(oriane.folder / "out/frames" / frame["path"]) as still:
            same = np.asarray(still.convert("RGB").resize(small.size, Image.BICUBIC)).astype(int)
        assert np.abs(same - np.asarray(small)).mean() < 8


def test_what_was_dropped_stands_beside_what_shows_it(oriane, clip):
    line, page = report(oriane, clip("returning").path)
    assert [s.get("duplicate_of") for s in line["scenes"]] == [None, None, 1]
    pairs = page.all("article", "pair")
    assert pairs and "of 64 bits of their hashes differ" in page.said
    pictures = [jpeg(a["src"]) for a in page.all("img") if not a["alt"].startswith("frame")]
    assert len(pictures) == 2 * len(pairs)
    for dropped, kept in zip(pictures[::2], pictures[1::2]):
        assert np.abs(np.asarray(dropped).astype(int) - np.asarray(kept)).mean() < 25
    nothing, page = report(oriane, clip("returning").path, "--no-enable-dedup")
    assert not page.all("article", "pair") and "VP_ENABLE_DEDUP=0" in page.said


def test_the_crop_is_drawn_over_a_whole_frame(oriane, clip):
    line, page = report(oriane, clip("letterbox").path)
    crop = line["crop"]
    box = page.all("rect", "box")[0]
    assert {k: int(box[k]) for k in ("x", "y", "width", "height")} == \
        {"x": crop["x"], "y": crop["y"], "width": crop["w"], "height": crop["h"]}
    whole = jpeg(page.all("image")[0]["href"])
    assert whole.width / whole.height == pytest.approx(line["width"] / line["height"], rel=0.02)
    assert np.asarray(whole)[:8].mean() < 20  # the bar is there
    kept = jpeg([a["src"] for a in page.all("img")][0])
    assert kept.width / kept.height == pytest.approx(crop["w"] / crop["h"], rel=0.02)
    _, page = report(oriane, clip("cuts").path)
    assert not page.all("image") and "No border was found" in page.said


def test_boxes_that_change_are_a_timeline(oriane, clip):
    """Two shots without bars, then two with: a stretch each."""
    video = oriane.folder / "mixed.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-i", clip("cuts").path, "-vf",
                    "drawbox=enable='gte(t,5.99)':h=28:w=iw:color=black:t=fill,"
                    "drawbox=enable='gte(t,5.99)':y=ih-28:h=28:w=iw:color=black:t=fill", video], check=True)
    line, page = report(oriane, video)
    boxes = [s.get("crop", line["crop"]) for s in line["scenes"]]
    stretches = [a["data-box"] for a in page.all("div", "stretch")]
    assert len({json.dumps(b) for b in boxes}) > 1 and len(stretches) == 2, (boxes, stretches)
    assert stretches[0] == "320x180+0+0" and stretches[1] != stretches[0]
    assert "differs by scene" in page.said


@pytest.mark.parametrize("name", ["<script>alert(1)<!--.mp4", "\"'&amp; onload=x><svg>.mp4", "‮fdp.tiderc.mp4"])
def test_a_hostile_name_stays_a_name(oriane, clip, name):
    video = oriane.folder / name
    shutil.copy(clip("cuts").path, video)
    _, page = report(oriane, video)
    assert not page.all("script") and name in page.words
    plain = Page(oriane.folder / report(oriane, clip("cuts").path)[0]["report"])
    assert [t for t, _ in page.elements] == [t for t, _ in plain.elements]
    assert not [k for _, a in page.elements for k in a if k.startswith("on")]


def test_nothing_comes_from_elsewhere(oriane, clip):
    _, page = report(oriane, clip("letterbox").path)
    policy = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
                      "form-action 'none'"]
    for tag, attributes in page.elements:
        assert tag not in ("script", "link", "iframe", "object", "base", "form")
        for key in ("src", "href"):
            assert attributes.get(key, "#").startswith(("#", "data:image/jpeg;base64,"))
    assert not re.search(r"url\(|@import|https?:|//[a-z]", re.sub(r"base64,[A-Za-z0-9+/=]*", "", page.text))


def test_a_report_changes_nothing_of_the_result(oriane, clip):
    for name in ("returning", "letterbox"):
        plain = oriane.run(clip(name).path, out="plain")
        told = oriane.run("--report", "--scores", "scores/", clip(name).path, out="told")
        assert plain.code == told.code == 0
    assert harness.tree(oriane.folder / "plain/frames") == harness.tree(oriane.folder / "told/frames")


def test_a_video_that_was_done_gets_its_page(oriane, clip):
    assert "report" not in oriane.run(clip("cuts").path).one
    line, page = report(oriane, clip("cuts").path)
    assert not line["skipped"] and len(page.all("article", "frame")) == len(line["frames"])


def test_people_are_told_where_the_page_lies(oriane, clip):
    one = oriane("run", "--report", "--out", "out", clip("cuts").path)
    pages = list((oriane.folder / "out/reports/local").iterdir())
    assert one.code == 0 and f"report: out/reports/local/{pages[0].name}" in one.out, one
    two = oriane("run", "--report", "--reports-dir", "pages", clip("cuts").path, clip("vfr").path)
    assert "2 reports: pages" in two.out and len(list((oriane.folder / "pages/local").iterdir())) == 2, two


def test_a_page_that_cannot_be_written_leaves_the_result(oriane, clip):
    (oriane.folder / "file").write_text("")
    result = oriane.run("--report", "--reports-dir", "file", clip("cuts").path)
    assert result.code == 1 and result.one["status"] == "success" and "no report page" in result.err, result
    assert "report" not in result.one
    assert oriane.run(clip("cuts").path).one["skipped"]


def test_a_failed_video_has_no_page(oriane, clip):
    result = oriane.run("--report", clip("garbage").path)
    assert result.code == 1 and not (oriane.folder / "out/reports").exists()


def test_frames_held_for_the_page_have_a_limit(oriane):
    """Scenes that return, in pictures of 12 MiB: of all but 5 the page has times alone."""
    video = oriane.folder / "large.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=4096x2048:r=4:d=1", "-f", "lavfi", "-i",
                    "mandelbrot=s=4096x2048:r=4", "-filter_complex",
                    "[1]trim=duration=1[m];[0]loop=loop=-1:size=1,trim=duration=1[a];[m]loop=loop=-1:size=1,"
                    "trim=duration=1[b];[a]split=7[a0][a1][a2][a3][a4][a5][a6];[b]split=7[b0][b1][b2][b3][b4][b5][b6];"
                    + "".join(f"[a{i}][b{i}]" for i in range(7)) + "concat=n=14", "-c:v", "libx264", "-preset",
                    "ultrafast", "-pix_fmt", "yuv420p", video], check=True)
    line, page = report(oriane, video, "--min-frames", "0", "--frame-format", "jpeg")
    returns = [n for n, s in enumerate(line["scenes"], 1) if "duplicate_of" in s]
    shown = [n for n in returns if f"scene {n}, dropped" in page.said]
    most = 67108864 // (4096 * 2048 * 3 // 2)
    assert len(returns) > most and shown == returns[:most], (returns, shown)


@pytest.mark.parametrize("width, is_dark", [(360, True), (1280, False)])
def test_a_browser_shows_it(oriane, clip, width, is_dark):
    line, page = report(oriane, clip("returning").path)
    path = (oriane.folder / line["report"]).resolve()
    with Browser(f"file://{path.parent}", width=width, height=800, is_dark=is_dark) as browser:
        browser.open(f"/{path.name}")
        assert browser.scroll_width() <= width
        assert not browser.strangers() and not browser.complaints()
        widths = browser.script("return [...document.images].map(i => [i.naturalWidth, i.clientWidth])")
        assert len(widths) == len(page.all("img")) and all(n > 0 and c > 60 for n, c in widths)
        colours = browser.script("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]")
        back, ink = (sum(map(int, re.findall(r"\d+", c)[:3])) for c in colours)
        assert (back < ink) == is_dark
