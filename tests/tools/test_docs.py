"""The reference pages name every row of the tables they speak of."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

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


def operations():
    return (REPOSITORY / "docs/operations.md").read_text()


def alerts():
    """The expressions of the table of alerts."""
    table = operations().split("## What to alert on")[1]
    return re.findall(r"^\| [^|]+ \| `([^`]+)` ", table, re.M)


def test_operations_page_names_the_settings_that_sighup_changes():
    table = (REPOSITORY / "src/config/live_tbl.h").read_text()
    live = set(re.findall(r"^ORI_LIVE_ROW\((\w+)\)", table, re.M))
    paragraph = re.search(r"\*\*SIGHUP\.\*\*.*?All\s+others", operations(), re.S)[0]
    assert len(live) > 5
    assert set(re.findall(r"`([A-Z_]+)`", paragraph)) == live


def test_alerts_ask_for_metrics_that_exist():
    table = (REPOSITORY / "src/metrics/metrics_tbl.h").read_text()
    known = set(re.findall(r'^ORI_METRIC_ROW\(\w+,\s*"(\w+)"', table, re.M))
    codes = (REPOSITORY / "src/util/status_tbl.h").read_text()
    assert len(alerts()) > 5
    for expression in alerts():
        for name in re.findall(r"\boriane_\w+", expression):
            assert re.sub(r"_(bucket|sum|count)$", "", name) in known, expression
        for code in re.findall(r'code="(\w+)"', expression):
            assert f'"{code}"' in codes, expression


def test_alerts_are_legal_rules(tmp_path):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")
    rules = "".join(f"      - alert: a{i}\n        expr: '{e}'\n" for i, e in enumerate(alerts()))
    path = tmp_path / "rules.yml"
    path.write_text("groups:\n  - name: oriane\n    rules:\n" + rules)
    result = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True,
                            check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_links_of_the_pages_lead_somewhere():
    for page in [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
