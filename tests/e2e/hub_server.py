"""A hub of models on loopback, as Hugging Face's answers look, that misbehaves on demand.

Large files (safetensors) are answered with a redirect to a second server on another port, the "CDN",
small ones directly. A test puts functions into hub.hooks or hub.cdn.hooks: each gets the request and
returns True when it has answered it, None to leave it to the next. All requests are recorded.
"""

import contextlib
import functools
import hashlib
import http.server
import json
import random
import socket
import struct
import threading
import types
import urllib.parse


@functools.cache
def weights(size=3_000_000, seed=1):
    """A safetensors file of one tensor, `size` bytes of it."""
    header = json.dumps({"a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + random.Random(seed).randbytes(size)


def model(**more):
    files = {"config.json": b'{"model_type": "clip", "architectures": ["CLIPModel"]}',
             "preprocessor_config.json": b'{"size": 224}',
             "tokenizer.json": b'{"model": {}}',
             "merges.txt": b"#version: 0.2\n",
             "model.safetensors": weights(),
             "pytorch_model.bin": b"never",
             "README.md": b"# a model\n",
             "onnx/model.onnx": b"not this one either"}
    files.update({name.replace("__", "."): data for name, data in more.items()})
    return {name: data for name, data in files.items() if data is not None}


def git_hash(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_large(name):
    return name.endswith((".safetensors", ".bin"))


def oid(name, data):
    return hashlib.sha256(data).hexdigest() if is_large(name) else git_hash(data)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def play(self):
        site = self.server.site
        self.bare_path = urllib.parse.unquote(self.path.split("?")[0])
        with site.lock:  # a copy: one handler serves all requests of a connection
            site.requests.append(types.SimpleNamespace(command=self.command, path=self.path,
                                                       bare_path=self.bare_path, headers=self.headers))
        try:
            for hook in list(site.hooks):
                if hook(self):
                    return
            site.answer(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_HEAD = play

    def say(self, code, body=b"", **headers):
        self.send_response(code)
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        fields.setdefault("Content-Length", len(body))
        for name, value in fields.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
        return True

    def hang_up(self):
        self.close_connection = True
        return True

    @property
    def first_byte(self):
        wanted = self.headers.get("Range")
        return int(wanted.split("=")[1].rstrip("-")) if wanted else 0

    def say_part(self, data, **headers):
        """200, or 206 when a range is asked for, as a CDN answers."""
        first = self.first_byte
        if first == 0:
            return self.say(200, data, **headers)
        if first >= len(data):
            return self.say(416, Content_Range=f"bytes */{len(data)}")
        return self.say(206, data[first:], **headers,
                        Content_Range=f"bytes {first}-{len(data) - 1}/{len(data)}")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that goes away in the middle is nobody's fault here."""


@contextlib.contextmanager
def port_nobody_listens_on():
    """Bound, so that nobody else gets it, and never listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


class Site:
    def __init__(self):
        self.hooks, self.requests, self.lock = [], [], threading.Lock()
        self.host = "127.0.0.1"  # a test behind a proxy gives it a name
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.site = self
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def port(self):
        return self.server.server_address[1]

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def asked(self, method, part):
        """Requests so far whose path holds the text."""
        with self.lock:
            return [r for r in self.requests if r.command == method and part in r.bare_path]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Cdn(Site):
    def __init__(self):
        super().__init__()
        self.blobs = {}

    def answer(self, request):
        data = self.blobs.get(request.bare_path.rsplit("/", 1)[1])
        return request.say(404) if data is None else request.say_part(data, ETag='"of-the-store"')


class Hub(Site):
    def __init__(self):
        super().__init__()
        self.cdn = Cdn()
        self.models = {}   # repo -> {revision: commit}
        self.commits = {}  # commit -> (files, card)
        self.has_blobs_list = True

    def add(self, repo, files=None, revision="main", licence="mit", **card):
        files = model() if files is None else files
        commit = hashlib.sha1(repr((repo, revision, sorted(files))).encode()).hexdigest()
        self.models.setdefault(repo, {})[revision] = commit
        if licence:
            card["license"] = licence
        self.commits[commit] = (files, card)
        for name, data in files.items():
            if is_large(name):
                self.cdn.blobs[oid(name, data)] = data
        return commit

    def stop(self):
        super().stop()
        self.cdn.stop()

    def sibling(self, name, data):
        row = {"rfilename": name}
        if self.has_blobs_list:
            row.update(size=len(data), blobId=git_hash(data))
            if is_large(name):
                row.update(blobId=git_hash(b"pointer"),
                           lfs={"sha256": oid(name, data), "size": len(data), "pointerSize": 134})
        return row

    def about(self, repo, revision):
        commit = self.models[repo].get(revision, revision)
        files, card = self.commits[commit]
        return {"id": repo, "sha": commit, "cardData": card, "tags": ["clip"],
                "siblings": [self.sibling(name, data) for name, data in files.items()]}

    def answer(self, request):
        path = request.bare_path
        if path.startswith("/api/models/"):
            repo, revision = path[len("/api/models/"):].split("/revision/")
            return self.answer_about(request, repo, revision)
        repo, rest = path[1:].split("/resolve/")
        commit, name = rest.split("/", 1)
        commit = self.models.get(repo, {}).get(commit, commit)
        files = self.commits.get(commit, ({}, None))[0]
        if repo not in self.models or name not in files:
            return request.say(404, X_Error_Code="EntryNotFound")
        return self.answer_file(request, commit, name, files[name])

    def answer_about(self, request, repo, revision):
        if repo not in self.models:
            return request.say(404, X_Error_Code="RepoNotFound")
        if revision not in self.models[repo] and revision not in self.models[repo].values():
            return request.say(404, X_Error_Code="RevisionNotFound")
        return request.say(200, json.dumps(self.about(repo, revision)).encode(),
                           Content_Type="application/json")

    def answer_file(self, request, commit, name, data):
        if not is_large(name):
            return request.say(200, data, ETag=f'"{oid(name, data)}"', X_Repo_Commit=commit)
        return request.say(302, Location=f"{self.cdn.url}/store/{oid(name, data)}?Signature=secret",
                           X_Linked_Etag=f'"{oid(name, data)}"', X_Linked_Size=len(data),
                           X_Repo_Commit=commit, ETag='"pointer"')
