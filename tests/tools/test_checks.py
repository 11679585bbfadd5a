"""Every tools/check-* can fail: each is fed trees that break its rule, and one that does not."""

import os
import shutil
import subprocess

import pytest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOOD_HEADER = "#pragma once\n/* util/a.h */\n#include <stddef.h>\nsize_t a(void);\n"


def check(script, *arguments, **kwargs):
    return subprocess.run([os.path.join(REPOSITORY, "tools", script), *map(str, arguments)],
                          capture_output=True, text=True, check=False, timeout=60, **kwargs)




def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


LAYER_TABLE = [
    ("down", "src/pipeline/x.c", '#include "util/a.h"\n', 0),
    ("own folder", "src/util/x.c", '#include "util/a.h"\n', 0),
    ("up", "src/util/x.c", '#include "cli/cli.h"\n', 1),
    ("sibling", "src/vision/x.c", '#include "media/m.h"\n', 1),
    ("log beside metrics", "src/log/x.c", '#include "metrics/m.h"\n', 1),
    ("util knows no log", "src/util/x.c", '#include "log/l.h"\n', 1),
    ("libav in vision", "src/vision/x.c", "#include <libavutil/frame.h>\n", 1),
    ("libav in media", "src/media/x.c", "#include <libavutil/frame.h>\n", 0),
    ("libav by quotes", "src/cli/x.c", '#include "libswscale/swscale.h"\n', 1),
    ("in a comment", "src/util/x.c", '/*\n#include "cli/cli.h"\n*/\n', 0),
    ("spaces before include", "src/util/x.c", '#  include "cli/cli.h"\n', 1),
    ("no such header", "src/util/x.c", '#include "util/none.h"\n', 1),
    ("bare name", "src/util/x.c", '#include "a.h"\n', 1),
    ("out of src", "src/util/x.c", '#include "../cli/cli.h"\n', 1),
    ("unranked folder", "src/misc/x.c", "int x;\n", 1),
    ("main sees all", "src/main.c", '#include "cli/cli.h"\n', 0),
    ("cli does not see main", "src/cli/x.c", '#include "main/main.h"\n', 1),
]


@pytest.mark.parametrize("name,path,text,expected", LAYER_TABLE, ids=[r[0] for r in LAYER_TABLE])
def test_layers(tmp_path, name, path, text, expected):
    headers = {f"src/{h}": GOOD_HEADER for h in
               ("util/a.h", "cli/cli.h", "media/m.h", "metrics/m.h", "log/l.h", "main/main.h")}
    if path == "src/main.c":
        del headers["src/main/main.h"]
    result = check("check-layers", write(tmp_path, {**headers, path: text}))
    findings = [l for l in result.stdout.splitlines() if l.startswith(path)]
    assert bool(findings) == bool(expected), result.stdout
    assert result.returncode == expected, result.stdout + result.stderr


BANNED_TABLE = [
    ("strcpy", "src/util/x.c", "void f(char *a) { strcpy(a, a); }", 1),
    ("with a space", "src/util/x.c", "void f(char *a) { sprintf (a, a); }", 1),
    ("in a string", "src/util/x.c", 'const char *s = "strcpy(a, b)";', 0),
    ("in a comment", "src/util/x.c", "/* no strcpy(a, b) */ // atoi(x)\n", 0),
    ("part of a name", "src/util/x.c", "int my_strcpy(int a); int b = 0;", 0),
    ("a field of that name", "src/util/x.c", "void f(struct s *s) { s->system(1); }", 0),
    ("system", "tests/unit/x.c", "void f(void) { system(0); }", 1),
    ("snprintf is fine", "src/util/x.c", "void f(char *a) { snprintf(a, 1, \"%d\", 1); }", 0),
    ("getenv in cli", "src/cli/x.c", 'const char *f(void) { return getenv("A"); }', 1),
    ("secure_getenv in media", "src/media/x.c", 'void f(void) { secure_getenv("A"); }', 1),
    ("getenv in config", "src/config/x.c", 'const char *f(void) { return getenv("A"); }', 0),
    ("getenv in a test", "tests/unit/x.c", 'const char *f(void) { return getenv("A"); }', 0),
    ("strncat in src", "src/util/x.c", "void f(char *a) { strncat(a, a, 1); }", 1),
    ("strncat in a test", "tests/unit/x.c", "void f(char *a) { strncat(a, a, 1); }", 0),
    ("longjmp in vision", "src/vision/x.c", "void f(void) { longjmp(0, 1); }", 1),
]


