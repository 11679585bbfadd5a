"""What the check-* scripts share: which files there are, and C text without comments and strings.

A script is `tools/check-x [ROOT]`: it prints one line a finding and ends with 0 (clean), 1 (findings)
or 77 (could not look, and says why). ROOT is this repository unless named: tests name bad trees.
"""

import os
import re
import subprocess
import sys

SKIPPED = 77
REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def root_argument():
    if len(sys.argv) > 2:
        print(f"usage: {sys.argv[0]} [ROOT]", file=sys.stderr)
        sys.exit(2)
    return os.path.abspath(sys.argv[1]) if len(sys.argv) == 2 else REPOSITORY


def _walk(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "build")))
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), root)


def files(root, *extensions):
    """Paths relative to root: git's own files where root is a work tree, else all of them."""
    is_tree = os.path.exists(os.path.join(root, ".git"))
    if is_tree:
        listed = subprocess.run(
            ["git", "-c", f"safe.directory={root}", "-C", root, "ls-files", "-z", "-c", "-o",
             "--exclude-standard"], check=True, capture_output=True).stdout
        names = sorted(set(os.fsdecode(n) for n in listed.split(b"\0") if n))
        names = [n for n in names if os.path.isfile(os.path.join(root, n))]
    else:
        names = list(_walk(root))
    return [n for n in names if not extensions or n.endswith(extensions)]


def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8", errors="replace") as file:
        return file.read()


_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def _blank(match):
    text = match.group()
    if text[0] == "/":
        return re.sub(r"[^\n]", " ", text)
    return text[0] + " " * (len(text) - 2) + text[-1]


def code_of(text):
    """The same lines with comments and the insides of literals blanked."""
    return _TOKEN.sub(_blank, text)


def without_comments(text):
    return _TOKEN.sub(lambda m: _blank(m) if m.group()[0] == "/" else m.group(), text)


def finish(findings, name, looked_at):
    for finding in findings:
        print(finding)
    print(f"{name}: {looked_at} files, {len(findings)} findings")
    sys.exit(1 if findings else 0)
