"""tools/embed-web: what goes in comes out of the compiler, and what must not be served is refused."""

import hashlib
import os
import shutil
import subprocess

import pytest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

SHOW = """
#include <stdio.h>
#include "http/web_priv.h"
int main(void) {
    for (size_t i = 0; i < ori_web_files_count; i++) {
        const struct ori_web_file *f = &ori_web_files[i];
        printf("%s/%s|%s|%zu|%s|", f->folder, f->name, f->content_type, f->bytes, f->etag);
        for (size_t k = 0; k < f->bytes; k++) printf("%02x", f->data[k]);
        puts("");
    }
}
"""


def embed(output, *files):
    return subprocess.run([os.path.join(REPOSITORY, "tools", "embed-web"), str(output), *map(str, files)],
                          capture_output=True, text=True, check=False, timeout=60)


def make(root, files):
    paths = []
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        paths.append(path)
    return paths


@pytest.mark.skipif(not shutil.which("gcc"), reason="skipped: gcc is not installed")
def test_bytes_survive_the_compiler(tmp_path):
    files = {"ui/a.js": b"1", "ui/b.css": bytes(range(1, 128)) * 3, "docs/a.js": "\u00e9\u2192\0\n".encode(),
             "ui/index.html": b'"\\ ??/ %s */ \r\n'}
    assert embed(tmp_path / "out.c", *make(tmp_path, files)).returncode == 0
    (tmp_path / "show.c").write_text(SHOW)
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(REPOSITORY, "src"), "out.c", "show.c",
                    "-o", "show"], cwd=tmp_path, check=True, timeout=60)
    lines = subprocess.run([tmp_path / "show"], capture_output=True, text=True, check=True).stdout.splitlines()
    found = {row[0]: row[1:] for row in (line.split("|") for line in lines)}
    assert set(found) == set(files)
    for name, data in files.items():
        kind, size, etag, hexed = found[name]
        assert (int(size), etag, bytes.fromhex(hexed)) == (len(data), hashlib.sha256(data).hexdigest(), data)
        assert kind.split("/")[1].split(";")[0] == {"js": "javascript", "css": "css", "html": "html"}[name.split(".")[1]]


def test_same_files_same_output(tmp_path):
    paths = make(tmp_path, {"ui/a.js": b"1", "docs/a.js": b"2"})
    assert embed(tmp_path / "1.c", *paths).returncode == 0
    assert embed(tmp_path / "2.c", *reversed(paths)).returncode == 0
    assert (tmp_path / "1.c").read_bytes() == (tmp_path / "2.c").read_bytes()


@pytest.mark.parametrize("name,data", [("ui/a.php", b"x"), ("ui/a", b"x"), ("ui/.a.js", b"x"), ("ui/A.js", b"x"),
                                       ('ui/a".js', b"x"), ("u i/a.js", b"x"), ("ui/a.js", b""), ("ui/a.js", b"\xff")])
def test_what_must_not_be_served(tmp_path, name, data):
    result = embed(tmp_path / "out.c", *make(tmp_path, {name: data}))
    assert result.returncode == 1 and result.stderr.startswith("embed-web: "), result
    assert not (tmp_path / "out.c").exists()


def test_twice_or_missing(tmp_path):
    path, = make(tmp_path, {"ui/a.js": b"1"})
    assert embed(tmp_path / "out.c", path, path).returncode == 1
    assert embed(tmp_path / "out.c", tmp_path / "ui" / "none.js").returncode == 1
    assert embed(tmp_path / "out.c").returncode == 2
