"""The console /ui/: what a person sees and does, through a real browser against the real server."""

import urllib.parse

import pytest

from browser import Browser
from server import KEY, Server

try:
    from selenium.webdriver.common.keys import Keys
except ImportError:
    Keys = None

PHONE = {"width": 360, "height": 740}
EVIL = "<img src=x onerror=\"document.title='owned'\">"


# --- the files, without a browser ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def library(tmp_path_factory, clip):
    """A server with two videos extracted, one that is broken and one that is not there."""
    with Server(tmp_path_factory.mktemp("ui"), env={"VP_MAX_WORKERS": 1}) as server:
        for code in ("cuts", "sources"):
            server.add_video("demo", code, clip(code).path)
        server.add_video("demo", "broken", clip("garbage").path)
        server.wait_ready()
        server.job = server.submit(["demo/cuts", "demo/sources", "demo/broken",
                                    {"platform": "demo", "code": "evil", "url": EVIL + ".mp4"}])
        assert server.wait_job(server.job)["status"] == "completed"
        yield server


@pytest.mark.parametrize("path,kind", [("/ui", "text/html"), ("/ui/", "text/html"), ("/ui/index.html", "text/html"),
                                       ("/ui/app.css", "text/css"), ("/ui/app.js", "text/javascript"),
                                       ("/ui/icon.svg", "image/svg+xml")])
def test_files(library, path, kind):
    answer = library.get(path, key=False)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith(kind), answer
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policies = answer.headers.get_all("Content-Security-Policy")
    assert len(policies) == 1 and "unsafe" not in policies[0], policies
    assert "default-src 'none'" in policies[0] and "frame-ancestors 'none'" in policies[0]
    tag = answer.headers["ETag"]
    again = library.get(path, key=False, headers={"If-None-Match": tag})
    assert again.status == 304 and again.body == b"" and again.headers["ETag"] == tag
    head = library.head(path, key=False)
    assert head.status == 200 and head.body == b""
    assert int(head.headers["Content-Length"]) == len(answer.body)


@pytest.mark.parametrize("path", ["/ui/none.js", "/ui/docs.js", "/ui/App.css", "/ui/a/b", "/ui/..%2f..%2fetc%2fpasswd"])
def test_no_such_file(library, path):
    answer = library.get(path, key=False)
    assert answer.status in (400, 404), answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["detail"]


