"""`oriane run s3://…` and `oriane submit s3://…` against a real radosgw: objects, prefixes, awkward keys,
and what goes wrong there."""

import concurrent.futures
import hashlib
import json
import os
import re
import sqlite3
import sys
from pathlib import Path

import pytest

import harness
import server as servers
from test_s3 import gateway  # noqa: F401  a fixture

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "s3"))

import radosgw  # noqa: E402
import s3_client  # noqa: E402

AWKWARD = ["a b/c d.mp4", "ünï/日本 語.mp4", "plus+and%25and%2F.mp4", "100%.mp4", "a//b.mp4", "q?x=1&y#z.mp4",
           "quote'\"back\\slash.mp4", "tilde~(1)[2]{3}.MKV", "../up.mp4", "dot./x.webm"]
MANY = 2500


class World:
    """A bucket of videos and one of frames."""
    count = 0

    def __init__(self, gateway):
        World.count += 1
        self.gateway = gateway
        self.videos, self.frames = (f"{kind}-{os.getpid()}-{World.count}" for kind in ("videos", "frames"))
        self.s3 = s3_client.S3(gateway.endpoint, radosgw.ACCESS, radosgw.SECRET)
        self.s3.make_bucket(self.videos)
        self.s3.make_bucket(self.frames)

    def settings(self, **more):
        return {"AWS_ENDPOINT_URL": self.gateway.endpoint, "AWS_ACCESS_KEY_ID": radosgw.ACCESS,
                "AWS_SECRET_ACCESS_KEY": radosgw.SECRET, "S3_FRAMES_BUCKET": self.frames, **more}

    def put(self, key, clip):
        self.s3.put(self.videos, key, Path(clip.path).read_bytes())
        return self.url(key)

    def put_many(self, keys, data=b"x"):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda key: self.s3.put(self.videos, key, data), keys))

    def url(self, key=""):
        return f"s3://{self.videos}/{key}"


@pytest.fixture
def world(gateway):
    return World(gateway)


def code_of(url):
    """The end of the code: contract, section 8, with the URL in the place of the path."""
    return hashlib.sha1(url.encode()).hexdigest()[:8]


def settled(row):
    return {k: row[k] for k in ("duration", "crop", "scenes")} | {
        "frames": [{k: f[k] for k in f if k not in ("id", "path")} for f in row["frames"]]}


# --- run ------------------------------------------------------------------------------------------

def test_objects_prefixes_and_files_together(oriane, world, clip):
    named = world.put("tiktok/abc/video.mp4", clip("cuts"))
    other = world.put("in/some folder/clip é+%.mp4", clip("letterbox"))
    world.put_many(["in/readme.txt", "in/.hidden.mp4", "in/.folder/a.mp4", "in/folder.mp4/", "elsewhere/x.mp4"])
    result = oriane.run(named, world.url("in/"), clip("two_frames").path, settings=world.settings())
    assert result.code == 0 and result.err == "", result
    by_source = {row["source"]: row for row in result.lines}
    assert set(by_source) == {named, other, str(clip("two_frames").path)}
    assert (by_source[named]["platform"], by_source[named]["code"]) == ("tiktok", "abc")
    assert by_source[other]["platform"] == "local"
    assert by_source[other]["code"] == "clip_-" + code_of(other)
    local = oriane.run(clip("cuts").path, clip("letterbox").path, out="local")
    for row in local.lines:
        there = named if "cuts" in row["source"] else other
        assert settled(row) == settled(by_source[there]), there
    # With an input in S3 all results go where the settings say.
    keys = set(world.s3.keys(world.frames))
    for row in result.lines:
        assert {f["path"] for f in row["frames"]} <= keys
        assert f"{row['platform']}/{row['code']}/manifest.json" in keys
    assert not [p for p in (oriane.folder / "out" / "frames").rglob("*") if p.is_file()]
    again = oriane.run(named, world.url("in/"), clip("two_frames").path, settings=world.settings())
    assert again.code == 0 and [row["skipped"] for row in again.lines] == [True] * 3, again
    text = oriane("run", "--out", "out", named, settings=world.settings()).out
    assert "1 unchanged" in text and "there was no work to do" in text
    assert f"frames: s3://{world.frames} " in text


def test_skip_upload_keeps_frames_here(oriane, world, clip):
    named = world.put("tiktok/abc/video.mp4", clip("cuts"))
    result = oriane.run(named, settings=world.settings(SKIP_UPLOAD=1))
    assert result.code == 0 and result.one["frames"], result
    assert (oriane.folder / "out" / "frames" / result.one["frames"][0]["path"]).exists()
    assert world.s3.keys(world.frames) == []


