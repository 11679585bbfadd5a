"""A bucket of a real radosgw and a collection of a real Qdrant, as the program's settings and as a test
looks at them; and a proxy before either, which sees each request before it arrives and after it was
answered."""

import http.client
import http.server
import os
import threading

import harness
import qdrant
from test_s3 import Bucket


class Both:
    """One run's stores."""

    def __init__(self, gateway, points, s3_url=None, qdrant_url=None):
        self.bucket, self.points = Bucket(gateway), points
        self.collection = f"frames_{os.getpid()}_{Bucket.count}"
        self.s3_url, self.qdrant_url = s3_url, qdrant_url

    def settings(self, **more):
        usual = {"QDRANT_URL": self.qdrant_url or self.points.url, "QDRANT_KEY": qdrant.KEY,
                 "QDRANT_COLLECTION": self.collection}
        if self.s3_url:
            usual["AWS_ENDPOINT_URL"] = self.s3_url
        return self.bucket.settings(**{**usual, **more})

    def rows(self, **match):
        """Points with their vectors, clock fields left out, by id."""
        found = self.points.points(self.collection, with_vector=True, **match)
        return sorted((harness.without_clock({"id": p["id"], "payload": p["payload"],
                                              "vector": p["vector"]}) for p in found),
                      key=lambda p: p["id"])

    def effects(self):
        return self.bucket.tree(), self.rows()

    def post(self, path, body, method="POST"):
        return self.points.json(method, f"/collections/{self.collection}{path}?wait=true", body)

    def keys(self, prefix=""):
        return self.bucket.s3.keys(self.bucket.name, prefix)

    def get(self, key):
        return self.bucket.s3.get(self.bucket.name, key)[1]

    def put(self, key, data):
        self.bucket.s3.put(self.bucket.name, key, data)

    def delete(self, key):
        self.bucket.s3.request("DELETE", f"/{self.bucket.name}/{key}")


class Proxy:
    """watch(when, method, path, body): "before" a request is passed on, "after" its answer came. What it
    returns as True breaks the connection instead."""

    def __init__(self, port, watch=None):
        self.port, self.watch = port, watch
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if proxy.see("before", self.command, self.path, body):
                    self.close_connection = True
                    return
                upstream = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=60)
                upstream.putrequest(self.command, self.path, skip_host=True,
                                    skip_accept_encoding=True)
                for name, value in self.headers.items():  # Host too: it is signed
                    upstream.putheader(name, value)
                upstream.endheaders(body)
                answer = upstream.getresponse()
                text = answer.read()
                upstream.close()
                if proxy.see("after", self.command, self.path, body):
                    self.close_connection = True
                    return
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else len(text)
                self.send_header("Content-Length", str(length or 0))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = pass_on

            def handle(self):
                try:
                    super().handle()
                except OSError:  # whoever asked was killed
                    pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def see(self, *what):
        return self.watch(*what) if self.watch else False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
