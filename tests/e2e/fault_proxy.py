"""A proxy on loopback that stands between the program and a real server and makes bad weather.

    with FaultProxy(gateway.port, seed=7) as proxy:      # proxy.url instead of the server's own
        proxy.add(status(503, retry_after=1), share=0.3, method="PUT", path=r"/points")
        proxy.add(latency(0.2))                          # to whatever else is asked
        proxy.clear()                                    # fair again
        proxy.refuse(), proxy.accept()                   # nobody listens; somebody does
        proxy.cut()                                      # resets what is open

It understands HTTP/1.1 as far as that needs: heads, lengths, chunks. Every request of a connection is one
throw of the dice: rules are tried in the order they were added, delays add up, the first other fault is
done. What the proxy counts: connections open, open at once at most, and opened; requests; bytes each way;
faults by kind; and `asked`, the last requests with what was answered.

A rule that is cleared lets go of those it holds at that moment: a slow answer goes on at full speed, who
met silence is reset. The port is kept for the proxy's whole life, also while it refuses.
"""

import collections
import random
import re
import select
import socket
import struct
import threading
import time

HEAD_BYTES_MAX = 65536
PIECE_BYTES = 65536
ASKED_MAX = 20000
LOOK_S = 0.05  # how soon a thread that waits sees that it need not any more
NO_BODY = (204, 304)


class Fault:
    """kind: a word that is counted. Everything else belongs to the kind."""

    def __init__(self, kind, **details):
        self.kind = kind
        self.__dict__.update(details)

    def __repr__(self):
        return f"<{self.__dict__}>"


def latency(seconds):
    """The request is passed on so much later."""
    return Fault("latency", seconds=seconds)


def status(code, text="", retry_after=None):
    """Answered by the proxy; the server behind never hears of it."""
    return Fault("status", code=code, text=text, retry_after=retry_after)


def reset(request_bytes=None, response_bytes=None):
    """The connection is reset after so many bytes of the request's or the answer's body. After 0 bytes of
    the answer: the server has done what was asked, and the client never hears of it."""
    return Fault("reset", request_bytes=request_bytes, response_bytes=response_bytes)


def half():
    """The answer's head, half of its body, and a proper end."""
    return Fault("half")


def trickle(bytes_each=1, gap_s=0.05):
    """The answer comes in small pieces, its head as well."""
    return Fault("trickle", bytes_each=bytes_each, gap_s=gap_s)


def dawdle(bytes_each=1024, gap_s=0.05):
    """The request is taken in small pieces."""
    return Fault("dawdle", bytes_each=bytes_each, gap_s=gap_s)


def wrong_length(by):
    """The answer's Content-Length says so many bytes more, or fewer, than there are; then it ends."""
    return Fault("wrong_length", by=by)


def silence():
    """The request is read and never answered, nor passed on."""
    return Fault("silence")


class Rule:
    def __init__(self, fault, share, method, path, times):
        self.fault, self.share, self.method = fault, share, method
        self.path, self.times, self.is_over = re.compile(path), times, threading.Event()

    def fits(self, request):
        return (self.method in (None, request.method) and self.path.search(request.target)
                and self.times != 0)


class Broken(Exception):
    """One end is gone, or speaks no HTTP."""


class Cut(Exception):
    """The client's connection is to be reset."""


class Ended(Exception):
    """The client's connection is to be closed."""


class Reader:
    """Whole heads and pieces of bodies from a socket."""

    def __init__(self, sock):
        self.socket, self.rest = sock, b""

    def more(self):
        try:
            data = self.socket.recv(PIECE_BYTES)
        except OSError as error:
            raise Broken from error
        if not data:
            raise Broken
        self.rest += data

    def until(self, mark, limit=HEAD_BYTES_MAX):
        while mark not in self.rest:
            if len(self.rest) > limit:
                raise Broken
            self.more()
        found, _, self.rest = self.rest.partition(mark)
        return found + mark

    def pieces(self, count):
        while count:
            if not self.rest:
                self.more()
            piece, self.rest = self.rest[:count], self.rest[count:]
            count -= len(piece)
            yield piece

    def chunks(self):
        """As they are sent, sizes and trailers included."""
        while True:
            line = self.until(b"\r\n")
            yield line
            size = int(line.split(b";")[0], 16)
            if size == 0:
                break
            yield from self.pieces(size + 2)
        while True:
            line = self.until(b"\r\n")
            yield line
            if line == b"\r\n":
                return

    def to_the_end(self):
        while True:
            try:
                if not self.rest:
                    self.more()
            except Broken:
                return
            piece, self.rest = self.rest, b""
            yield piece