def test_a_browser_is_sent_here(library):
    answer = library.get("/", key=False, headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.status == 302 and answer.headers["Location"] == "/ui/"


# --- through the browser ------------------------------------------------------------------------------


@pytest.fixture
def page(library):
    """A fresh browser that has the key; nothing may have gone wrong in it when the test ends."""
    with Browser(library.url) as browser:
        browser.open("/ui/").unlock(KEY)
        yield browser
        assert browser.complaints(expected=(401, 404, 422)) == []
        assert browser.strangers() == []


@pytest.fixture
def phone(library):
    with Browser(library.url, is_dark=True, **PHONE) as browser:
        yield browser.open("/ui/")


def test_the_key(library):
    with Browser(library.url) as browser:
        browser.open("/ui/")
        assert browser.one("#key").get_attribute("type") == "password"
        assert not browser.all("#nav")[0].is_displayed()
        browser.type("#key", "wrong").send_keys(Keys.ENTER)
        browser.wait_text("[role=alert]", "does not take this key")
        browser.type("#key", "k\u20acy").send_keys(Keys.ENTER)
        browser.wait_text("[role=alert]", "plain letters")
        browser.unlock(KEY)
        browser.wait_text("h1", "Jobs")
        assert browser.script("return sessionStorage.getItem('oriane-key')") == KEY
        assert browser.script("return localStorage.length + document.cookie.length") == 0
        browser.open("/ui/#/system")
        browser.wait_text("h1", "System")  # kept for this tab
        assert not any(KEY in url for url in browser.requests())
        browser.one("#ready summary").click()
        browser.one("#forget").click()
        browser.one("#key")
        assert browser.script("return sessionStorage.getItem('oriane-key')") is None
        assert browser.complaints(expected=(401,)) == []


def test_no_key_needed(tmp_path):
    with Server(tmp_path, key=None) as server, Browser(server.url) as browser:
        browser.open("/ui/")
        browser.wait_text("h1", "Jobs")
        browser.wait_text("main", "Nothing here yet")
        assert not browser.all("#key")
        assert browser.complaints() == []


def test_a_key_that_no_longer_fits(tmp_path):
    with Server(tmp_path) as server, Browser(server.url) as browser:
        browser.open("/ui/").unlock(KEY)
        browser.script("sessionStorage.setItem('oriane-key', 'old')")
        browser.open("/ui/?again")
        browser.wait_text("[role=alert]", "any more")


WATCH = """
    window.seen = []; window.shift = 0;
    const bar = document.querySelector('.job-top progress');
    const look = () => { if (seen[seen.length - 1] !== bar.value) seen.push(bar.value); };
    look();
    new MutationObserver(look).observe(bar, {attributes: true});
    new PerformanceObserver((list) => list.getEntries().forEach((e) => { shift += e.value; }))
        .observe({type: 'layout-shift'});"""


def test_a_job_from_the_form_to_the_end(tmp_path, clip):
    with Server(tmp_path, env={"VP_MAX_WORKERS": 1}) as server:
        codes = [server.add_video("demo", f"clip-{i}", clip("cuts").path).split("/")[1] for i in range(4)]
        server.wait_ready()
        with Browser(server.url) as page:
            page.open("/ui/").unlock(KEY)
            page.button("New job").click()
            page.type("[name=platform]", "demo")
            page.type("[name=videos]", "\n".join(codes) + "\n\n# not a video\n")
            page.wait_text("form", "4 videos")
            page.button("Start job").click()
            page.wait_text("h1", "Job ")
            page.wait(lambda: len(page.all(".item")) == 4, "four videos")
            page.script(WATCH)
            page.wait_text(".head .state", "Completed", timeout=120)
            page.wait(lambda: page.script("return seen[seen.length - 1]") == 100, "the bar's end")
            seen = page.script("return seen")
            assert seen == sorted(seen) and len(seen) >= 2, seen  # moved, and never back
            assert page.script("return shift") < 0.02  # nothing jumped while it did
            page.wait(lambda: all("frames" in e.text for e in page.all(".item")), "frames of each")
            page.wait(lambda: all(c in page.text(".log") for c in codes), "the log's lines")
            # spoken a moment after it is shown, so that a screen reader is not interrupted
            page.wait(lambda: page.text("#say").startswith("Job completed"), "the spoken word")
            page.open("/ui/#/jobs")
            page.wait_text(".job-row", "Completed")
            assert "100 %" in page.text(".job-row") and "4 videos" in page.text(".job-row")
            assert page.complaints(expected=(401,)) == []


def test_the_stream_comes_back(tmp_path, clip):
    """The server is killed under an open page: it says so, and goes on with the next server."""
    with Server(tmp_path, env={"VP_MAX_WORKERS": 1}) as server:
        items = [server.add_video("demo", f"clip-{i}", clip("cuts").path) for i in range(12)]
        server.wait_ready()
        job = server.submit(items)
        with Browser(server.url) as page:
            page.open("/ui/").unlock(KEY).open(f"/ui/#/jobs/{job}")
            page.wait_text(".live", "live")
            server.kill()
            page.wait_text(".live", "reconnecting")
            server.start()
            page.wait_text(".head .state", "Completed", timeout=180)
            assert "12 of 12 videos ended" in page.text(".job-top")


def test_stop_start_delete(tmp_path, clip):
    with Server(tmp_path, env={"VP_MAX_WORKERS": 1}) as server:
        items = [server.add_video("demo", f"clip-{i}", clip("cuts").path) for i in range(30)]
        server.wait_ready()
        job = server.submit(items)
        with Browser(server.url) as page:
            page.open("/ui/").unlock(KEY).open(f"/ui/#/jobs/{job}")
            page.button("Stop").click()
            page.wait_text("dialog", "Stop this job?")
            page.press(Keys.ESCAPE)  # no is the answer of Esc
            page.wait(lambda: not page.all("dialog"), "the question to go")
            assert server.status(job)["status"] == "running"
            page.button("Stop").click()
            page.button("Stop job").click()
            page.wait_text(".head .state", "Stopped")
            assert server.status(job)["status"] == "stopped"
            page.button("Run again").click()
            page.wait(lambda: page.text(".head .state") in ("Pending", "Running"), "the job to run")
            page.button("Delete").click()
            page.button("Delete job").click()
            page.wait_text("h1", "Jobs")
            assert server.get(f"/jobs/{job}").status == 404


def test_failures_are_explained(library, page):
    page.open(f"/ui/#/jobs/{library.job}")
    page.wait_text(".head .state", "Completed")
    page.button("Failed").click()
    page.wait(lambda: len(page.all(".item")) == 2, "the failed ones alone")
    broken = next(e.text for e in page.all(".item") if "demo/broken" in e.text)
    error = next(i["error"] for i in library.status(library.job)["items"] if i["code"] == "broken")
    assert error["code"] in broken and error["message"] in broken and f"stage {error['stage']}" in broken
    page.button("Failed ones again").click()
    page.wait_text("h1", "New job")
    assert "demo/broken\n" in page.one("[name=videos]").get_attribute("value")


def test_markup_stays_text(library, page):
    """In a video's address, in an error's message, in the page's own address, in a search."""

    def assert_harmless():
        assert not page.all("main img[src='x'], main script, main iframe")
        assert page.driver.title != "owned"

    page.open(f"/ui/#/jobs/{library.job}")
    page.wait_text("main", EVIL)
    assert_harmless()
    page.open("/ui/#/jobs/" + urllib.parse.quote(EVIL, safe=""))
    page.one("[role=alert]")
    assert_harmless()
    page.open("/ui/#/videos/" + urllib.parse.quote(EVIL, safe="") + "/x")
    page.wait_text("h1", EVIL)
    page.one("[role=alert]")
    assert_harmless()
    page.open("/ui/#/search?" + urllib.parse.urlencode({"q": EVIL, "platform": EVIL}))
    page.one("[role=alert]")
    assert page.one("#s-platform").get_attribute("value") == EVIL
    assert_harmless()
    page.open("/ui/#/new")
    page.type("[name=videos]", EVIL + "\n")
    page.button("Start job").click()
    page.wait_text("[role=alert]", "body.items.0")
    assert_harmless()


def test_wrong_form_is_told_field_by_field(page):
    page.open("/ui/#/new")
    page.type("[name=videos]", "good\n.bad\na/b/c\n")
    page.button("Start job").click()
    page.wait_text("[role=alert]", "body.items.1.code")
    assert "body.items.2.code" in page.text("[role=alert]") and "items.0" not in page.text("[role=alert]")
    page.type("[name=videos]", "")
    page.button("Start job").click()
    page.wait_text("[role=alert]", "Request must contain at least one video item")
    page.type("[name=videos]", '{"items": [')
    page.button("Start job").click()
    page.wait_text("[role=alert]", "This is no JSON")
    page.complaints(expected=(400, 401, 422))


def natural_widths(page, css):
    return page.script("return [...document.querySelectorAll(arguments[0])].map((i) => i.naturalWidth)", css)


def test_frames_of_a_video(library, page):
    frames = library.frames("demo/cuts")
    page.open("/ui/#/videos/demo/cuts")
    page.wait(lambda: len(page.all(".shot")) == len(frames), "a tile a frame")
    page.wait(lambda: all(natural_widths(page, ".shot img")), "the thumbnails")
    assert f"{len(frames)} frames" in page.text("main")
    assert "Scene 1" in page.text(".shot") and "0:0" in page.text(".shot")
    page.all(".shot > button")[0].click()
    page.wait(lambda: natural_widths(page, ".stage img") == [frames[0]["width"]], "the whole picture")
    for key, at in ((Keys.ARROW_RIGHT, 2), (Keys.END, len(frames)), (Keys.ARROW_RIGHT, len(frames)), (Keys.HOME, 1),
                    (Keys.ARROW_LEFT, 1)):
        page.press(key)
        page.wait_text("#viewer-title", f"{at} of {len(frames)}")
    page.press(Keys.ARROW_RIGHT)
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.all("dialog"), "the dialog to close")
    assert f"{frames[1]['second']:05.2f}" in page.focused()["text"]  # the one last seen has the focus
    assert page.requests() and not any("X-API-Key" in url or KEY in url for url in page.requests())


