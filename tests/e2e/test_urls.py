"""Videos behind http and https URLs: a web server of this machine, good, bad and worse."""

import json
import os
import re
import time

import pytest

import harness
from server import Server
from video_server import Videos

ALLOWED = {"URL_ALLOW_PRIVATE": "127.0.0.1/32", "LOG_LEVEL": "debug"}


@pytest.fixture
def web():
    with Videos() as running:
        yield running


def spread(video, gap=3 << 20):
    """The same film with a gap before its index, so that it takes more than one piece to read."""
    at = video.rindex(b"moov") - 4
    return video[:at] + (gap + 8).to_bytes(4, "big") + b"free" + bytes(gap) + video[at:]


@pytest.fixture
def film(tmp_path, clip):
    """A file of some megabytes."""
    path = tmp_path / "film.mp4"
    path.write_bytes(spread(clip("cuts").path.read_bytes()))
    return path


def item(url, code="v"):
    return {"platform": "p", "code": code, "url": url}


def error_of(job):
    assert job["status"] == "failed", job
    return job["items"][0]["error"]


def pictures(server, name):
    folder = server.out / "frames" / name
    return {k: v for k, v in harness.tree(folder).items() if not k.endswith("manifest.json")}


def manifest(server, name):
    return json.loads((server.out / "frames" / name / "manifest.json").read_text())


def left_in_tmp(server):
    return [p for p in (server.out / "tmp").rglob("*") if p.is_file()]


# --- what goes well -------------------------------------------------------------------------------


def test_the_same_frames_as_of_a_file(tmp_path, web, film):
    video = film.read_bytes()
    url = web.add("/a b/film \u00e9.mp4", video).replace(" ", "%20").replace("\u00e9", "%c3%a9")
    with Server(tmp_path, env={**ALLOWED, "LOG_LEVEL": "trace"}) as server:
        server.add_video("p", "local", film)
        job = server.run(["p/local", item(url + "?signature=s3cret")])
        assert job["status"] == "completed" and job["counts"]["success"] == 2, job
        expected = pictures(server, "p/local")
        assert len(expected) > 3 and pictures(server, "p/v") == expected
        source = manifest(server, "p/v")["source"]
        assert source["name"] == "film \u00e9.mp4" and source["bytes"] == len(video)
        assert not left_in_tmp(server)
        assert "net.curl" in server.log_text() and "s3cret" not in server.log_text()
        assert "s3cret" not in json.dumps(manifest(server, "p/v"))
        fetched = server.wait_event("medium.fetched")
        assert fetched["of"] == len(video) and fetched["bytes"] <= 1 << 20  # not the gap
        assert len(web.requests) > 1
        assert f"oriane_fetched_bytes_total {fetched['bytes']}" in server.get("/metrics").text
        for request in web.requests:
            assert request.headers["Accept-Encoding"] == "identity"
            assert not {"Authorization", "Cookie", "Referer"} & set(request.headers)


def test_the_same_file_again_is_no_work(tmp_path, web, clip, film):
    url = web.add("/film.mp4", film.read_bytes())
    with Server(tmp_path, env=ALLOWED) as server:
        server.run([item(url)])
        first = web.sent
        server.run([item(url)])
        server.wait_event("item.done", skipped=True)
        assert web.sent - first <= 1 << 19  # its two ends
        before = pictures(server, "p/v")
        web.add("/film.mp4", clip("dissolves").path.read_bytes())
        assert server.run([item(url)])["status"] == "completed"
        assert pictures(server, "p/v") != before


@pytest.mark.parametrize("kind", [{"has_ranges": False}, {"has_ranges": False, "has_length": False},
                                  {"ETag": None}, {"ETag": None, "Last_Modified": None},
                                  {"ETag": 'W/"weak"'}], ids=str)
def test_servers_of_every_kind(tmp_path, web, film, kind):
    url = web.add("/film.mp4", film.read_bytes(), **kind)
    with Server(tmp_path, env=ALLOWED) as server:
        server.add_video("p", "local", film)
        job = server.run(["p/local", item(url)])
        assert job["counts"]["success"] == 2, job
        assert pictures(server, "p/v") == pictures(server, "p/local")
        again = server.run([item(url)])
        assert again["status"] == "completed"
        server.wait_event("item.done", skipped=True)
        assert not left_in_tmp(server)


@pytest.mark.parametrize("has_ranges", [True, False])
def test_a_server_that_breaks_off_goes_on(tmp_path, web, film, has_ranges):
    """One attempt is enough, however often the connection ends."""
    url = web.add("/film.mp4", film.read_bytes(), has_ranges=has_ranges)
    breaks = []

    def break_off(request):
        if len(breaks) < 4:
            breaks.append(request.headers.get("Range"))
            return web.serve(request, web.files["/film.mp4"], stop=20000)
        return None
    web.hooks.append(break_off)
    with Server(tmp_path, env={**ALLOWED, "JOB_MAX_ATTEMPTS": 1}) as server:
        server.add_video("p", "local", film)
        job = server.run(["p/local", item(url)])
        assert job["counts"]["success"] == 2, job
        assert pictures(server, "p/v") == pictures(server, "p/local")
    assert len(breaks) == 4


