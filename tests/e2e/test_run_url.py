"""`oriane run http://…` from a server on loopback: by ranges or as a whole, guarded, named, done once."""

import hashlib
import http.server
import re
import threading
from pathlib import Path

import pytest

ALLOWED = {"URL_ALLOW_PRIVATE": "127.0.0.1/32"}


class Files:
    """A server of one file under any path; seen: (path, Range) of each request."""

    def __init__(self, data, has_ranges=True):
        outer = self
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.seen.append((self.path, self.headers.get("Range")))
                if self.path.startswith("/none"):
                    self.answer(404, b"")
                    return
                wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
                if wanted and has_ranges:
                    first = int(wanted.group(1))
                    last = min(int(wanted.group(2) or len(data) - 1), len(data) - 1)
                    self.answer(206, data[first:last + 1],
                                {"Content-Range": f"bytes {first}-{last}/{len(data)}"})
                else:
                    self.answer(200, data)

            def answer(self, status, body, headers=()):
                self.send_response(status)
                for name, value in dict(headers).items():
                    self.send_header(name, value)
                self.send_header("ETag", '"one"')
                self.send_header("Last-Modified", "Wed, 01 Jan 2020 00:00:00 GMT")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.mark.parametrize("has_ranges", [True, False])
def test_a_url_is_a_video(oriane, clip, has_ranges):
    with Files(Path(clip("cuts").path).read_bytes(), has_ranges) as files:
        url = f"{files.url}/a%20b/clip%20one.mp4?signature=x/y.z"
        result = oriane.run(url, clip("one_frame").path, settings=ALLOWED)
        assert result.code == 0 and result.err == "", result
        row = next(r for r in result.lines if r["source"] == url)
        digest = hashlib.sha1(url.encode()).hexdigest()[:8]
        assert (row["platform"], row["code"]) == ("local", f"clip_one-{digest}")
        assert any(wanted for _, wanted in files.seen)
        local = oriane.run(clip("cuts").path, out="local").one
        assert [f["dhash"] for f in row["frames"]] == [f["dhash"] for f in local["frames"]]
        # No input in S3: what comes of it stays here.
        assert (oriane.folder / "out" / "frames" / row["frames"][0]["path"]).exists()
        again = oriane.run(url, settings=ALLOWED)
        assert again.code == 0 and again.one["skipped"], again


def test_what_the_guard_refuses(oriane):
    with Files(b"no video") as files:
        refused = {files.url + "/a.mp4": {}, files.url + "/b.mp4": {"URL_ALLOW_PRIVATE": "10.0.0.0/8"},
                   "https://127.0.0.1/a.mp4": {}, "https://user:pw@127.0.0.1/a.mp4": ALLOWED,
                   "http://": ALLOWED, "https://[::1]:1/a.mp4": ALLOWED}
        for url, settings in refused.items():
            result = oriane.run(url, settings=settings)
            assert result.code == 1 and result.one["error"]["code"] == "url_refused", (url, result)
            assert result.err.count("\n") == 1 and "[url_refused]" in result.err
        local = oriane.run(files.url + "/a.mp4", settings={**ALLOWED, "LOCAL_MODE": 1})
        assert local.code == 2 and "LOCAL_MODE=1 forbids http://" in local.err, local
        assert files.seen == []


def test_what_is_not_there_or_no_video(oriane, clip):
    with Files(b"no video" * 1000) as files:
        result = oriane.run(files.url + "/none.mp4", files.url + "/x.mp4", files.url + "/x.mp4",
                            clip("one_frame").path, settings=ALLOWED)
        codes = {r["source"]: r["error"] and r["error"]["code"] for r in result.lines}
        assert codes == {files.url + "/none.mp4": "not_found", files.url + "/x.mp4": "not_media",
                         str(clip("one_frame").path): None}
        assert result.code == 1 and len(result.lines) == 3
    assert not [p for p in (oriane.folder / "out" / "tmp").rglob("*") if p.is_file()]
