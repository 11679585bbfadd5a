#!/usr/bin/python3
"""A real S3 server for tests: ceph's radosgw with one monitor and one store, all on loopback.

    radosgw.py start FOLDER     prints "ENDPOINT ACCESS SECRET" when it answers; 77: it cannot run here
    radosgw.py stop FOLDER      ends what start began, by process id
    radosgw.py kill FOLDER      kills the gateway alone; `gateway FOLDER` starts it again

The daemons run as the user nobody when the caller is root, on free ports, with everything they write
below FOLDER, whose path must be short: sockets lie in it. As a module: Radosgw(folder).

What is stored lies in the store's memory: it survives the gateway, not the store. With keeps=True it lies on
disk (2 s slower), and `kill_all`, `start_again` do to all three what kill and gateway do to the gateway.
"""

import http.client
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

ACCESS, SECRET = "TESTACCESS", "testsecretkey0123456789"
PROGRAMS = ["ceph-authtool", "monmaptool", "ceph-mon", "ceph-osd", "ceph", "radosgw",
            "radosgw-admin"]
DEADLINE_S = 120
DAEMONS = ["client.rgw", "osd.0", "mon.a"]  # in the order in which they end
SKIPPED = 77

CONFIG = """[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{mon_port}/0
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd pool default size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
log file = {folder}/$name.log
pid file = {folder}/run/$name.pid
mon data = {folder}/mon
osd data = {folder}/osd
keyring = {folder}/keyring
osd objectstore = {objectstore}
memstore device bytes = 2147483648
bluestore block size = 4294967296
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw dns name = s3.us-east-1.amazonaws.com
"""


def missing():
    """Why it cannot run here, or ""."""
    absent = [p for p in PROGRAMS if not shutil.which(p)]
    return f"radosgw is not installed (no {', '.join(absent)})" if absent else ""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


class Radosgw:
    def __init__(self, folder, keeps=False):
        self.folder, self.keeps = Path(folder), keeps
        self.user = "nobody" if os.getuid() == 0 else None
        self.environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(self.folder),
                            "LC_ALL": "C.UTF-8", "CEPH_CONF": str(self.folder / "ceph.conf")}

    @property
    def port(self):
        return int((self.folder / "port").read_text())

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def call(self, *command, check=True, **options):
        ids = {}
        if self.user:
            row = pwd.getpwnam(self.user)
            ids = {"user": row.pw_uid, "group": row.pw_gid, "extra_groups": []}
        result = subprocess.run(command, env=self.environment, cwd=self.folder, check=False,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=DEADLINE_S, **ids, **options)
        if check and result.returncode:
            raise RuntimeError(f"{command}: {result.returncode}\n{result.stdout}{result.stderr}")
        return result.stdout

    def daemon(self, *command):
        """It puts itself into the background; its output must not keep our pipes open."""
        ids = {}
        if self.user:
            row = pwd.getpwnam(self.user)
            ids = {"user": row.pw_uid, "group": row.pw_gid, "extra_groups": []}
        with open(self.folder / "daemons.out", "ab") as out:
            subprocess.run(command, env=self.environment, cwd=self.folder, check=True,
                           stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=DEADLINE_S,
                           start_new_session=True, **ids)

    def start(self):
        folder = self.folder
        for made in (folder, folder / "mon", folder / "osd", folder / "run"):
            made.mkdir(parents=True, exist_ok=True)
        fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
        port, mon_port = free_port(), free_port()
        (folder / "port").write_text(str(port))
        (folder / "ceph.conf").write_text(CONFIG.format(
            folder=folder, fsid=fsid, port=port, mon_port=mon_port,
            objectstore="bluestore" if self.keeps else "memstore"))
        if self.user:
            row = pwd.getpwnam(self.user)
            for path in (folder, *folder.rglob("*")):
                os.chown(path, row.pw_uid, row.pw_gid)
        ring, maps = f"{folder}/keyring", f"{folder}/monmap"
        self.call("ceph-authtool", "--create-keyring", ring, "--gen-key", "-n", "mon.", "--cap",
                  "mon", "allow *")
        self.call("ceph-authtool", ring, "--gen-key", "-n", "client.admin", "--cap", "mon",
                  "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *")
        self.call("monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a",
                  f"[v2:127.0.0.1:{mon_port}]", maps)
        self.call("ceph-mon", "--mkfs", "-i", "a", "--monmap", maps, "--keyring", ring)
        self.monitor()
        self.call("ceph", "--connect-timeout", "60", "osd", "new", osd, "0")
        for name, caps in (("osd.0", ["mon", "allow profile osd", "osd", "allow *"]),
                           ("client.rgw", ["mon", "allow rwx", "osd", "allow rwx"])):
            key = self.call("ceph", "auth", "get-or-create", name, *caps)
            with open(ring, "a", encoding="utf-8") as file:
                file.write(key)
        self.call("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self.store()
        self.gateway()
        self.call("radosgw-admin", "user", "create", "--uid=test", "--display-name=test",
                  f"--access-key={ACCESS}", f"--secret-key={SECRET}")
        return self

    def monitor(self):
        self.daemon("ceph-mon", "-i", "a", "--public-addr", "127.0.0.1")

    def store(self):
        self.daemon("ceph-osd", "-i", "0")

    def gateway(self):
        """Starts the gateway, and waits until it answers."""
        self.daemon("radosgw", "-n", "client.rgw")
        end = time.monotonic() + DEADLINE_S
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", "/")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            if time.monotonic() > end:
                raise RuntimeError("radosgw does not answer")
            time.sleep(0.05)

    def pid(self, name):
        try:
            return int((self.folder / "run" / f"{name}.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def end(self, name, number):
        pid = self.pid(name)
        if pid is None or not is_alive(pid):
            return
        os.kill(pid, number)
        end = time.monotonic() + 30
        while is_alive(pid):
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                end += 30
            time.sleep(0.02)

    def kill_gateway(self):
        self.end("client.rgw", signal.SIGKILL)

    def kill_all(self):
        for name in DAEMONS:
            self.end(name, signal.SIGKILL)

    def start_again(self):
        """After kill_all, of one that keeps."""
        self.monitor()
        self.store()
        self.gateway()

    def stop(self):
        for name in DAEMONS:
            self.end(name, signal.SIGTERM)


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("start", "stop", "kill", "gateway"):
        print("usage: radosgw.py start|stop|kill|gateway FOLDER", file=sys.stderr)
        return 2
    if missing():
        print(missing(), file=sys.stderr)
        return SKIPPED
    server = Radosgw(sys.argv[2])
    if sys.argv[1] == "start":
        try:
            server.start()
        except BaseException:
            server.stop()
            raise
        print(server.endpoint, ACCESS, SECRET, flush=True)
    elif sys.argv[1] == "stop":
        server.stop()
    elif sys.argv[1] == "kill":
        server.kill_gateway()
    else:
        server.gateway()
    return 0


if __name__ == "__main__":
    sys.exit(main())