def test_a_server_that_is_overloaded_for_a_moment(tmp_path, web, clip):
    url = web.add("/film.mp4", clip("cuts").path.read_bytes())
    codes = [503, 429]
    web.hooks.append(lambda request: request.say(codes.pop(), Retry_After=0) if codes else None)
    with Server(tmp_path, env={**ALLOWED, "JOB_MAX_ATTEMPTS": 1}) as server:
        assert server.run([item(url)])["status"] == "completed"


# --- redirects ------------------------------------------------------------------------------------


def test_redirects_are_followed_and_nothing_goes_along(tmp_path, web, clip):
    with Videos() as cdn:
        there = cdn.add("/store/film.mp4", clip("cuts").path.read_bytes())
        steps = {"/one": (301, "/two?x=1"), "/two": (302, f"{web.url}/three"), "/three": (307, there)}

        def redirect(request):
            code, location = steps[request.bare_path]
            return request.say(code, Location=location, Set_Cookie="a=b")
        web.hooks.append(redirect)
        with Server(tmp_path, env=ALLOWED) as server:
            assert server.run([item(web.url + "/one")])["status"] == "completed"
            assert manifest(server, "p/v")["source"]["name"] == "one"
        assert len(web.requests) == 3  # once, not for each piece
        for request in web.requests + cdn.requests:
            assert not {"Authorization", "Cookie", "Referer"} & set(request.headers)


def test_redirects_to_where_no_packet_may_go(tmp_path, web):
    """Refused by what they say: nothing is asked twice, and nobody is connected to."""
    places = ["http://169.254.169.254/latest/meta-data/", "https://169.254.169.254/",
              "http://2852039166/", "http://0xa9.0xfe.43518/", "http://[::ffff:169.254.169.254]/",
              "https://[fd00:ec2::254]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[2002:a9fe:a9fe::]/",
              "https://10.0.0.1/", "https://127.0.0.2/", "https://0.0.0.0/", "http://8.8.8.8/",
              "https://u:p@127.0.0.1/", "file:///etc/passwd", "ftp://127.0.0.1/", "dict://127.0.0.1/",
              "https://168.63.129.16/", "https://100.100.100.200/", "https://[fe80::1]/",
              "https://[fe80::1%25lo]/", "//[::1]/"]
    web.hooks.append(lambda request: request.say(
        302, Location=places[int(request.bare_path[1:])]))
    with Server(tmp_path, env=ALLOWED) as server:
        job = server.run([item(f"{web.url}/{i}", f"v{i}") for i in range(len(places))])
        assert job["status"] == "failed", job
        found = {i["code"]: i["error"] for i in job["items"]}
        assert len(found) == len(places), found
        for i, place in enumerate(places):
            error = found[f"v{i}"]
            assert (error["code"], error["retryable"]) == ("url_refused", False), (place, error)
            assert error["attempts"] == 1 and error["stage"] == "open"
        assert "URL_ALLOW_PRIVATE" in found["v0"]["message"]
    assert len(web.requests) == len(places)


def test_a_loop_of_redirects_ends(tmp_path, web):
    web.hooks.append(lambda request: request.say(302, Location=request.path))
    with Server(tmp_path, env=ALLOWED) as server:
        error = error_of(server.run([item(web.url + "/round")]))
        assert error["code"] == "url_refused" and "more than 5 times" in error["message"]
    assert len(web.requests) == 6


# --- what is refused ------------------------------------------------------------------------------

FORBIDDEN = ["http://127.0.0.1/v.mp4", "https://127.0.0.1/v.mp4", "https://127.1/v", "https://2130706433/v",
             "https://0x7f.1/v", "https://0177.0.0.1/v", "https://0/v", "https://[::1]/v",
             "https://[::ffff:127.0.0.1]/v", "https://[::ffff:7f00:1]/v", "https://10.1.2.3/v",
             "https://172.16.0.1/v", "https://192.168.1.1/v", "https://100.64.0.1/v",
             "https://169.254.169.254/latest/meta-data/", "https://2852039166/v",
             "https://168.63.129.16/v", "https://[fd00:ec2::254]/v", "https://[fe80::1]/v",
             "https://[fe80::1%25eth0]/v", "https://[64:ff9b::7f00:1]/v", "https://[2002:7f00:1::]/v",
             "https://[::]/v", "https://224.0.0.1/v", "https://user:pw@example.org/v",
             "https://example.org:0/v", "https://example.org:65536/v", "https:///v", "https://",
             "http://example.org/v.mp4", "ftp://example.org/v", "file:///etc/passwd", "data:,x//y",
             "https://exa mple.org/v", "https://example.org\\@127.0.0.1/v"]