@pytest.mark.parametrize("key", AWKWARD)
def test_awkward_keys(oriane, world, clip, key):
    url = world.put(key, clip("one_frame"))
    result = oriane.run(url, settings=world.settings(SKIP_UPLOAD=1))
    assert result.code == 0, result
    row = result.one
    assert row["source"] == url and row["status"] == "success" and row["frames"]
    assert row["code"].endswith("-" + code_of(url))
    below = oriane.run(world.url(), settings=world.settings(SKIP_UPLOAD=1))
    if key.startswith("."):
        assert below.code == 1 and below.one["error"]["code"] == "no_videos", below
    else:
        assert below.code == 0 and below.one["code"] == row["code"] and below.one["skipped"], below


def test_only_what_is_needed_is_read(oriane, world):
    """A file that is no video costs its first and last blocks."""
    world.s3.put(world.videos, "p/big/video.mp4", os.urandom(24 << 20))
    result = oriane.run(world.url("p/big/video.mp4"), settings=world.settings(LOG_LEVEL="debug"))
    assert result.code == 1 and result.one["error"]["code"] == "not_media", result
    [line] = [line for line in result.err.splitlines() if "medium.fetched" in line]
    fetched = re.search(r'\bbytes"?[=:](\d+)', line)
    assert fetched and int(fetched.group(1)) <= 3 << 20, line


def test_two_objects_of_one_name(oriane, world, gateway, clip):
    other = World(gateway)
    first, second = (w.put("tiktok/abc/video.mp4", clip("one_frame")) for w in (world, other))
    result = oriane.run(first, second, first, settings=world.settings())
    rows = {row["source"]: row for row in result.lines}
    assert result.code == 1 and len(result.lines) == 2, result
    assert rows[first]["status"] == "success"
    assert rows[second]["error"]["code"] == "bad_usage"


def test_a_prefix_whose_objects_were_named_is_not_empty(oriane, world, clip):
    named = world.put("tiktok/abc/video.mp4", clip("one_frame"))
    result = oriane.run(named, world.url("tiktok/"), settings=world.settings())
    assert result.code == 0 and [row["source"] for row in result.lines] == [named], result


def test_what_is_not_there_or_not_allowed(oriane, world, clip):
    good = world.put("tiktok/abc/video.mp4", clip("one_frame"))
    nowhere = f"s3://nowhere-{os.getpid()}"
    urls = {world.url("tiktok/none/video.mp4"): "not_found", world.url("tiktok/abc"): "not_found",
            world.url("empty/"): "no_videos", f"{nowhere}/a.mp4": "bucket_missing",
            f"{nowhere}/p/": "bucket_missing", "s3://B/x.mp4": "url_refused", "s3://": "url_refused"}
    result = oriane.run(good, *urls, settings=world.settings())
    assert result.code == 1, result
    rows = {row["source"]: row for row in result.lines}
    assert rows[good]["status"] == "success", "the others go on"
    assert {u: rows[u]["error"]["code"] for u in urls} == urls
    for url, code in urls.items():
        [line] = [line for line in result.err.splitlines() if line.startswith(f"oriane: {url}: ")]
        assert line.endswith(f"[{code}]")
    [line] = [line for line in result.err.splitlines() if world.url("tiktok/abc:") in line]
    assert "there is no object" in line and "ends in a slash" in line, line


def test_wrong_and_missing_credentials(oriane, world, clip):
    good = world.put("tiktok/abc/video.mp4", clip("one_frame"))
    wrong = oriane.run(good, settings=world.settings(AWS_SECRET_ACCESS_KEY="wrong"))
    assert wrong.code == 1 and "[store_denied]" in wrong.err and wrong.out == "", wrong
    assert wrong.err.count("\n") == 1
    kept = oriane.run(good, world.url("tiktok/"), settings=world.settings(
        AWS_SECRET_ACCESS_KEY="wrong", SKIP_UPLOAD=1))
    assert kept.code == 1 and {r["error"]["code"] for r in kept.lines} == {"store_denied"}, kept
    assert kept.err.count("AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID") == 2
    none = oriane.run(good, settings={"HOME": "/nonexistent", "AWS_ENDPOINT_URL": None})
    assert none.code == 2 and none.out == "", none
    assert "s3:// needs credentials of S3" in none.err and "AWS_ACCESS_KEY_ID" in none.err
    local = oriane.run(good, settings=world.settings(LOCAL_MODE=1))
    assert local.code == 2 and "LOCAL_MODE=1 forbids s3://" in local.err, local
    away = oriane.run(good, settings=world.settings(S3_FRAMES_BUCKET=f"nowhere-{os.getpid()}"))
    assert away.code == 1 and "[bucket_missing]" in away.err and away.out == "", away