class Message:
    def __init__(self, reader):
        self.reader, self.head = reader, reader.until(b"\r\n\r\n")
        first, *lines = self.head.decode("latin-1").split("\r\n")
        self.words = first.split(" ", 2)
        if len(self.words) < 2:
            raise Broken
        pairs = [line.partition(":") for line in lines if line]
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self.is_chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        self.length = int(self.headers["content-length"]) if "content-length" in self.headers else None

    def closes(self):
        return self.headers.get("connection", "").lower() == "close"


class Request(Message):
    def __init__(self, reader):
        super().__init__(reader)
        self.method, self.target = self.words[0], self.words[1]

    def body(self):
        if self.is_chunked:
            return self.reader.chunks()
        return self.reader.pieces(self.length or 0)


class Response(Message):
    def __init__(self, reader, method):
        super().__init__(reader)
        self.status = int(self.words[1])
        self.has_body = method != "HEAD" and self.status >= 200 and self.status not in NO_BODY
        self.ends_with_connection = self.has_body and not self.is_chunked and self.length is None

    def body(self):
        if not self.has_body:
            return iter(())
        if self.is_chunked:
            return self.reader.chunks()
        if self.length is None:
            return self.reader.to_the_end()
        return self.reader.pieces(self.length)


def reset_socket(sock):
    """For its own thread: a shutdown first would be a proper end."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    sock.close()


def close_socket(sock):
    """Whoever reads it in another thread wakes."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close()