def test_a_video_that_is_not_there(page):
    page.open("/ui/#/videos/demo/none")
    page.one("[role=alert]")
    page.open("/ui/#/nowhere")
    page.wait_text("h1", "No such page")


def upload(page, path):
    page.open("/ui/#/search")
    page.wait_text("h1", "Search")
    page.all("input[type=file]")[0].send_keys(str(path))


def test_search_by_image(library, page):
    for frame in library.frames("demo/sources")[:3]:
        upload(page, library.out / "frames" / frame["path"])
        label = f"demo/sources, 0:{frame['second']:05.2f}: show large"
        page.wait(lambda label=label: page.all(f'.shot:first-child > button[aria-label="{label}"]'), f"{label} first")
        page.wait(lambda: natural_widths(page, ".shot img")[0], "its thumbnail")


def test_search_filters_and_groups(library, page):
    frame = library.frames("demo/cuts")[0]
    page.open("/ui/#/search")
    page.button("Filters").click()
    page.type("#s-video_code", "sources")
    page.all("input[type=file]")[0].send_keys(str(library.out / "frames" / frame["path"]))
    page.wait(lambda: page.all(".shot"), "hits")
    assert all("demo/sources" in e.text for e in page.all(".shot"))
    assert "video_code=sources" in page.script("return location.hash")
    page.type("#s-video_code", "")
    page.all("[name=group]")[0].click()
    page.one("form button[type=submit]").click()
    page.wait(lambda: len(page.all(".shot")) == 2, "one frame a video")
    assert "demo/cuts" in page.all(".shot")[0].text


