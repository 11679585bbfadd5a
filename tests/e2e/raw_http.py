"""Bytes to a server and bytes back, for tests of what no HTTP client would send."""

import socket
import time

CRLF = b"\r\n"


class Reply:
    """One answer as it came; `headers` in lower case, the last of a name."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


class Wire:
    def __init__(self, server, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=timeout)
        self.data = b""

    def send(self, data):
        self.socket.sendall(data)
        return self

    def more(self):
        """False when the server has closed."""
        try:
            got = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.data += got
        return bool(got)

    def is_closed_within(self, seconds):
        """Reads until the server closes."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.socket.settimeout(left)
            try:
                if not self.more():
                    return True
            except TimeoutError:
                return False

    def reply(self, is_head=False):
        """The next answer, with its body by Content-Length; None when the server closed instead."""
        while b"\r\n\r\n" not in self.data:
            if not self.more():
                return None
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if is_head else int(headers.get("content-length", 0))
        while len(self.data) < length and self.more():
            pass
        body, self.data = self.data[:length], self.data[length:]
        return Reply(int(lines[0].split()[1]), headers, body)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request(method="GET", target="/health", *headers, version="HTTP/1.1", host="localhost", body=b""):
    lines = [f"{method} {target} {version}".encode("latin-1")]
    if host is not None:
        lines.append(f"Host: {host}".encode())
    lines += [h if isinstance(h, bytes) else h.encode("latin-1") for h in headers]
    return CRLF.join(lines) + CRLF * 2 + body


def exchange(server, data, timeout=20):
    """The one answer to these bytes."""
    with Wire(server, timeout) as wire:
        return wire.send(data).reply()
