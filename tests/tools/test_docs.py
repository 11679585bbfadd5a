"""The reference pages name every row of the tables they speak of."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
OUTCOMES = {"ok", "again", "eof"}  # never told to anybody


def test_output_page_names_every_failure_code():
    table = (REPOSITORY / "src/util/status_tbl.h").read_text()
    codes = set(re.findall(r'^ORI_STATUS_ROW\(\w+, "(\w+)"', table, re.M)) - OUTCOMES
    page = (REPOSITORY / "docs/output.md").read_text()
    assert len(codes) > 20
    assert set(re.findall(r"^\| `(\w+)` \|", page.split("## Failure codes")[1], re.M)) == codes


def test_output_page_names_every_warning():
    sources = (REPOSITORY / "src").rglob("*.c")
    said = {code for source in sources
            for code in re.findall(r'warn\(\w+, "(\w+)"', source.read_text())}
    page = (REPOSITORY / "docs/output.md").read_text()
    assert "truncated" in said
    assert {code for code in said if f"`{code}`" not in page} == set()
