"""Videos behind URLs on loopback: a server that knows ranges, and one that misbehaves on demand.

    with Videos() as web:
        web.add("/a/clip.mp4", data)
        ... f"{web.url}/a/clip.mp4" ...

A test puts functions into web.hooks: each gets the request and returns True when it has answered it.
Requests are recorded, and the bytes of bodies counted that were handed to the network.
"""

import hashlib
import re
import types

import hub_server

MODIFIED = "Fri, 24 May 2013 00:00:00 GMT"


class Videos(hub_server.Site):
    def __init__(self):
        super().__init__()
        self.files, self.sent = {}, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def add(self, path, data, has_ranges=True, has_length=True, **headers):
        """The URL. has_length False: in chunks. Headers by their names with _, None takes one away."""
        fields = {"ETag": f'"{hashlib.md5(data).hexdigest()}"', "Last_Modified": MODIFIED,
                  "Content_Type": "text/plain", **headers}  # the type is a lie, and nobody minds
        self.files[path] = types.SimpleNamespace(data=data, has_ranges=has_ranges,
                                                 has_length=has_length, headers=fields)
        return self.url + path

    def answer(self, request):
        file = self.files.get(request.bare_path)
        return request.say(404, b"<html>not here</html>") if file is None else self.serve(request, file)

    def serve(self, request, file, stop=None, code=None):
        """stop: so many bytes of the body, then the connection ends."""
        size = len(file.data)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range") or "")
        condition = request.headers.get("If-Range")
        is_same = condition in (None, file.headers.get("ETag"), file.headers.get("Last_Modified"))
        if wanted and file.has_ranges and is_same:
            first, last = int(wanted[1]), min(int(wanted[2] or size - 1), size - 1)
            if first >= size:
                return request.say(416, Content_Range=f"bytes */{size}")
            body = file.data[first:last + 1]
            return self.send(request, code or 206, body, stop, **file.headers,
                             Content_Range=f"bytes {first}-{last}/{size}")
        if not file.has_length:
            return self.send_chunks(request, file, stop)
        return self.send(request, code or 200, file.data, stop, **file.headers)

    def count(self, request, body):
        """In pieces, so that what a client does not want is not counted."""
        for at in range(0, len(body), 65536):
            request.wfile.write(body[at:at + 65536])
            with self.lock:
                self.sent += len(body[at:at + 65536])

    def send(self, request, code, body, stop=None, **headers):
        request.say(code, b"", Content_Length=len(body), **headers)
        self.count(request, body[:stop])
        return request.hang_up() if stop is not None and stop < len(body) else True

    def send_chunks(self, request, file, stop=None):
        request.say(200, b"", Content_Length=None, Transfer_Encoding="chunked", **file.headers)
        body = file.data[:stop]
        for at in range(0, len(body), 50000):
            piece = body[at:at + 50000]
            self.count(request, b"%x\r\n%s\r\n" % (len(piece), piece))
        if stop is not None and stop < len(file.data):
            return request.hang_up()
        request.wfile.write(b"0\r\n\r\n")
        return True