class Connection:
    """One client, and the connection to the server that is made when it is needed."""

    def __init__(self, proxy, sock):
        self.proxy, self.client, self.server = proxy, sock, None
        self.reader, self.server_reader = Reader(sock), None
        self.is_cut = False

    def run(self):
        try:
            while self.exchange():
                pass
        except Cut:
            self.is_cut = True
        except (Broken, Ended, OSError, ValueError):
            pass
        finally:
            if self.is_cut:
                reset_socket(self.client)
            else:
                close_socket(self.client)
            if self.server:
                close_socket(self.server)

    def cut(self):
        """From another thread."""
        self.is_cut = True
        for end in (self.client, self.server):
            try:
                if end:
                    end.shutdown(socket.SHUT_RD)
            except OSError:
                pass

    # --- one request --------------------------------------------------------------------------------

    def exchange(self):
        request = Request(self.reader)
        rule = self.proxy.note_request(request, self.wait)
        fault = rule.fault if rule else Fault("none")
        if fault.kind == "status":
            return self.answer(request, fault)
        if fault.kind == "silence":
            for _ in request.body():
                pass
            self.wait(float("inf"), rule)
            raise Cut
        response = self.pass_on(request, rule, fault)
        self.proxy.note_answer(request, response.status)
        if response.status == 100:
            self.send(response.head)
            response = Response(self.server_reader, request.method)
        self.pass_back(response, rule, fault)
        return not (request.closes() or response.closes() or response.ends_with_connection)

    def answer(self, request, fault):
        for _ in request.body():
            pass
        text = fault.text.encode()
        self.proxy.note_answer(request, fault.code)
        retry = f"Retry-After: {fault.retry_after}\r\n" if fault.retry_after is not None else ""
        self.send(f"HTTP/1.1 {fault.code} Weather\r\nContent-Type: text/plain\r\n{retry}"
                  f"Content-Length: {len(text)}\r\n\r\n".encode() + text)
        return not request.closes()

    def reach_server(self):
        if self.server is None:
            try:
                self.server = socket.create_connection(("127.0.0.1", self.proxy.target), 30)
            except OSError as error:
                raise Cut from error
            self.server.settimeout(None)
            self.server_reader = Reader(self.server)

    def pass_on(self, request, rule, fault):
        left = fault.request_bytes if fault.kind == "reset" else None
        self.reach_server()
        try:
            self.server.sendall(request.head)
            for piece in request.body():
                if left is not None:
                    self.server.sendall(piece[:left])
                    left -= len(piece)
                    if left <= 0:
                        raise Cut
                elif fault.kind == "dawdle":
                    for part in self.slowly(piece, rule, fault):
                        self.server.sendall(part)
                else:
                    self.server.sendall(piece)
                self.proxy.note_bytes(up=len(piece))
            if left is not None:
                raise Cut
            return Response(self.server_reader, request.method)
        except (OSError, Broken) as error:  # the server went away: the client sees it go as well
            raise Cut from error

    def pass_back(self, response, rule, fault):
        head, body = response.head, response.body()
        if fault.kind == "wrong_length" and response.length is not None:
            head = re.sub(rb"(?i)(\r\ncontent-length:\s*)\d+",
                          rb"\g<1>%d" % max(0, response.length + fault.by), head)
        left = self.allowance(response, fault)
        if left == 0:
            self.stop_amid(fault)
        self.send_at_pace(head, rule, fault)
        try:
            for piece in body:
                if left is not None and len(piece) >= left:
                    self.send(piece[:left])
                    self.stop_amid(fault)
                left = left - len(piece) if left is not None else None
                self.send_at_pace(piece, rule, fault)
        except Broken as error:
            raise Cut from error
        if left is not None or fault.kind == "wrong_length":
            self.stop_amid(fault)

    @staticmethod
    def allowance(response, fault):
        """How much of the body goes out before it stops; None: all."""
        if fault.kind == "reset":
            return fault.response_bytes or 0
        if fault.kind == "half":
            return max(1, (response.length or 2) // 2)
        return None

    @staticmethod
    def stop_amid(fault):
        raise Cut if fault.kind == "reset" else Ended

    # --- pace ---------------------------------------------------------------------------------------

    def send(self, data):
        self.client.sendall(data)
        self.proxy.note_bytes(down=len(data))

    def send_at_pace(self, data, rule, fault):
        if fault.kind != "trickle":
            return self.send(data)
        for part in self.slowly(data, rule, fault):
            self.send(part)
        return None

    def slowly(self, data, rule, fault):
        while data and not rule.is_over.is_set():
            yield data[:fault.bytes_each]
            data = data[fault.bytes_each:]
            if data:
                self.wait(fault.gap_s, rule)
        if data:
            yield data

    def wait(self, seconds, rule):
        """So long, or until the rule is cleared. A client that leaves meanwhile is noticed."""
        end = time.monotonic() + seconds
        while not rule.is_over.is_set() and not self.is_cut:
            left = end - time.monotonic()
            if left <= 0:
                return
            readable, _, _ = select.select([self.client], [], [], min(left, LOOK_S))
            if readable and not self.client.recv(1, socket.MSG_PEEK):
                raise Broken
            if readable:  # it sends on: nothing to learn from its socket
                rule.is_over.wait(min(left, LOOK_S))
        if self.is_cut:
            raise Cut


class FaultProxy:
    def __init__(self, target, seed=0):
        self.target, self.dice, self.lock = target, random.Random(seed), threading.Lock()
        self.rules, self.connections, self.listener = [], set(), None
        self.open_max = self.opened = self.requests = self.bytes_up = self.bytes_down = 0
        self.faults, self.asked = collections.Counter(), collections.deque(maxlen=ASKED_MAX)
        self.holder = self._bind(0)  # keeps the port while nobody listens
        self.port = self.holder.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.accept()

    @staticmethod
    def _bind(port):
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
        return bound

    @property
    def open(self):
        with self.lock:
            return len(self.connections)

    # --- weather ------------------------------------------------------------------------------------

    def add(self, fault, share=1.0, method=None, path="", times=None):
        """For a share of the requests that fit (a method; a path and query that the expression is found
        in), so often or until clear()."""
        rule = Rule(fault, share, method, path, times)
        with self.lock:
            self.rules.append(rule)
        return rule

    def clear(self):
        with self.lock:
            rules, self.rules = self.rules, []
        for rule in rules:
            rule.is_over.set()

    def refuse(self):
        """Nobody listens any more, and what is open is reset."""
        listener, self.listener = self.listener, None
        if listener:
            close_socket(listener)
        self.cut()

    def accept(self):
        if self.listener:
            return
        self.listener = self._bind(self.port)
        self.listener.listen(256)
        threading.Thread(target=self._accept_loop, args=(self.listener,), daemon=True).start()

    def cut(self):
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            connection.cut()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()
        self.refuse()
        self.holder.close()

    # --- behind the scenes --------------------------------------------------------------------------

    def _accept_loop(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, sock)
            with self.lock:
                is_late = self.listener is not listener
                if not is_late:
                    self.connections.add(connection)
                    self.opened += 1
                    self.open_max = max(self.open_max, len(self.connections))
            if is_late:
                reset_socket(sock)
            else:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.run()
        finally:
            with self.lock:
                self.connections.discard(connection)

    def note_request(self, request, wait):
        """The rule to obey, or None; delays have passed."""
        delays, chosen = [], None
        with self.lock:
            self.requests += 1
            for rule in self.rules:
                if not rule.fits(request) or self.dice.random() >= rule.share:
                    continue
                if rule.times is not None:
                    rule.times -= 1
                self.faults[rule.fault.kind] += 1
                if rule.fault.kind != "latency":
                    chosen = rule
                    break
                delays.append(rule)
        for rule in delays:
            wait(rule.fault.seconds, rule)
        return chosen

    def note_answer(self, request, code):
        with self.lock:
            self.asked.append((request.method, request.target, code))

    def note_bytes(self, up=0, down=0):
        with self.lock:
            self.bytes_up += up
            self.bytes_down += down
