"""The closing line of tools/test adds up what really ran: its counting is fed known logs."""

import os
import subprocess
import types

import pytest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture(scope="module")
def runner():
    """tools/test as a module: its last line, which runs it, is left out."""
    with open(os.path.join(REPOSITORY, "tools", "test"), encoding="utf-8") as file:
        source = file.read().replace("sys.exit(main())", "")
    module = types.ModuleType("suite_runner")
    module.__file__ = os.path.join(REPOSITORY, "tools", "test")
    exec(compile(source, module.__file__, "exec"), module.__dict__)
    return module


TABLE = [
    ("all well", "OK", "1..2\nok 1 - a\nok 2 - b\n", (2, 0, 0)),
    ("one fails", "FAIL", "1..2\nok 1 - a\nnot ok 2 - b\n# not ok - t\n", (1, 1, 0)),
    ("a skipped case", "OK", "1..2\nok 1 - a\nnot ok 2 # SKIP b\n", (1, 0, 1)),
    ("dies half way", "FAIL", "1..2\nok 1 - a\n", (1, 1, 0)),
    ("dies at once", "FAIL", "", (0, 1, 0)),
    ("hangs", "TIMEOUT", "ok 1 - a\n", (1, 1, 0)),
    ("without cmocka", "OK", "fine\n", (1, 0, 0)),
    ("skips itself", "SKIP", "", (0, 0, 1)),
]


@pytest.mark.parametrize("name,result,out,expected", TABLE, ids=[r[0] for r in TABLE])
def test_count_program(runner, name, result, out, expected):
    count = runner.count_program({"name": "t", "result": result, "stdout": out})
    assert (count.passed, count.failed, count.skipped) == expected


def test_closing_line(runner):
    count = runner.Count()
    assert str(count) == "0 passed, 0 failed"
    count.skipped = 2
    assert str(count) == "0 passed, 0 failed, 2 skipped"


def test_unknown_suite_is_wrong_usage():
    result = subprocess.run([os.path.join(REPOSITORY, "tools", "test"), "nonsense"],
                            capture_output=True, text=True, check=False)
    assert result.returncode == 2


SHAKY = """
import os
MARK = os.environ["MARK"]
def test_well(): pass
def test_once():
    is_second = os.path.exists(MARK)
    open(MARK, "w").close()
    assert is_second, "the first time"
"""


@pytest.mark.parametrize("more,passed,failed,word", [
    ("", 2, 0, "passed at the second try"),
    ("def test_never(): assert 1 == 2\n", 2, 1, "failed twice"),
    ("".join(f"def test_never{i}(): assert 1 == 2\n" for i in range(3)), 1, 4, "failed")])
def test_what_failed_is_tried_once_more_and_named(runner, tmp_path, monkeypatch, more,
                                                  passed, failed, word):
    for name, value in (("REPOSITORY", str(tmp_path)), ("BUILD", str(tmp_path)), ("NOTES", [])):
        monkeypatch.setattr(runner, name, value)
    (tmp_path / "test_shaky.py").write_text(SHAKY + more)
    count = runner.run_pytest(["test_shaky.py"], "report", {"MARK": str(tmp_path / "mark")})
    assert (count.passed, count.failed) == (passed, failed)
    assert any(n.startswith(word + ": test_shaky.py::") for n in runner.NOTES), runner.NOTES
    assert any("test_once: AssertionError: the first time" in n for n in runner.NOTES)
