"""Failures at call sites of the program, by the library of tests/inject: a file shared with it says what fails
and where, and tells what was called how often.

    faults = Faults(folder / "faults")
    oriane.run(video, settings=faults.settings)      # records the sites
    faults.fail(site, hit=1)                         # from now on that site fails, once
    faults.rest()
"""

import bisect
import functools
import mmap
import os
import random
import struct
import subprocess
from pathlib import Path

import harness

LIBRARY = harness.BUILD / "tests" / "inject" / "liboriane_inject.so"
SEED = int(os.environ.get("ORIANE_INJECT_SEED", "20241129"))
HEAD = struct.Struct("<8Q")  # struct control of tests/inject/inject.c, as are the next two
SITE = struct.Struct("<QQ32s")
SITES_MAX = 8192
RECORD, FAIL, DISK_FULL, INTERRUPT, SHORT = range(5)
PLACES = ["program", "decode child", "SQLite"]
FOREVER = 1 << 62


@functools.lru_cache(maxsize=None)
def symbols():
    """Sorted addresses of the program's functions, and their names."""
    said = subprocess.run(["nm", "-n", str(harness.BINARY)], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in said.splitlines()]
    rows = [(int(row[0], 16), row[2]) for row in rows if len(row) == 3 and row[1] in "tT"]
    return [a for a, _ in rows], [n for _, n in rows]


class Site:
    def __init__(self, index, key, hits, name):
        self.index, self.hits, self.call = index, hits, name
        self.place, self.offset = PLACES[key >> 48], key & ((1 << 48) - 1)

    def __repr__(self):
        where = hex(self.offset)
        if self.place != "SQLite":
            addresses, names = symbols()
            at = bisect.bisect_right(addresses, self.offset) - 1
            where = f"{names[at]}+{self.offset - addresses[at]:#x}"
        return f"{self.call} in {where} ({self.place})"


class Faults:
    def __init__(self, path):
        self.path = Path(path)
        with open(self.path, "wb+") as file:
            file.truncate(HEAD.size + SITES_MAX * SITE.size)
            self.map = mmap.mmap(file.fileno(), 0)
        self.settings = {"LD_PRELOAD": LIBRARY, "ORIANE_INJECT": self.path}

    def _arm(self, mode, target=0, first=1, times=1):
        self.map[:48] = struct.pack("<6Q", mode, target, first, times, 0, 0)

    def rest(self):
        self._arm(RECORD)

    def fail(self, site, hit=1, times=1):
        self._arm(FAIL, site.index, hit, times)

    def fill_disk(self, first, times=FOREVER):
        """The first-th write, counted from here, and those after it find no space."""
        self._arm(DISK_FULL, 0, first, times)

    def interrupt(self):
        self._arm(INTERRUPT)

    def shorten(self):
        self._arm(SHORT)

    def set_clock(self, seconds):
        self.map[48:56] = struct.pack("<q", int(seconds) * 10**9)

    @property
    def failed(self):
        """How many calls were failed since the last change of mode."""
        return struct.unpack_from("<Q", self.map, 40)[0]

    @property
    def count(self):
        return struct.unpack_from("<Q", self.map, 32)[0]

    def forget_hits(self):
        for index in range(SITES_MAX):
            struct.pack_into("<Q", self.map, HEAD.size + index * SITE.size + 8, 0)

    def sites(self):
        """What was hit since forget_hits."""
        found = []
        for index in range(SITES_MAX):
            key, hits, name = SITE.unpack_from(self.map, HEAD.size + index * SITE.size)
            if hits:
                found.append(Site(index, key, hits, name.rstrip(b"\0").decode()))
        assert struct.unpack_from("<Q", self.map, 56)[0] == 0, "more sites than the file has room for"
        return sorted(found, key=lambda site: (site.place, site.offset))


def points(sites, seed=SEED):
    """(site, hit): each site's first hit and one later hit, in an order that the seed makes."""
    dice = random.Random(seed)
    found = []
    for site in sites:
        found.append((site, 1))
        if site.hits > 1:
            found.append((site, dice.randint(2, site.hits)))
    dice.shuffle(found)
    return found


def note(wrong, what, said):
    """A line more in the list of what went wrong, unless nothing did; told at once, as a campaign is long."""
    if said:
        wrong.append(f"{what}: {said[:1500]}")
        print(wrong[-1], flush=True)


def session_of(pid):
    """Ids of the processes that live in the session that pid started."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != pid and harness.is_alive(int(entry)):
            try:
                if os.getsid(int(entry)) == pid:
                    found.append(int(entry))
            except ProcessLookupError:
                pass
    return found
