#!/usr/bin/python3
"""What stands between the program and a server in tests, all on loopback.

    Certificates(folder)         an authority of our own and server certificates, made by openssl
    TlsFront(port, certificate)  speaks TLS, hands the bytes on to a port
    Proxy({"name": port})        forwards http and tunnels CONNECT; the names are known to it alone, so
                                 a test sees that nobody here looked them up
    Counter(port)                hands bytes on, counts connections, can hold back every byte
    Silence()                    takes connections and says nothing
    Nghttpx(folder, port, cert)  a real HTTP/2 server in front of a port

Each is a context manager; `open`, `opened` and `open_max` count connections from the program.

As a program, `net_servers.py run COMMAND...` runs the command beside a real nghttpd that sends back what
is uploaded, with ORIANE_TEST_H2_URL and ORIANE_TEST_CA; 77, which meson calls skipped, without one.
"""

import base64
import contextlib
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from pathlib import Path

import harness
from server import free_port

SKIPPED = 77
NGHTTPX, NGHTTPD = (shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
                    for name in ("nghttpx", "nghttpd"))


# --- certificates -------------------------------------------------------------------------------------

class Certificates:
    """dated: "YYMMDDHHMMSSZ" of begin and end, for one that has expired."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca = self.folder / "ca.pem"
        (self.folder / "index").write_text("")
        (self.folder / "config").write_text(
            f"[ca]\ndefault_ca = own\n[own]\ndatabase = {self.folder}/index\n"
            f"new_certs_dir = {self.folder}\nrand_serial = yes\ndefault_md = sha256\npolicy = any\n"
            "copy_extensions = copy\nunique_subject = no\n[any]\ncommonName = supplied\n")
        self._openssl("req", "-x509", *self._key("ca"), "-days", "10", "-subj", "/CN=test authority",
                      "-out", self.ca)

    def _openssl(self, *arguments):
        result = subprocess.run(["openssl", *map(str, arguments)], cwd=self.folder, check=False,
                                capture_output=True, text=True)
        assert result.returncode == 0, result.stderr

    def _key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                f"{self.folder}/{name}.key"]

    def make(self, name, alternatives="DNS:localhost,IP:127.0.0.1", dated=None):
        """A pair of files: certificate and key."""
        self._openssl("req", "-new", *self._key(name), "-subj", f"/CN={name}", "-addext",
                      f"subjectAltName={alternatives}", "-out", f"{name}.csr")
        dates = ["-startdate", dated[0], "-enddate", dated[1]] if dated else ["-days", "5"]
        self._openssl("ca", "-batch", "-notext", "-config", "config", "-cert", "ca.pem", "-keyfile",
                      "ca.key", *dates, "-in", f"{name}.csr", "-out", f"{name}.pem")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"


# --- whatever listens -----------------------------------------------------------------------------------

class Listener:
    """Counts; `serve(peer)` in a thread for each connection, which is closed afterwards."""

    def __init__(self):
        self.lock, self.is_ending = threading.Lock(), False
        self.open, self.opened, self.open_max = 0, 0, 0
        self.sockets, self.threads = set(), []
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listening.getsockname()[1]
        self.accepter = threading.Thread(target=self._accept)
        self.accepter.start()

    def keep(self, sock):
        """It is closed at the end, whoever waits on it."""
        with self.lock:
            self.sockets.add(sock)
        return sock

    def _accept(self):
        while True:
            try:
                peer, _ = self.listening.accept()
            except OSError:
                return
            if self.is_ending:
                peer.close()
                return
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(self.keep(peer),))
            self.threads.append(thread)
            thread.start()

    def _serve(self, peer):
        with self.lock:
            self.open += 1
            self.opened += 1
            self.open_max = max(self.open_max, self.open)
        try:
            self.serve(peer)
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.open -= 1
                self.sockets.discard(peer)
            with contextlib.suppress(OSError):
                peer.close()

    def connect(self, port):
        target = self.keep(socket.create_connection(("127.0.0.1", port)))
        target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return target

    def stop(self):
        self.is_ending = True
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        self.accepter.join()
        self.listening.close()
        with self.lock:
            ending = list(self.sockets)
        for sock in ending:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for sock in ending:
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def pump(a, b, gate=None):
    """Bytes both ways until either ends; while the gate is shut none goes on."""
    def waiting(sock):
        return getattr(sock, "pending", lambda: 0)()
    while True:
        ready = [s for s in (a, b) if waiting(s)] or select.select([a, b], [], [])[0]
        for source in ready:
            data = source.recv(65536)
            if gate:
                gate.wait()
            if not data:
                return
            (b if source is a else a).sendall(data)


class Counter(Listener):
    def __init__(self, target):
        self.target, self.gate = target, threading.Event()
        self.gate.set()
        super().__init__()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def serve(self, peer):
        with self.connect(self.target) as target:
            pump(peer, target, self.gate)

    def stop(self):
        self.gate.set()
        super().stop()


class Silence(Listener):
    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def serve(self, peer):
        while peer.recv(65536):
            pass


class TlsFront(Listener):
    def __init__(self, target, certificate, host="localhost"):
        import ssl
        self.target, self.url_host, self.refused = target, host, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*map(str, certificate))
        self.versions = []
        super().__init__()

    @property
    def url(self):
        return f"https://{self.url_host}:{self.port}"

    def serve(self, peer):
        try:
            inside = self.context.wrap_socket(peer, server_side=True)
        except OSError as error:  # ssl.SSLError is one
            self.refused.append(str(error))
            raise
        self.versions.append(inside.version())
        with self.lock:  # wrapping has taken the descriptor
            self.sockets.discard(peer)
            self.sockets.add(inside)
        try:
            with self.connect(self.target) as target:
                pump(inside, target)
        finally:
            inside.close()


class Proxy(Listener):
    """user: "name:password" that it asks for; silent: takes CONNECT and says nothing."""

    def __init__(self, names=None, user=None, refuses=None, silent=False):
        self.names, self.user, self.refuses, self.silent = names or {}, user, refuses, silent
        self.asked = []  # request lines
        super().__init__()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def url_with(self, user):
        name, password = user.split(":", 1)
        return f"http://{name}:{urllib.parse.quote(password, safe='')}@127.0.0.1:{self.port}"

    @staticmethod
    def read_head(peer):
        head = b""
        while b"\r\n\r\n" not in head:
            data = peer.recv(65536)
            if not data:
                raise OSError("gone")
            head += data
        return head.split(b"\r\n\r\n", 1)

    def is_known(self, head):
        if self.user is None:
            return True
        wanted = base64.b64encode(self.user.encode())
        return re.search(rb"\r\nproxy-authorization: basic " + re.escape(wanted) + rb"(\r|$)",
                         head + b"\r", re.I)

    def serve(self, peer):
        head, rest = self.read_head(peer)
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        with self.lock:
            self.asked.append(f"{method} {target}")
        if self.silent:
            peer.recv(1)
            return
        code = self.refuses if self.is_known(head) else 407
        if method == "CONNECT":
            host, port = target.rsplit(":", 1)
        else:
            parts = urllib.parse.urlsplit(target)
            host, port = parts.hostname, parts.port or 80
        if code is None and host not in self.names:
            code = 502
        if code is not None:
            peer.sendall(f"HTTP/1.1 {code} No\r\nProxy-Authenticate: Basic realm=\"t\"\r\n"
                         "Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
            return
        with self.connect(self.names[host]) as upstream:
            if method == "CONNECT":
                peer.sendall(b"HTTP/1.1 200 OK\r\nX-Of-The-Proxy: 1\r\n\r\n")
            else:  # the one connection speaks to one server, so only the first line is looked at
                path = target.split("/", 3)[3] if target.count("/") > 2 else ""
                line, _, others = head.partition(b"\r\n")
                others = re.sub(rb"(?i)(^|\r\n)proxy-[a-z-]+:[^\r]*", b"", others)
                line = line.replace(target.encode(), b"/" + path.encode())
                upstream.sendall(line + b"\r\n" + others.lstrip(b"\r\n") +
                                 b"\r\nConnection: close\r\n\r\n" + rest)
            pump(peer, upstream)


# --- HTTP/2 ---------------------------------------------------------------------------------------------

class Http2:
    """A real server as a process of its own."""

    def begin(self, folder, command):
        self.folder, self.port = Path(folder), free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.command = [str(word).format(port=self.port) for word in command]
        self.start()

    def start(self):
        """Also once more after a stop, on the same port."""
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.folder,
                                            stdin=subprocess.DEVNULL)
        harness.wait_until(self.is_listening, 20, f"{self.command[0]} to listen")

    def is_listening(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        return False

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Nghttpd(Http2):
    def __init__(self, folder, certificate):
        cert, key = certificate
        self.begin(folder, [NGHTTPD, "--address=127.0.0.1", "--echo-upload", f"--htdocs={folder}",
                            "{port}", key, cert])


class Nghttpx(Http2):
    def __init__(self, folder, target, certificate):
        cert, key = certificate
        self.access = Path(folder) / "access"
        self.begin(folder, [NGHTTPX, "--frontend=127.0.0.1,{port}", f"--backend=127.0.0.1,{target}",
                            f"--accesslog-file={self.access}", "--accesslog-format=$request $status",
                            "--workers=1", "--no-ocsp", f"--conf={folder}/none", key, cert])

    def lines(self):
        """"METHOD path HTTP/2 status" of each request; after the end all are there."""
        return self.access.read_text().splitlines() if self.access.exists() else []


def main():
    if len(sys.argv) < 3 or sys.argv[1] != "run":
        sys.exit(__doc__)
    if not NGHTTPD or not shutil.which("openssl"):
        print("skipped: nghttpd (nghttp2-server) or openssl is not installed")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix="oriane-h2-") as folder:
        certificates = Certificates(folder)
        with Nghttpd(Path(folder) / "server", certificates.make("h2")) as server:
            environment = {**os.environ, "ORIANE_TEST_H2_URL": server.url,
                           "ORIANE_TEST_CA": str(certificates.ca)}
            code = subprocess.run(sys.argv[2:], env=environment, check=False).returncode
    sys.exit(code)


if __name__ == "__main__":
    main()