# --- submit ---------------------------------------------------------------------------------------

def stored(server):
    """(platform, code, url) of every item of the server's store."""
    with sqlite3.connect(server.out / "jobs.db") as db:
        return sorted((p, c, u or "") for p, c, u in db.execute("SELECT platform, code, url FROM items"))


def submit(oriane, server, world, *words, **more):
    return oriane("submit", *words, "--server", server.url,
                  settings=world.settings(API_KEY=servers.KEY, **more))


def test_a_prefix_is_posted_and_done(oriane, tmp_path, world, clip):
    named = world.put("tiktok/abc/video.mp4", clip("cuts"))
    other = world.put("tiktok/loose clip.mp4", clip("one_frame"))
    world.put_many(["tiktok/readme.txt", "tiktok/.hidden.mp4", "youtube/x/video.mp4"])
    with servers.Server(tmp_path / "server", env=world.settings()) as server:
        result = submit(oriane, server, world, world.url("tiktok/"), "--platform", "clips", "--wait", "--json")
        assert result.code == 0 and result.err == "", result
        [job] = [json.loads(line) for line in result.out.splitlines()]
        assert job["status"] == "completed" and job["counts"]["success"] == 2
        items = {i["url"]: (i["platform"], i["code"]) for i in server.status(job["job_id"])["items"]}
        assert items[named] == ("tiktok", "abc")
        assert items[other][0] == "clips" and items[other][1].endswith("-" + code_of(other))
        assert set(items) == {named, other}
        again = submit(oriane, server, world, world.url("tiktok/"), "--platform", "clips")
        assert "2 posted before; there was nothing to post" in again.out, again
    # The same video has the same names in `run`: it is done already.
    run = oriane.run(named, settings=world.settings(VP_OUTPUT_DIR=str(server.out)), out=server.out)
    assert run.code == 0 and run.one["skipped"], run


def test_2500_objects_and_awkward_keys(oriane, tmp_path, world):
    """More than two pages of the list, and more than two requests."""
    names = [f"p/v{i}/video.mp4" for i in range(MANY)]
    awkward = [f"odd/{key}" for key in AWKWARD if not key.startswith(".")]
    world.put_many(names + awkward)
    with servers.Server(tmp_path / "server", env=world.settings(VP_MAX_WORKERS=1)) as server:
        result = submit(oriane, server, world, world.url())
        assert result.code == 0 and result.err == "", result
        assert f"{MANY + len(awkward)} videos, {MANY + len(awkward)} posted in 3 jobs\n" in result.out
        found = stored(server)
        assert len(found) == MANY + len(awkward)
        assert sorted(u for _, _, u in found) == sorted(map(world.url, names + awkward))
        assert {(p, c) for p, c, _ in found if p == "p"} == {("p", f"v{i}") for i in range(MANY)}
        assert len({c for p, c, _ in found if p == "local"}) == len(awkward)
        world.put_many(["p/late/video.mp4"])
        grown = submit(oriane, server, world, world.url())
        assert f", 1 posted in 1 job, {MANY + len(awkward)} posted before\n" in grown.out, grown
        assert len(stored(server)) == MANY + len(awkward) + 1


def test_keys_that_cannot_be_posted_are_told(oriane, tmp_path, world):
    long_key = "x" * 900 + "/" + "é" * 50 + ".mp4"
    world.put_many(["a\nb.mp4", "good.mp4", long_key])
    with servers.Server(tmp_path / "server", env=world.settings()) as server:
        result = submit(oriane, server, world, world.url())
        assert result.code == 1 and "2 posted in 1 job, 1 bad entry\n" in result.out, result
        assert "control character" in result.err and result.err.count("\n") == 1
        strict = submit(oriane, server, world, world.url(), "--strict", "--again")
        assert strict.code == 1 and "[bad_list]" in strict.err, strict
        assert len(stored(server)) == 2


def test_submit_says_why_a_bucket_cannot_be_listed(oriane, tmp_path, world):
    with servers.Server(tmp_path / "server", env=world.settings()) as server:
        nowhere = submit(oriane, server, world, f"s3://nowhere-{os.getpid()}/")
        assert nowhere.code == 1 and "[bucket_missing]" in nowhere.err, nowhere
        wrong = submit(oriane, server, world, world.url(), AWS_SECRET_ACCESS_KEY="wrong")
        assert wrong.code == 1 and "[store_denied]" in wrong.err, wrong
        local = submit(oriane, server, world, world.url(), LOCAL_MODE=1)
        assert local.code == 2 and "LOCAL_MODE=1 forbids s3://" in local.err, local
        empty = submit(oriane, server, world, world.url())
        assert empty.code == 0 and empty.out == "0 videos\n", empty
        assert stored(server) == []