def test_forbidden_urls_are_refused_when_they_are_posted(tmp_path):
    with Server(tmp_path, env={"CLIP_MODEL": "openai/none"}) as server:
        for url in FORBIDDEN:
            answer = server.post("/process", {"items": [item(url)]})
            assert answer.status == 422, (url, answer)
            assert [e["loc"] for e in answer.json["errors"]] == ["body.items.0.url"], (url, answer)
            assert "pw" not in answer.json["detail"]
        answer = server.post("/process", {"items": [item("http://example.org/v.mp4")]})
        assert "URL_ALLOW_PRIVATE" in answer.json["detail"]


def test_a_name_is_judged_by_the_address_it_leads_to(tmp_path, web):
    """localhost by https: nothing to say against it until it is looked up."""
    port = web.server.server_address[1]
    with Server(tmp_path) as server:
        error = error_of(server.run([item(f"https://localhost:{port}/v.mp4")]))
        assert error["code"] == "url_refused" and "URL_ALLOW_PRIVATE" in error["message"]
        assert not error["retryable"]
    assert not web.requests


def test_plain_http_goes_to_listed_networks_alone(tmp_path, web, clip):
    url = web.add("/film.mp4", clip("cuts").path.read_bytes())
    with Server(tmp_path, env={"URL_ALLOW_PRIVATE": "127.0.0.2"}) as server:
        assert server.post("/process", {"items": [item(url)]}).status == 422
        error = error_of(server.run([item(url.replace("127.0.0.1", "localhost"))]))
        assert error["code"] == "url_refused" and "plain http" in error["message"]
    assert not web.requests


def test_local_mode_forbids_the_web(tmp_path, web, clip):
    url = web.add("/film.mp4", clip("cuts").path.read_bytes())
    with Server(tmp_path / "one", env=ALLOWED) as server:
        error = error_of(server.run([item(url)], local_mode=True))
        assert error["code"] == "unsupported_url" and "local" in error["message"]
        job = server.submit([item(url)])
        assert server.wait_job(job)["status"] == "completed"
    with Server(tmp_path / "two", env={**ALLOWED, "LOCAL_MODE": 1}) as server:
        before = len(web.requests)
        answer = server.post("/process", {"items": [item(url)]})
        assert answer.status == 422 and "local mode" in answer.json["detail"], answer
        assert len(web.requests) == before


# --- what cannot be read --------------------------------------------------------------------------


def test_a_file_that_is_no_video_costs_kilobytes(tmp_path, web):
    noise = os.urandom(1 << 20) * 40
    urls = {"noise": web.add("/noise.mp4", noise, Content_Type="video/mp4"),
            "page": web.add("/page.mp4", b"<!doctype html><title>Sign in</title>" * 100),
            "empty": web.add("/empty.mp4", b"")}
    with Server(tmp_path, env=ALLOWED) as server:
        error = error_of(server.run([item(urls["noise"])]))
        assert error["code"] == "not_media" and not error["retryable"]
        fetched = server.wait_event("medium.fetched")
        assert fetched["of"] == len(noise) and fetched["bytes"] < 2 << 20, fetched
        assert web.sent < 2 << 20, web.sent
        assert error_of(server.run([item(urls["page"])]))["code"] == "not_media"
        assert error_of(server.run([item(urls["empty"])]))["code"] == "empty_file"
        assert not left_in_tmp(server)


@pytest.mark.parametrize("code, expected, retryable",
                         [(404, "not_found", False), (410, "not_found", False),
                          (401, "not_readable", False), (403, "not_readable", False),
                          (451, "not_readable", False), (503, "network_failed", True),
                          (429, "network_failed", True)])
def test_refusals_of_the_server(tmp_path, web, code, expected, retryable):
    web.hooks.append(lambda request: request.say(code, b"<html>no</html>", Retry_After=60))
    with Server(tmp_path, env={**ALLOWED, "JOB_MAX_ATTEMPTS": 1}) as server:
        error = error_of(server.run([item(web.url + "/film.mp4?token=s3cret")]))
        assert (error["code"], error["retryable"]) == (expected, retryable), error
        assert f"HTTP {code}" in error["message"] and "/film.mp4" in error["message"]
        assert "s3cret" not in error["message"]
    assert len(web.requests) == 1


def test_the_patience_a_server_asks_for(tmp_path, web):
    web.hooks.append(lambda request: request.say(429, Retry_After=100))
    with Server(tmp_path, env=ALLOWED) as server:
        job = server.submit([item(web.url + "/film.mp4")])
        server.wait_event("item.retry", error="network_failed")
        said = re.search(r"attempt 1 of 3, again in ([\d.]+) s", server.get(f"/jobs/{job}/logs").text)
        assert said and 90 < float(said[1]) <= 100, server.get(f"/jobs/{job}/logs").text
        server.post(f"/jobs/{job}/stop")
    assert len(web.requests) == 1