@pytest.mark.parametrize("name,path,text,expected", BANNED_TABLE, ids=[r[0] for r in BANNED_TABLE])
def test_banned(tmp_path, name, path, text, expected):
    result = check("check-banned", write(tmp_path, {path: text}))
    assert result.returncode == expected, result.stdout + result.stderr
    assert (f"{path}:1" in result.stdout) == bool(expected)


HEADER_TABLE = [
    ("good", GOOD_HEADER, 0),
    ("needs another header", "#pragma once\nuint32_t a(void);\n", 1),
    ("without pragma once", "extern int a;\n", 1),
    ("twice in a row fails", "enum a { A };\n#define ONCE\n", 1),
    ("missing include", '#pragma once\n#include "util/none.h"\n', 1),
]


@pytest.mark.parametrize("name,text,expected", HEADER_TABLE, ids=[r[0] for r in HEADER_TABLE])
def test_headers(tmp_path, name, text, expected):
    result = check("check-headers", write(tmp_path, {"src/util/a.h": text}))
    if result.returncode == 77:
        pytest.skip(result.stdout.strip())
    assert result.returncode == expected, result.stdout + result.stderr


def test_headers_leave_tables_alone(tmp_path):
    result = check("check-headers", write(tmp_path, {"src/util/a_tbl.h": "ROW(nothing)\n"}))
    assert result.returncode in (0, 77), result.stdout


@pytest.mark.parametrize("text,expected", [("int a(void);\n", 0), ("int  a( void ) ;\n", 1)])
def test_format(tmp_path, text, expected):
    result = check("check-format", write(tmp_path, {"src/util/a.h": text}))
    if result.returncode == 77:
        pytest.skip(result.stdout.strip())
    assert result.returncode == expected, result.stdout + result.stderr


def test_format_skips_another_version(tmp_path):
    fake = tmp_path / "bin"
    fake.mkdir()
    for name in ("clang-format", "clang-format-14"):
        (fake / name).write_text("#!/bin/sh\necho clang-format version 99.0.0\n")
        (fake / name).chmod(0o755)
    python = shutil.which("python3", path="/usr/bin")
    result = subprocess.run([python, os.path.join(REPOSITORY, "tools", "check-format")],
                            env={"PATH": str(fake)}, capture_output=True, text=True, check=False)
    assert result.returncode == 77
    assert "skipped: clang-format 14" in result.stdout


NAMES_TABLE = [
    ("a build path", "see /" + "work/main/src", 1),
    ("a home", "cd /" + "home/someone/x", 1),
    ("a registry", "curl https://py" + "pi.org/simple", 1),
    ("another registry", "registry.n" + "pmjs.org", 1),
    ("relative", "../shared/media and framework/x", 0),
    ("tmp is no machine's", "/tmp/x", 0),
]


@pytest.mark.parametrize("name,text,expected", NAMES_TABLE, ids=[r[0] for r in NAMES_TABLE])
def test_names(tmp_path, name, text, expected):
    result = check("check-names", write(tmp_path, {"docs/a.md": "x\n" + text + "\n"}))
    assert result.returncode == expected, result.stdout + result.stderr
    assert ("docs/a.md:2" in result.stdout) == bool(expected)


COMMIT_TABLE = [
    ("media: read the rotation of phone videos", 0),
    ("tests, tools: sum up every suite", 0),
    ("Media: read", 1),
    ("media: Read the rotation", 1),
    ("media: read the rotation.", 1),
    ("read the rotation", 1),
    ("media: " + "x" * 65, 0),
    ("media: " + "x" * 66, 1),
]


@pytest.mark.parametrize("subject,expected", COMMIT_TABLE)
def test_commits(subject, expected):
    result = check("check-commits", "--stdin", input=subject + "\n")
    assert result.returncode == expected, result.stdout


@pytest.mark.parametrize("script", ["check-layers", "check-banned", "check-names"])
def test_two_roots_are_wrong_usage(script, tmp_path):
    assert check(script, tmp_path, tmp_path).returncode == 2


def test_git_ignored_files_are_not_looked_at(tmp_path):
    root = write(tmp_path, {".gitignore": "/build*/\n", "build/x.md": "/" + "work/a\n"})
    subprocess.run(["git", "init", "-q", root], check=True)
    assert check("check-names", root).returncode == 0
    write(root, {"src/x.md": "/" + "work/a\n"})
    assert check("check-names", root).returncode == 1
