"""The reference page /api/docs: everything the server describes, and nothing from anywhere else."""

import pytest

from browser import Browser
from server import KEY, Server

METHODS = ("get", "post", "put", "patch", "delete")


def operations(document):
    return [(method, path, operation) for path, entry in document["paths"].items()
            for method, operation in entry.items() if method in METHODS]


@pytest.fixture(scope="module")
def page(server):
    with Browser(server.url) as browser:
        browser.open("/api/docs")
        browser.one(".operation")
        yield browser


def test_every_operation_is_there(server, page):
    document = server.json("/api/openapi.json", key=False)
    shown = page.script("""return [...document.querySelectorAll('.operation > summary')].map((e) =>
        [e.querySelector('.method').innerText.toLowerCase(), e.querySelector('.path').innerText])""")
    expected = [[method, path] for method, path, _ in operations(document)]
    assert sorted(shown) == sorted(expected) and len(shown) > 20
    linked = page.script("return [...document.querySelectorAll('.contents a')].map((a) => a.hash.slice(1))")
    assert sorted(linked) == sorted(o["operationId"] for _, _, o in operations(document))
    assert document["info"]["title"] in page.text("h1")


def test_each_opens_with_its_parts(server, page):
    document = server.json("/api/openapi.json", key=False)
    for method, path, operation in operations(document):
        card = f"#{operation['operationId']}"
        page.script("document.querySelector(arguments[0]).open = true", card)
        page.wait(lambda card=card: page.all(card + " .curl"), f"the inside of {path}")
        text = page.text(card)
        for name in path.split("{")[1:]:
            assert name.split("}")[0] in text, path
        for code in operation["responses"]:
            assert code in text, (path, code)
        curl = page.script("return document.querySelector(arguments[0]).textContent", card + " .curl")
        assert curl.startswith("curl ") and server.url in curl
        is_keyed = "X-API-Key" in curl
        assert is_keyed == any("key" in rule for rule in operation.get("security", [])), path
        if method == "delete":
            assert "-X DELETE" in curl


def test_links_to_schemas_lead_somewhere(page):
    dead = page.script("""return [...document.querySelectorAll('a[href^="#"]')]
        .filter((a) => a.className !== 'skip' && !document.getElementById(a.hash.slice(1))).map((a) => a.hash)""")
    assert dead == []


def test_an_address_opens_its_operation(server):
    with Browser(server.url) as browser:
        browser.open("/api/docs#list_jobs")
        browser.wait(lambda: browser.all("#list_jobs[open] .curl"), "the operation to open")


def test_try_it(server, page):
    page.type(".key input", KEY)
    page.script("document.querySelector('#list_jobs').open = true")
    page.type("#list_jobs input[name=page_size]", "7")
    assert "page_size=7" in page.text("#list_jobs .curl")
    page.one("#list_jobs form button").click()
    page.wait_text("#list_jobs .try", '"page_size": 7')
    assert "200" in page.text("#list_jobs .line")
    page.type("#list_jobs input[name=page_size]", "101")
    page.one("#list_jobs form button").click()
    page.wait_text("#list_jobs .try", "page_size")
    page.wait_text("#list_jobs .line", "422")


def test_the_example_body_is_taken(server, page):
    """What the page offers to be sent is what the server takes."""
    page.script("document.querySelector('#process').open = true")
    page.type(".key input", KEY)
    page.one("#process form button").click()
    page.wait_text("#process .line", "202")
    assert "jobId" in page.text("#process .try")


def test_a_stranger_gets_a_401_in_words(page):
    page.type(".key input", "wrong")
    page.script("document.querySelector('#config').open = true")
    page.one("#config form button").click()
    page.wait_text("#config .line", "401")


def test_nothing_from_elsewhere(page):
    assert page.strangers() == []
    assert page.complaints(expected=(401, 422)) == []


@pytest.mark.parametrize("is_dark", [False, True])
def test_a_phone(server, is_dark):
    with Browser(server.url, width=360, height=740, is_dark=is_dark) as browser:
        browser.open("/api/docs#add_job")
        browser.wait(lambda: browser.all("#add_job[open] .curl"), "the operation to open")
        browser.script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        browser.wait(lambda: len(browser.all(".curl")) > 20, "all of them")
        assert browser.scroll_width() <= 360


def test_files_and_password(tmp_path):
    with Server(tmp_path, env={"API_USERNAME": "reader", "API_PASSWORD": "p\u00e4ss"}) as server:
        for path in ("/api/docs", "/api/docs/", "/api/docs/docs.js", "/api/openapi.json"):
            answer = server.get(path, key=False)
            assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Basic "), path
        import base64
        right = {"Authorization": "Basic " + base64.b64encode("reader:p\u00e4ss".encode()).decode()}
        for path, kind in (("/api/docs", "text/html"), ("/api/docs/docs.js", "text/javascript"), ("/api/docs/docs.css", "text/css")):
            answer = server.get(path, key=False, headers=right)
            assert answer.status == 200 and answer.headers["Content-Type"].startswith(kind), path
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert server.get("/api/docs/none.js", key=False, headers=right).status == 404