def test_nobody_there_and_no_tls(tmp_path, web):
    with Server(tmp_path, env={**ALLOWED, "JOB_MAX_ATTEMPTS": 1}) as server:
        for url in ("http://127.0.0.1:1/v.mp4", web.url.replace("http:", "https:") + "/v.mp4"):
            error = error_of(server.run([item(url)]))
            assert (error["code"], error["retryable"]) == ("network_failed", True), error


def test_encodings_that_nobody_asked_for(tmp_path, web, clip):
    url = web.add("/film.mp4", clip("cuts").path.read_bytes(), Content_Encoding="gzip")
    with Server(tmp_path, env=ALLOWED) as server:
        error = error_of(server.run([item(url)]))
        assert error["code"] == "unsupported_url" and "gzip" in error["message"]


def test_sizes_have_a_limit(tmp_path, web):
    data = os.urandom(3 << 20)
    urls = [web.add("/said.mp4", data), web.add("/whole.mp4", data, has_ranges=False),
            web.add("/chunks.mp4", data, has_ranges=False, has_length=False)]

    def endless(request):
        if request.bare_path != "/endless.mp4":
            return None
        request.say(200, b"", Content_Length=None, Transfer_Encoding="chunked")
        while True:  # until the other side has had enough: BrokenPipeError
            web.count(request, b"10000\r\n%s\r\n" % bytes(65536))
    web.hooks.append(endless)
    urls.append(web.url + "/endless.mp4")
    with Server(tmp_path, env={**ALLOWED, "VP_MAX_BYTES": 1 << 20}) as server:
        for url in urls:
            error = error_of(server.run([item(url)]))
            assert (error["code"], error["retryable"]) == ("limit_exceeded", False), (url, error)
            assert "VP_MAX_BYTES" in error["message"]
        assert not left_in_tmp(server)


def test_a_file_replaced_while_it_is_read(tmp_path, web, clip, film):
    """The first try ends with a word that says so; the next one has the new file, whole."""
    new = clip("dissolves").path.read_bytes()
    url = web.add("/film.mp4", film.read_bytes())

    def replace(request):
        if len(web.requests) == 2:
            web.add("/film.mp4", new)
        return None
    web.hooks.append(replace)
    with Server(tmp_path, env={**ALLOWED, "JOB_MAX_ATTEMPTS": 1}) as server:
        error = error_of(server.run([item(url)]))
        assert (error["code"], error["retryable"]) == ("source_changed", True), error
        server.add_video("p", "local", clip("dissolves").path)
        assert server.run(["p/local", item(url)])["counts"]["success"] == 2
        assert pictures(server, "p/v") == pictures(server, "p/local")


def test_lies_are_not_believed(tmp_path, web, film):
    """From the second piece on another one than was asked for."""
    data = film.read_bytes()
    url = web.add("/film.mp4", data)

    def lie(request):
        if len(web.requests) == 1:
            return None
        return web.send(request, 206, data[:1000], Content_Range=f"bytes 0-999/{len(data)}")
    web.hooks.append(lie)
    with Server(tmp_path, env={**ALLOWED, "JOB_MAX_ATTEMPTS": 1}) as server:
        error = error_of(server.run([item(url)]))
        assert error["code"] == "network_failed" and "another range" in error["message"], error
        assert error["retryable"]


def test_time_is_limited(tmp_path, web, clip):
    """A server that sends a little now and then: not longer than a video may take."""
    video = clip("cuts").path.read_bytes()
    stop = []

    def trickle(request):
        request.say(200, b"", Content_Length=len(video))
        while not stop:
            web.count(request, bytes(100))
            time.sleep(0.05)
        return True
    web.hooks.append(trickle)
    with Server(tmp_path, env={**ALLOWED, "JOB_MAX_ATTEMPTS": 1, "VP_ITEM_TIMEOUT": 1}) as server:
        began = time.monotonic()
        error = error_of(server.run([item(web.url + "/film.mp4")]))
        assert error["code"] == "timeout", error
        assert time.monotonic() - began < 30
        assert not left_in_tmp(server)
        # and what is stopped ends at once
        server.restart({"VP_ITEM_TIMEOUT": 600})
        before = len(web.requests)
        job = server.submit([item(web.url + "/film.mp4")])
        harness.wait_until(lambda: len(web.requests) > before, 30, "the fetch to begin")
        assert server.post(f"/jobs/{job}/stop").status == 200
        assert server.wait_job(job, timeout=20)["status"] == "stopped"
    stop.append(True)