def test_find_similar(library, page):
    frame = library.frames("demo/cuts")[1]
    page.open("/ui/#/videos/demo/cuts")
    page.wait(lambda: page.all(".shot"), "tiles")
    page.all(".shot > button")[1].click()
    page.button("Find similar").click()
    page.wait_text("h1", "Search")
    page.wait(lambda: len(page.all(".shot")) > 3, "hits")
    assert f"{frame['second']:05.2f}" in page.all(".shot > button")[0].get_attribute("aria-label")
    page.wait(lambda: natural_widths(page, ".drop img") and natural_widths(page, ".drop img")[0], "the frame asked by")


def test_words_without_a_text_encoder(page):
    page.open("/ui/#/search")
    page.type("#s-q", "a red car").send_keys(Keys.ENTER)
    page.wait_text("[role=alert]", "no text encoder")


def test_a_picture_that_is_none(library, page, clip):
    upload(page, clip("words").path)
    page.one("[role=alert]")
    assert page.text("[role=alert]").strip()


VIEWS = ["#/jobs", "#/jobs?status=failed", "#/jobs/{job}", "#/new", "#/videos/demo/cuts", "#/search", "#/system"]


@pytest.mark.parametrize("is_dark", [False, True])
def test_a_phone_never_scrolls_sideways(library, is_dark):
    with Browser(library.url, is_dark=is_dark, **PHONE) as browser:
        browser.open("/ui/")
        browser.one("#key")
        assert browser.scroll_width() <= 360
        browser.unlock(KEY)
        for view in VIEWS:
            browser.open("/ui/" + view.format(job=library.job))
            browser.one("h1")
            browser.wait(lambda: not browser.all("[aria-busy]"), f"{view} to be there")
            assert browser.scroll_width() <= 360, view
        browser.open("/ui/#/videos/demo/cuts")
        browser.wait(lambda: browser.all(".shot"), "tiles")
        browser.all(".shot > button")[0].click()
        browser.one(".viewer")
        box = browser.script("const b = document.querySelector('.viewer').getBoundingClientRect(); return [b.left, b.right]")
        assert box == [0, 360]
        for button in browser.all(".viewer button, .viewer a"):
            where = button.rect
            assert where["x"] >= 0 and where["x"] + where["width"] <= 360, button.text
        background = browser.script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, background[4:-1].split(","))) < 200) == is_dark


