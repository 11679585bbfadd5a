"""A server on loopback that speaks as Qdrant does, as far as this program asks: its own small store, or
a real Qdrant behind it (`target`). It counts connections, keeps what was said (`exchanges`), and does
wrong what `fault` wants:

    fake.fault = lambda method, path, body: ("status", 429, {"Retry-After": "1"}, "")

fault(method, path, body) gives None, or ("status", code, headers, text), ("half",), ("close",),
("raw", bytes), ("slow", event).
"""

import gzip
import http.client
import http.server
import json
import re
import threading
import uuid


class Exchange:
    def __init__(self, method, path, body, status, answer, is_packed):
        self.method, self.path, self.body = method, path, body
        self.status, self.answer, self.is_packed = status, answer, is_packed

    def __repr__(self):
        return f"<{self.method} {self.path} {str(self.body)[:300]} -> {self.status} {self.answer[:300]!r}>"


def ok(result):
    return 200, json.dumps({"result": result, "status": "ok", "time": 0.001})


def error(status, text):
    return status, json.dumps({"status": {"error": text}, "time": 0.001})


class Store:
    """One collection, enough of it."""

    def __init__(self, key="test-key"):
        self.key, self.config, self.schema, self.points = key, None, {}, {}
        self.points_max = None  # of one request

    def info(self):
        return {"status": "green", "optimizer_status": "ok", "points_count": len(self.points),
                "segments_count": 1, "payload_schema": self.schema,
                "config": {"params": {"vectors": self.config["vectors"]}, "optimizer_config": {},
                           "hnsw_config": {}, "metadata": self.config.get("metadata")}}

    def chosen(self, filter_):
        def has(point, condition):
            value = point["payload"].get(condition.get("key"))
            if "has_id" in condition:
                return point["id"] in condition["has_id"]
            if "match" in condition:
                return value == condition["match"]["value"]
            return (condition["range"].get("gte", value) <= value <=
                    condition["range"].get("lte", value))
        filter_ = filter_ or {}
        return [p for p in self.points.values() if
                all(has(p, c) for c in filter_.get("must", [])) and
                not any(has(p, c) for c in filter_.get("must_not", []))]

    def answer(self, method, path, key, body):
        if key != self.key:
            return 401, "Invalid API key or JWT"
        found = re.match(r"/collections/[^/?]+([^?]*)", path)
        what = f"{method} {found.group(1)}" if found else ""
        if what == "GET /exists":
            return ok({"exists": self.config is not None})
        if what == "PUT ":
            if self.config:
                return error(409, "Wrong input: Collection already exists!")
            self.config = body
            return ok(True)
        if self.config is None:
            return error(404, "Not found: Collection `c` doesn't exist!")
        if what == "GET ":
            return ok(self.info())
        done = {"operation_id": 1, "status": "completed"}
        if what == "PATCH ":
            self.config["metadata"] = {**self.config.get("metadata", {}), **body["metadata"]}
            return ok(True)
        if what == "PUT /index":
            self.schema[body["field_name"]] = {"data_type": body["field_schema"], "points": 0}
            return ok(done)
        if what == "PUT /points":
            if self.points_max and len(body["points"]) > self.points_max:
                return error(413, "Payload too large")
            self.points.update({p["id"]: p for p in body["points"]})
            return ok(done)
        if what == "POST /points/delete":
            assert body["filter"].get("must"), "a filter that means everything"
            for point in self.chosen(body["filter"]):
                del self.points[point["id"]]
            return ok(done)
        if what == "POST /points/count":
            return ok({"count": len(self.chosen(body.get("filter")))})
        if what == "POST /points/scroll":
            return ok({"points": [{"id": p["id"], "payload": p["payload"]}
                                  for p in self.chosen(body.get("filter"))[:body["limit"]]],
                       "next_page_offset": None})
        if what == "POST /points":
            return ok([{"id": i, "vector": self.points[i]["vector"]} for i in body["ids"]
                       if i in self.points])
        if what == "POST /points/query":
            scored = [(sum(a * b for a, b in zip(p["vector"], body["query"])), p)
                      for p in self.chosen(body.get("filter"))]
            scored.sort(key=lambda row: -row[0])
            return ok({"points": [{"id": p["id"], "version": 1, "score": s, "payload": p["payload"]}
                                  for s, p in scored[:body["limit"]]]})
        return 404, ""

    def fill(self, dim=512, model="builtin/visual-512"):
        """One point, so that a search has something to find."""
        self.config = {"vectors": {"size": dim, "distance": "Cosine"}}
        id_ = str(uuid.uuid5(uuid.NAMESPACE_URL, "p/c/1_0.00.png"))
        self.points[id_] = {"id": id_, "vector": [1.0] + [0.0] * (dim - 1), "payload": {
            "uuid": id_, "platform": "p", "video_code": "c", "frame_number": 1, "frame_second": 0,
            "path": "p/c/1_0.00.png", "created_at": "2026-01-01T00:00:00.000Z", "width": 64,
            "height": 48, "scene": 1, "dhash": "0" * 16, "model": model}}
        return self


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def serve(self):
        fake = self.server.fake
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_packed = self.headers.get("Content-Encoding") == "gzip"
        plain = gzip.decompress(raw) if is_packed else raw
        body = json.loads(plain) if plain else None
        with fake.lock:
            fault = fake.fault and fake.fault(self.command, self.path, body)
        if fault and fault[0] != "slow":
            return self.do_wrong(fault, body, is_packed)
        if fault:
            fault[1].wait(60)
        try:
            status, text = self.right_answer(raw, body)
        except OSError:  # the one behind is away
            self.close_connection = True
            return None
        self.note(body, status, text, is_packed)
        return self.say(status, text.encode())

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = serve

    def right_answer(self, raw, body):
        fake = self.server.fake
        if fake.target is None:
            with fake.lock:
                return fake.store.answer(self.command, self.path, self.headers.get("api-key"), body)
        connection = http.client.HTTPConnection("127.0.0.1", fake.target, timeout=60)
        try:
            kept = {k: v for k, v in self.headers.items()
                    if k.lower() in ("api-key", "content-type", "content-encoding")}
            connection.request(self.command, self.path, raw, kept)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except http.client.HTTPException as broken:
            raise OSError(broken) from broken
        finally:
            connection.close()

    def note(self, body, status, text, is_packed):
        with self.server.fake.lock:
            self.server.fake.exchanges.append(
                Exchange(self.command, self.path, body, status, text, is_packed))

    def do_wrong(self, fault, body, is_packed):
        kind, *rest = fault
        self.note(body, rest[0] if kind == "status" else 0, "", is_packed)
        if kind == "status":
            return self.say(rest[0], rest[2].encode(), rest[1])
        if kind == "half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b'{"result":')
        elif kind == "raw":
            self.wfile.write(rest[0])
        self.close_connection = True
        return None

    def say(self, status, data, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": len(data), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that went away; what matters is seen at its other end."""

    def process_request_thread(self, request, client_address):
        fake = self.fake
        with fake.lock:
            fake.open += 1
            fake.opened += 1
            fake.open_max = max(fake.open_max, fake.open)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with fake.lock:
                fake.open -= 1


class Fake:
    def __init__(self, target=None, store=None):
        self.target, self.store, self.fault = target, store or Store(), None
        self.lock = threading.Lock()
        self.exchanges, self.open, self.opened, self.open_max = [], 0, 0, 0
        self.listener = Listener(("127.0.0.1", 0), Handler)
        self.listener.fake = self
        self.port = self.listener.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown()
        self.listener.server_close()

    def asked(self, method, ending):
        """Exchanges of a method whose path without its query ends so."""
        with self.lock:
            return [e for e in self.exchanges
                    if e.method == method and e.path.split("?")[0].endswith(ending)]
