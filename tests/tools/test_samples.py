"""tools/sample-videos and the request it renders for."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOL = REPOSITORY / "tools" / "sample-videos"
REQUEST = REPOSITORY / "examples" / "sample_100_videos_request.json"


def items():
    return [(i["platform"], i["code"]) for i in json.loads(REQUEST.read_text())["items"]]


def render(out, request):
    return subprocess.run([TOOL, out, request], capture_output=True, text=True, check=False,
                          timeout=120)


def request_of(folder, chosen):
    path = folder / "request.json"
    path.write_text(json.dumps({"items": [{"platform": p, "code": c} for p, c in chosen]}))
    return path


def test_a_hundred_videos_with_legal_names():
    found = items()
    assert len(found) == len(set(found)) == 100
    for name in (part for item in found for part in item):
        assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", name), name


def test_renders_what_the_request_names_and_nothing_twice(tmp_path):
    chosen = items()[:4]
    request = request_of(tmp_path, chosen)
    first = render(tmp_path / "a", request)
    assert first.returncode == 0 and "4 of them rendered" in first.stdout, first
    paths = [tmp_path / "a" / p / c / "video.mp4" for p, c in chosen]
    assert sorted((tmp_path / "a").rglob("*.*")) == sorted(paths)
    assert "0 of them rendered" in render(tmp_path / "a", request).stdout
    sums = {hashlib.sha256(p.read_bytes()).digest() for p in paths}
    assert len(sums) == 4  # each shows something else
    for path in paths:
        said = subprocess.run(["ffprobe", "-v", "error", "-show_entries",
                               "stream=codec_type:format=duration", "-of", "json", path],
                              capture_output=True, text=True, check=True)
        facts = json.loads(said.stdout)
        assert [s["codec_type"] for s in facts["streams"]] == ["video"]
        assert 2.9 < float(facts["format"]["duration"]) < 4.1


def test_a_name_that_leads_elsewhere_is_refused(tmp_path):
    result = render(tmp_path / "a", request_of(tmp_path, [("..", "x")]))
    assert result.returncode == 1 and "no legal name" in result.stderr
    assert not (tmp_path / "a").exists()