def test_keyboard_alone(library, page):
    """From the top of the page to a large picture and back, with Tab, Enter, arrows and Esc."""
    page.open("/ui/?anew#/jobs")
    page.one(".job-row")

    def walk(is_there, limit=60):
        for _ in range(limit):
            page.press(Keys.TAB)
            at = page.focused()
            assert at["isSeen"], at
            if is_there(at):
                return
        raise AssertionError("the focus never came there")

    page.press(Keys.TAB)
    assert page.focused()["text"] == "Skip to content"
    page.press(Keys.ENTER)
    walk(lambda at: (at["href"] or "").startswith(f"#/jobs/{library.job}"))
    page.press(Keys.ENTER)
    page.wait_text("h1", "Job ")
    page.wait(lambda: page.focused()["tag"] == "H1", "the focus on the new page's title")
    walk(lambda at: at["href"] == "#/videos/demo/cuts")
    page.press(Keys.ENTER)
    page.wait(lambda: page.all(".shot"), "tiles")
    walk(lambda at: "show large" in at["text"])
    page.press(Keys.ENTER)
    page.one(".viewer")
    page.press(Keys.ARROW_RIGHT)
    page.wait_text("#viewer-title", "2 of")
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.all("dialog"), "the dialog to close")
    assert "show large" in page.focused()["text"]


def test_controls_have_names(library, page):
    for view in VIEWS:
        page.open("/ui/" + view.format(job=library.job))
        page.one("h1")
        nameless = page.script("""
            return [...document.querySelectorAll('button, a, input:not([type=file]), select, textarea, summary, progress')]
                .filter((e) => e.checkVisibility() && !(e.innerText || '').trim() && !e.getAttribute('aria-label')
                        && !(e.labels && e.labels.length)).map((e) => e.outerHTML)""")
        assert nameless == [], view
        assert page.script("return document.querySelectorAll('h1').length") == 1
        assert page.script("return document.querySelectorAll('main').length") == 1


def test_readiness_at_the_top(library, page):
    page.wait_text("#ready", "Ready")
    page.one("#ready summary").click()
    page.wait_text("#checks", "Model: well")
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.script("return document.getElementById('ready').open"), "the panel to close")


def test_not_ready_says_why(tmp_path):
    with Server(tmp_path, env={"CLIP_MODEL": "openai/clip-vit-base-patch32"}) as server, Browser(server.url) as browser:
        browser.open("/ui/").unlock(KEY)
        browser.wait_text("#ready", "Not ready")
        browser.one("#ready summary").click()
        checks = server.get("/ready", key=False).json["checks"]
        assert checks["model"]["reason"]
        browser.wait_text("#checks", checks["model"]["reason"])


def test_system(library, page):
    page.open("/ui/#/system")
    page.wait_text("main", "builtin/visual-512")
    page.wait_text("main", "extract")
    page.button("Settings").click()
    page.wait_text("main", "max_videos_per_request")
    assert KEY not in page.text("main")


def test_pages_of_many_jobs(tmp_path):
    with Server(tmp_path) as server, Browser(server.url) as browser:
        server.wait_ready()
        jobs = [server.submit([f"none/job-{i}"]) for i in range(23)]
        for job in jobs:
            server.wait_job(job)
        browser.open("/ui/").unlock(KEY)
        browser.wait(lambda: len(browser.all(".job-row")) == 20, "the first page")
        assert "none/job-22" in browser.all(".job-row")[0].text
        browser.button("Older").click()
        browser.wait(lambda: len(browser.all(".job-row")) == 3, "the second page")
        assert "none/job-0" in browser.all(".job-row")[-1].text
        browser.button("Failed").click()
        browser.wait(lambda: len(browser.all(".job-row")) == 20, "the failed ones")
        browser.button("Completed").click()
        browser.wait_text("main", "No completed jobs")
