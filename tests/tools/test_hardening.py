"""The flags that make a mistake harder to use, looked for in the program that was built."""

import os
import platform
import re
import shutil
import subprocess

import pytest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ORIANE_BUILD", os.path.join(REPOSITORY, "build"))
BINARY = os.path.join(BUILD, "oriane")
pytestmark = pytest.mark.skipif(not shutil.which("readelf"), reason="no readelf on this machine")


def readelf(*arguments):
    return subprocess.run(["readelf", "-W", *arguments], capture_output=True, text=True,
                          check=True).stdout


def test_its_place_in_memory_is_by_chance():
    assert "DYN (Position-Independent Executable" in readelf("-h", BINARY)
    assert "TEXTREL" not in readelf("-d", BINARY)


def test_its_tables_of_addresses_are_read_only():
    assert "GNU_RELRO" in readelf("-l", BINARY)
    dynamic = readelf("-d", BINARY)
    assert "BIND_NOW" in dynamic and re.search(r"FLAGS_1.*NOW", dynamic)


def test_no_memory_is_both_written_and_run():
    for line in readelf("-l", BINARY).splitlines():
        if re.match(r"\s+(LOAD|GNU_STACK)", line):
            assert "WE" not in line.replace(" ", "") and "RWE" not in line, line


def test_no_library_is_looked_for_in_odd_places():
    assert not re.search(r"R(UN)?PATH", readelf("-d", BINARY))


def test_the_stack_is_guarded():
    assert "__stack_chk_fail" in readelf("--dyn-syms", BINARY)


def test_lengths_are_checked_by_the_c_library():
    checked = set(re.findall(r"__(\w+)_chk\b", readelf("--dyn-syms", BINARY)))
    assert {"memcpy", "snprintf", "vsnprintf"} <= checked, checked


@pytest.mark.skipif(platform.machine() != "x86_64", reason="a feature of x86-64")
def test_jumps_land_where_they_may():
    """Of our objects; the program's own mark also needs a C library that was built so."""
    archive = os.path.join(BUILD, "liboriane_core.a")
    # a thin archive: its members are files of the build folder
    members = subprocess.run(["ar", "t", archive], capture_output=True, text=True,
                             check=True).stdout.split()
    assert len(members) > 100
    for name in members[:: max(1, len(members) // 20)]:
        path = name if os.path.isabs(name) else os.path.join(BUILD, name)
        notes = readelf("-n", path)
        assert "IBT" in notes and "SHSTK" in notes, name


def test_the_unit_lets_the_decode_process_shut_itself_in():
    with open(os.path.join(REPOSITORY, "deploy", "oriane.service"), encoding="utf-8") as file:
        allowed = re.search(r"^SystemCallFilter=(.*)$", file.read(), re.M)[1].split()
    assert "seccomp" in allowed  # not in @system-service; without it nothing is decoded
