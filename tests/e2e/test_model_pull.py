"""`oriane model pull` from a hub of our own on loopback, most of whose ways are bad."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
import time

import pytest

import harness
import hub_server
from hub_server import git_hash, model, oid, weights

REPO = "tiny-lab/clip-tiny"
FOLDER = "models--tiny-lab--clip-tiny"
WANTED = {"config.json", "preprocessor_config.json", "tokenizer.json", "merges.txt", "model.safetensors"}
PATIENCE_S = 60


@pytest.fixture
def hub():
    one = hub_server.Hub()
    yield one
    one.stop()


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "hf" / "hub"


@pytest.fixture
def pull(oriane, hub, tmp_path):
    def call(name=REPO, *words, start=False, settings=None, **options):
        given = {"HF_HOME": tmp_path / "hf", "HF_ENDPOINT": hub.url, "HF_HUB_DOWNLOAD_TIMEOUT": 5,
                 **(settings or {})}
        run = oriane.start if start else oriane
        return run("model", "pull", name, *words, settings=given, **options)
    return call


@pytest.fixture
def listed(oriane, tmp_path):
    def call(**settings):
        result = oriane("model", "list", "--json", settings={"HF_HOME": tmp_path / "hf", **settings})
        assert result.code == 0, result
        return result.json["models"]
    return call


def short(value):
    """A parameter in a test's name."""
    return repr(value)[:30]


def well(result):
    assert result.code == 0, result
    return result


def refused(result, code, *words):
    """Failed, said why in one line with the code, and no word of a traceback or a token."""
    assert result.code == 1 and result.out == "", result
    line = next(l for l in result.err.splitlines() if l.startswith("oriane: "))
    assert line.endswith(f"[{code}]"), result
    for word in words:
        assert word in line, result
    return line


def files_below(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir()}


def partials(cache):
    return list(cache.rglob("*.incomplete"))


def is_here(cache, name, data, revision="main"):
    """Found as huggingface_hub would find it."""
    commit = (cache / FOLDER / "refs" / revision).read_text()
    path = cache / FOLDER / "snapshots" / commit / name
    return path.read_bytes() == data


def nothing_is_here(cache):
    return not (cache / FOLDER / "refs").exists() and not list((cache / FOLDER).glob("blobs/*"))


# --- the layout -----------------------------------------------------------------------------------

def test_layout_is_that_of_huggingface_hub(pull, hub, cache):
    files = model()
    commit = hub.add(REPO, files)
    well(pull())
    root = cache / FOLDER
    assert (root / "refs" / "main").read_bytes() == commit.encode(), "no newline"
    snapshot = root / "snapshots" / commit
    assert {p.name for p in snapshot.iterdir()} == WANTED
    for name in WANTED:
        assert os.readlink(snapshot / name) == f"../../blobs/{oid(name, files[name])}"
        assert (snapshot / name).read_bytes() == files[name]
    assert {p.name for p in (root / "blobs").iterdir()} == {oid(n, files[n]) for n in WANTED}
    locks = cache / ".locks" / FOLDER
    assert {p.name for p in locks.iterdir()} == {oid(n, files[n]) + ".lock" for n in WANTED}


def test_only_what_is_needed_is_asked_for(pull, hub):
    hub.add(REPO, model(pytorch_model__bin=b"x", tf_model__h5=b"x", model__onnx=b"x"))
    well(pull())
    asked = {r.bare_path.rsplit("/", 1)[1] for r in hub.asked("GET", "/resolve/")}
    assert asked == WANTED


def test_output_for_people_and_for_programs(pull, hub, cache):
    commit = hub.add(REPO)
    first = well(pull(REPO, "--json"))
    total = sum(len(data) for name, data in model().items() if name in WANTED)
    assert first.json == {"name": REPO, "revision": "main", "commit": commit, "licence": "mit",
                          "folder": str(cache / FOLDER / "snapshots" / commit), "files": 5,
                          "bytes": total, "bytes_loaded": total}
    assert "model.safetensors  3.0 MB\n" in first.err and "licence: mit" in first.err
    again = well(pull())
    assert f"model    {REPO}@main\ncommit   {commit}\n" in again.out
    assert "0 bytes loaded now" in again.out and "licence  mit\n" in again.out


def test_a_second_pull_loads_nothing(pull, hub):
    hub.add(REPO)
    well(pull())
    del hub.requests[:], hub.cdn.requests[:]
    assert well(pull(REPO, "--json")).json["bytes_loaded"] == 0
    assert len(hub.requests) == 1 and not hub.cdn.requests, "the commit is asked for, nothing else"


def test_a_new_commit_shares_what_did_not_change(pull, hub, cache):
    hub.add(REPO)
    well(pull())
    hub.add(REPO, model(tokenizer__json=b'{"model": {"new": 1}}', vocab__json=b"{}"))
    del hub.requests[:], hub.cdn.requests[:]
    well(pull())
    assert not hub.cdn.requests, "the weights are the old ones"
    assert is_here(cache, "tokenizer.json", b'{"model": {"new": 1}}')
    assert len(list((cache / FOLDER / "snapshots").iterdir())) == 2


def test_revisions_and_commits(pull, hub, cache, listed):
    main = hub.add(REPO)
    other = hub.add(REPO, model(merges__txt=b"other"), revision="refs/pr/7")
    third = hub.add(REPO, model(merges__txt=b"third"), revision="v1.0")
    well(pull(f"{REPO}@refs/pr/7"))
    assert (cache / FOLDER / "refs" / "refs" / "pr" / "7").read_text() == other
    assert any("/revision/refs%2Fpr%2F7" in r.path for r in hub.asked("GET", "/api/"))
    well(pull(f"{REPO}@{third}"))
    assert not (cache / FOLDER / "refs" / "v1.0").exists()
    well(pull())
    found = {row["commit"]: row["revisions"] for row in listed()}
    assert found == {main: "main", other: "refs/pr/7", third: ""}


def test_names_without_an_organisation(pull, hub, cache):
    hub.add("clip-tiny")
    well(pull("clip-tiny"))
    assert (cache / "models--clip-tiny" / "refs" / "main").exists()


def test_hf_hub_cache_and_its_older_name(pull, hub, tmp_path):
    hub.add(REPO)
    well(pull(settings={"HF_HUB_CACHE": tmp_path / "a"}))
    well(pull(settings={"HUGGINGFACE_HUB_CACHE": tmp_path / "b"}))
    assert (tmp_path / "a" / FOLDER).is_dir() and (tmp_path / "b" / FOLDER).is_dir()


def test_default_cache_is_the_persons(oriane, hub, tmp_path):
    hub.add(REPO)
    for settings, root in (({"HOME": tmp_path / "h"}, tmp_path / "h" / ".cache"),
                           ({"XDG_CACHE_HOME": tmp_path / "x"}, tmp_path / "x")):
        well(oriane("model", "pull", REPO, settings={"HF_ENDPOINT": hub.url, **settings}))
        assert (root / "huggingface" / "hub" / FOLDER / "refs" / "main").exists()


@pytest.mark.parametrize("name", ["", "a/b/c", "../x", "a/../b", "/a/b", "a//b", "a/b@", "a/b@../x",
                                  "a/b@x/../y", "a/b@/x", "a/b@x y", "a b", "a/b\n", "a/b?x", "a--b/c",
                                  "a/b.git", ".a/b", "a/-b", "a/" + "b" * 97, "a/b@" + "r" * 129,
                                  "builtin/visual-512", "models--a--b", "a/b@x@y", "ä/b"], ids=short)
def test_names_that_are_none(pull, hub, tmp_path, name):
    result = pull(name)
    assert result.code == 2 and not hub.requests and not (tmp_path / "hf").exists(), result


def test_the_longest_name_and_revision(pull, hub):
    name, revision = "a" * 96 + "/" + "b" * 96, "r" * 128
    hub.add(name, revision=revision)
    well(pull(f"{name}@{revision}"))


# --- which files ----------------------------------------------------------------------------------

def sharded(count=3, **more):
    names = [f"model-{i:05}-of-{count:05}.safetensors" for i in range(1, count + 1)]
    index = {"metadata": {"total_size": 1}, "weight_map": {f"t{i}": n for i, n in enumerate(names)}}
    files = model(model__safetensors=None, **more)
    files.update({name: weights(200_000, seed) for seed, name in enumerate(names)})
    files["model.safetensors.index.json"] = json.dumps(index).encode()
    return files, names


def test_shards_by_their_index(pull, hub, cache, listed):
    files, names = sharded()
    files["unused.safetensors"] = weights(1000, 9)
    hub.add(REPO, files)
    done = well(pull(REPO, "--json")).json
    assert all(is_here(cache, name, files[name]) for name in names)
    assert done["files"] == 8 and not hub.asked("HEAD", "unused")
    assert listed()[0]["is_usable"] is True
    (cache / FOLDER / "snapshots" / done["commit"] / names[1]).unlink()
    assert listed()[0]["fault"] == "not all the files that model.safetensors.index.json names"


def test_weights_in_one_piece_win(pull, hub, cache):
    files, names = sharded()
    files["model.safetensors"] = weights(1000)
    hub.add(REPO, files)
    well(pull())
    assert not hub.asked("HEAD", "-of-") and not hub.asked("HEAD", "index")


@pytest.mark.parametrize("shard", ["../../../x.safetensors", "/tmp/x.safetensors", "a/b.safetensors",
                                   "x.bin", "", ".x.safetensors", "x.safetensors\0", 5, None,
                                   "n" * 189 + ".safetensors"])
def test_hostile_shard_names(pull, hub, cache, tmp_path, shard):
    files, _ = sharded()
    files["model.safetensors.index.json"] = json.dumps({"weight_map": {"t": shard}}).encode()
    hub.add(REPO, files)
    refused(pull(), "bad_model", "model.safetensors.index.json")
    assert not (cache / FOLDER / "refs").exists()
    assert files_below(tmp_path) == {p for p in files_below(tmp_path) if p.startswith("hf/hub/")}


def test_an_index_that_names_what_is_not_there(pull, hub):
    files, names = sharded()
    del files[names[2]]
    hub.add(REPO, files)
    refused(pull(), "bad_model", names[2])


@pytest.mark.parametrize("index", [b"", b"{", b"[]", b"{}", b'{"weight_map": []}', b'{"weight_map": {}}',
                                   b'{"weight_map": {"a": "x.safetensors"}, "weight_map": {}}'])
def test_an_index_that_is_none(pull, hub, index):
    files, _ = sharded()
    files["model.safetensors.index.json"] = index
    hub.add(REPO, files)
    refused(pull(), "bad_model", "model.safetensors.index.json")


def test_pytorch_alone_is_refused(pull, hub, cache):
    hub.add(REPO, model(model__safetensors=None))
    refused(pull(), "not_found", "has no model.safetensors", "pytorch_model.bin is never loaded",
            f"oriane model pull {REPO}@REVISION")
    assert nothing_is_here(cache)


def test_no_config(pull, hub, cache):
    hub.add(REPO, model(config__json=None))
    refused(pull(), "not_found", "config.json")
    assert nothing_is_here(cache)


def test_openai_vit_b32_is_taken_from_its_pull_request(pull, hub, oriane, tmp_path, cache):
    name = "openai/clip-vit-base-patch32"
    hub.add(name, model(model__safetensors=None), licence=None)
    hub.add(name, revision="refs/pr/66", licence=None)
    settings = {"HF_HOME": tmp_path / "hf", "CLIP_MODEL": name}
    before = oriane("embed", "--text", "x", settings=settings)
    refused(before, "model_missing", f"oriane model pull {name}")
    done = well(pull(name, "--json"))
    assert done.json["revision"] == "refs/pr/66" and "refs/pr/66" in done.err
    assert (cache / "models--openai--clip-vit-base-patch32" / "refs" / "refs" / "pr" / "66").exists()
    assert "model_missing" not in oriane("embed", "--text", "x", settings=settings).err
    main = oriane("embed", "--text", "x", settings={**settings, "CLIP_MODEL": f"{name}@main"})
    refused(main, "model_missing", f"oriane model pull {name}@main")
    # once main has them, they are main's
    hub.add(name, model(), licence=None)
    assert well(pull(name, "--json")).json["revision"] == "main"


# --- redirects, tokens ----------------------------------------------------------------------------

def tokens(site):
    return {r.headers.get("Authorization") for r in site.requests}


def test_the_token_goes_to_the_hub_alone(pull, hub):
    hub.add(REPO)
    result = well(pull(settings={"HF_TOKEN": "hf_hush", "LOG_LEVEL": "trace"}))
    assert tokens(hub) == {"Bearer hf_hush"} and tokens(hub.cdn) == {None}
    assert "hf_hush" not in result.err and "Signature" not in result.err


def test_the_token_file_of_huggingface(pull, hub, tmp_path):
    hub.add(REPO)
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_stored\n")
    well(pull())
    assert tokens(hub) == {"Bearer hf_stored"} and tokens(hub.cdn) == {None}
    del hub.requests[:]
    well(pull(settings={"HF_TOKEN": "hf_given"}))
    assert tokens(hub) == {"Bearer hf_given"}


def test_without_a_token_none_is_sent(pull, hub):
    hub.add(REPO)
    well(pull())
    assert tokens(hub) == {None}


def test_a_moved_model_and_files_behind_relative_redirects(pull, hub, cache):
    hub.add("new-lab/clip-tiny")

    def moved(request):
        if request.bare_path.startswith(f"/api/models/{REPO}"):
            return request.say(307, Location=request.path.replace("tiny-lab", "new-lab"))
        if request.bare_path.startswith(f"/{REPO}/resolve/"):
            return request.say(307, Location=f"/api/resolve-cache/{request.bare_path[1:]}")
        if request.bare_path.startswith("/api/resolve-cache/"):
            request.bare_path = request.bare_path[len("/api/resolve-cache"):].replace("tiny-", "new-")
    hub.hooks.append(moved)
    well(pull(settings={"HF_TOKEN": "hf_hush"}))
    assert is_here(cache, "model.safetensors", model()["model.safetensors"])
    assert tokens(hub) == {"Bearer hf_hush"} and tokens(hub.cdn) == {None}


def test_redirects_without_end(pull, hub):
    hub.add(REPO)
    hub.hooks.append(lambda r: r.say(302, Location=r.path + "x"))
    refused(pull(), "url_refused", "redirects more than 8 times")
    assert len(hub.requests) == 9


def test_as_many_redirects_as_allowed(pull, hub):
    hub.add(REPO)

    def hop(request):
        count = request.path.count("&hop")
        if "/api/" in request.path and count < 8:
            return request.say(302, Location=request.path + "&hop")
    hub.hooks.append(hop)
    well(pull())


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "javascript:1", "//", None,
                                      "http://user:pass@127.0.0.1/x", "http://127.0.0.1:99999/", "http:///x",
                                      "http://10.0.0.1/x", "http://169.254.169.254/latest/meta-data",
                                      "http://[fd00::1]/x", "http://0x0a000001/x",
                                      "http://127.0.0.1/" + "x" * 16384], ids=short)
def test_where_a_redirect_must_not_lead(pull, hub, cache, location):
    hub.add(REPO)
    hub.hooks.append(lambda r: r.say(302, Location=location) if "/resolve/" in r.path else None)
    refused(pull(), "url_refused")
    assert nothing_is_here(cache)


def test_the_cdn_redirects_on(pull, hub, cache):
    """Even back to the hub: the token is the hub's, whoever sent us there."""
    hub.add(REPO)

    def on(request):
        if "/store/" in request.bare_path:
            return request.say(302, Location=f"{hub.url}/blob/{request.bare_path.rsplit('/', 1)[1]}")
    hub.cdn.hooks.append(on)
    hub.hooks.append(lambda r: hub.cdn.answer(r) or True if r.bare_path.startswith("/blob/") else None)
    well(pull(settings={"HF_TOKEN": "hf_hush"}))
    assert tokens(hub.cdn) == {None}
    assert is_here(cache, "model.safetensors", model()["model.safetensors"])


def test_endpoints(pull, hub, cache):
    hub.add(REPO)

    def mirror(request):
        if not request.bare_path.startswith("/mirror/hf/"):
            return request.say(500)
        request.bare_path = request.bare_path[len("/mirror/hf"):]
    hub.hooks.append(mirror)
    well(pull(settings={"HF_ENDPOINT": f"{hub.url}/mirror/hf//"}))
    for endpoint in ("ftp://x", "huggingface.co", "http://u:p@x", "http://x?y", "http://x/#y", "http://"):
        result = pull(settings={"HF_ENDPOINT": endpoint})
        assert result.code == 2 and "HF_ENDPOINT" in result.err, result


# --- transfers that break -------------------------------------------------------------------------

BIG = weights(6_000_000, 5)


@pytest.fixture
def big(hub):
    hub.add(REPO, model(model__safetensors=BIG))
    return oid("x.safetensors", BIG)


def breaking(times, after, lengths=None):
    """The CDN answers so many times with `after` bytes of the rest and hangs up."""
    left = [times]

    def hook(request):
        if left[0] == 0 or request.command != "GET":
            return None
        left[0] -= 1
        rest = BIG[request.first_byte:]
        first, end = request.first_byte, len(BIG)
        request.send_response(206 if first else 200)
        request.send_header("Content-Length", lengths or len(rest))
        if first:
            request.send_header("Content-Range", f"bytes {first}-{end - 1}/{end}")
        request.end_headers()
        request.wfile.write(rest[:after])
        return request.hang_up()
    return hook


def test_a_break_goes_on_at_its_byte(pull, hub, big, cache):
    hub.cdn.hooks.append(breaking(3, 1_500_000))
    done = well(pull(REPO, "--json")).json
    assert is_here(cache, "model.safetensors", BIG) and not partials(cache)
    ranges = [r.headers.get("Range") for r in hub.cdn.asked("GET", "/store/")]
    assert ranges == [None, "bytes=1500000-", "bytes=3000000-", "bytes=4500000-"]
    assert done["bytes_loaded"] == done["bytes"], "no byte came twice"


def test_breaks_without_end(pull, hub, big, cache):
    hub.cdn.hooks.append(breaking(-1, 1000))
    refused(pull(), "network_failed")
    assert partials(cache)[0].stat().st_size == 5000, "five attempts, each of which was used"
    assert not (cache / FOLDER / "refs").exists()
    hub.cdn.hooks.clear()
    assert well(pull(REPO, "--json")).json["bytes_loaded"] == len(BIG) - 5000


def test_many_breaks_that_bring_something(pull, hub, big, cache):
    """More than attempts are allowed in a row: bytes that come make the count begin again."""
    small = weights(6 * 1024 * 1024 + 1000, 6)
    hub.add(REPO, model(model__safetensors=small))

    def hook(request):
        if request.command == "GET":
            rest = small[request.first_byte:]
            request.send_response(206)
            request.send_header("Content-Length", len(rest))
            request.send_header("Content-Range", f"bytes {request.first_byte}-{len(small) - 1}/*")
            request.end_headers()
            request.wfile.write(rest[:1024 * 1024])
            return request.hang_up()
    hub.cdn.hooks.append(hook)
    well(pull())
    assert len(hub.cdn.asked("GET", "/store/")) == 7
    assert is_here(cache, "model.safetensors", small)


def test_a_server_that_ignores_ranges(pull, hub, big, cache):
    def whole(request):
        if request.first_byte:
            return request.say(200, BIG)
    hub.cdn.hooks += [breaking(1, 2_000_000), whole]
    well(pull())
    assert is_here(cache, "model.safetensors", BIG)
    assert len(hub.cdn.asked("GET", "/store/")) == 2


@pytest.mark.parametrize("claim", ["bytes 0-5999999/6000099", "bytes 2000001-/6000099", "bytes 1-2/3",
                                   "nonsense", None, "bytes 2000000-6000098/7000000"])
def test_a_part_that_is_not_the_one_asked_for(pull, hub, big, cache, claim):
    hub.cdn.hooks += [breaking(1, 2_000_000),
                      lambda r: r.say(206, BIG[r.first_byte:], Content_Range=claim)]
    refused(pull(), "bad_model", "another part")
    assert not partials(cache) and not (cache / FOLDER / "refs").exists()


def test_a_length_that_is_too_short_is_a_break(pull, hub, big, cache):
    hub.cdn.hooks.append(breaking(1, 1_000_000, lengths=1_000_000))
    well(pull())
    assert is_here(cache, "model.safetensors", BIG)


def test_more_than_was_announced(pull, hub, big, cache):
    hub.cdn.hooks.append(lambda r: r.say(200, BIG + b"more"))
    refused(pull(), "bad_model", "more than the")
    assert not partials(cache) and not (cache / FOLDER / "refs").exists()


def test_far_more_than_was_announced(pull, hub, big, cache):
    hub.cdn.hooks.append(lambda r: r.say(200, b"x" * 100, Content_Length=10 ** 12))
    refused(pull(), "limit_exceeded")


def test_a_range_that_cannot_be_had(pull, hub, big, cache):
    """416 to what we have: it is begun again."""
    hub.cdn.hooks += [breaking(1, 2_000_000), lambda r: r.say(416) if r.first_byte else None]
    well(pull())
    assert is_here(cache, "model.safetensors", BIG)


def test_silence(pull, hub, big, cache):
    hub.cdn.hooks.append(slow := Slow(hub, once=True))
    begin = time.monotonic()
    well(pull(settings={"HF_HUB_DOWNLOAD_TIMEOUT": 1}))
    slow.gate.set()
    assert time.monotonic() - begin < PATIENCE_S / 2
    assert [r.headers.get("Range") for r in hub.cdn.asked("GET", "/store/")] == [None, "bytes=2000000-"]
    assert is_here(cache, "model.safetensors", BIG)


class Slow:
    """Answers with 2,000,000 bytes and then waits until the gate opens."""

    def __init__(self, hub, once=False):
        self.gate, self.is_reached, self.once = threading.Event(), threading.Event(), once

    def __call__(self, request):
        if request.command != "GET" or (self.once and self.is_reached.is_set()):
            return None
        rest = BIG[request.first_byte:]
        request.send_response(206 if request.first_byte else 200)
        request.send_header("Content-Length", len(rest))
        if request.first_byte:
            request.send_header("Content-Range", f"bytes {request.first_byte}-{len(BIG) - 1}/{len(BIG)}")
        request.end_headers()
        request.wfile.write(rest[:2_000_000])
        request.wfile.flush()
        self.is_reached.set()
        self.gate.wait(PATIENCE_S)
        request.wfile.write(rest[2_000_000:])
        return True


def wait_for_bytes(cache, count=2_000_000):
    harness.wait_until(lambda: any(p.stat().st_size >= count for p in partials(cache)), PATIENCE_S)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_and_resumed(pull, hub, big, cache, how):
    hub.cdn.hooks.append(slow := Slow(hub))
    process = pull(start=True)
    wait_for_bytes(cache)
    begin = time.monotonic()
    process.send_signal(how)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert time.monotonic() - begin < 5
    if how != signal.SIGKILL:
        assert process.returncode == 1 and out == b""
        assert b"the same command goes on from there" in err and b"oriane: interrupted" in err
    slow.gate.set()
    hub.cdn.hooks.clear()
    assert not (cache / FOLDER / "refs").exists()
    assert well(pull(REPO, "--json")).json["bytes_loaded"] <= len(BIG) - 2_000_000
    assert is_here(cache, "model.safetensors", BIG) and not partials(cache)


def test_two_pulls_at_once_load_it_once(pull, hub, big, cache):
    hub.cdn.hooks.append(slow := Slow(hub))
    first = pull(start=True)
    assert slow.is_reached.wait(PATIENCE_S)
    second = pull(start=True, stderr=subprocess.PIPE)
    said = second.stderr.readline()
    while said and b"waiting" not in said:
        said = second.stderr.readline()
    assert b"another process is loading it" in said
    slow.gate.set()
    for process in (first, second):
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
    assert len(hub.cdn.asked("GET", "/store/")) == 1
    assert is_here(cache, "model.safetensors", BIG) and not partials(cache)


def test_many_pulls_at_once(pull, hub, big, cache):
    processes = [pull(start=True) for _ in range(8)]
    for process in processes:
        _, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
    assert len(hub.cdn.asked("GET", "/store/")) == 1
    for name in WANTED - {"model.safetensors"}:
        assert len(hub.asked("GET", f"/{name}")) == 1
    assert is_here(cache, "model.safetensors", BIG)


def test_a_waiting_pull_can_be_stopped(pull, hub, big):
    hub.cdn.hooks.append(slow := Slow(hub))
    first = pull(start=True)
    assert slow.is_reached.wait(PATIENCE_S)
    second = pull(start=True)
    while b"waiting" not in second.stderr.readline():
        assert second.poll() is None
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=5)
    assert second.returncode == 1
    slow.gate.set()
    first.communicate(timeout=PATIENCE_S)
    assert first.returncode == 0


# --- what is not genuine --------------------------------------------------------------------------

def test_a_wrong_sha256(pull, hub, cache):
    hub.add(REPO)
    for key, data in hub.cdn.blobs.items():
        hub.cdn.blobs[key] = data[:-1] + bytes([data[-1] ^ 1])
    refused(pull(), "bad_model", "model.safetensors", "hash")
    blobs = {p.name for p in (cache / FOLDER / "blobs").iterdir()}
    assert oid("model.safetensors", model()["model.safetensors"]) not in blobs
    assert not partials(cache) and not (cache / FOLDER / "refs").exists()


def test_a_wrong_git_hash(pull, hub, cache):
    commit = hub.add(REPO)
    wrong = b'{"model_type": "clap", "architectures": ["CLIPModel"]}'
    hub.hooks.append(lambda r: r.say(200, wrong) if r.command == "GET" and "/config.json" in r.path else None)
    refused(pull(), "bad_model", "config.json", "hash")
    assert not (cache / FOLDER / "snapshots" / commit / "config.json").exists()


def test_damaged_bytes_of_an_earlier_attempt(pull, hub, big, cache):
    blobs = cache / FOLDER / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{big}.incomplete").write_bytes(b"\0" * 3_000_000)
    result = well(pull())
    assert "begun again" in result.err and is_here(cache, "model.safetensors", BIG)


@pytest.mark.parametrize("left", [BIG, BIG + b"x", BIG[:-1], b""],
                         ids=["all", "too much", "almost all", "nothing"])
def test_what_another_tool_left(pull, hub, big, cache, left):
    blobs = cache / FOLDER / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{big}.incomplete").write_bytes(left)
    well(pull())
    assert is_here(cache, "model.safetensors", BIG) and not partials(cache)
    assert len(hub.cdn.asked("GET", "/store/")) == (left != BIG)


def test_a_blob_that_was_cut_off(pull, hub, big, cache):
    blobs = cache / FOLDER / "blobs"
    blobs.mkdir(parents=True)
    (blobs / big).write_bytes(BIG[:1000])
    well(pull())
    assert is_here(cache, "model.safetensors", BIG)


def test_a_link_where_the_partial_file_should_be(pull, hub, big, cache, tmp_path):
    blobs = cache / FOLDER / "blobs"
    blobs.mkdir(parents=True)
    (tmp_path / "precious").write_text("precious")
    (blobs / f"{big}.incomplete").symlink_to(tmp_path / "precious")
    assert pull().code == 1
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize("fields", [{"X_Linked_Etag": '"abc"'}, {"X_Linked_Etag": '"../../x"'},
                                    {"X_Linked_Etag": '"' + "A" * 64 + '"'}, {"X_Linked_Etag": ""},
                                    {"X_Linked_Size": "-1"}, {"X_Linked_Size": "x"}, {"X_Linked_Size": "7"},
                                    {"X_Repo_Commit": "0" * 40}, {"X_Linked_Etag": '"' + "0" * 64 + '"'}])
def test_heads_that_lie(pull, hub, cache, fields):
    hub.add(REPO)
    good = oid("x.safetensors", model()["model.safetensors"])

    def lie(request):
        if request.command == "HEAD" and "safetensors" in request.path:
            say = {"X_Linked_Etag": f'"{good}"', "X_Linked_Size": 3_000_000, **fields}
            return request.say(302, Location=f"{hub.cdn.url}/store/{good}", **say)
    hub.hooks.append(lie)
    refused(pull(), "bad_model", "model.safetensors")
    assert not partials(cache)


def test_an_announced_size_past_the_limit(pull, hub):
    hub.add(REPO)
    hub.has_blobs_list = False
    hub.hooks.append(lambda r: r.say(302, Location=hub.cdn.url, X_Linked_Etag='"' + "0" * 64 + '"',
                                     X_Linked_Size=137438953473)
                     if r.command == "HEAD" and "safetensors" in r.path else None)
    refused(pull(), "limit_exceeded", "137438953472")


def test_a_hub_that_lists_no_sizes(pull, hub, cache):
    hub.has_blobs_list = False
    hub.add(REPO)
    done = well(pull(REPO, "--json")).json
    assert done["bytes"] == sum(len(d) for n, d in model().items() if n in WANTED)


def test_weak_and_bare_etags(pull, hub, cache):
    files = model()
    hub.add(REPO, files)

    def bare(request):
        name = request.bare_path.rsplit("/", 1)[1]
        if "/resolve/" in request.path and not hub_server.is_large(name):
            tag = {"config.json": 'W/"%s"', "merges.txt": "%s"}.get(name, '"%s"') % git_hash(files[name])
            return request.say(200, files[name], ETag=tag)
    hub.hooks.append(bare)
    well(pull())
    assert is_here(cache, "merges.txt", files["merges.txt"])


# --- answers of the API ---------------------------------------------------------------------------

def about(hub, change):
    data = hub.about(REPO, "main")
    change(data)
    return json.dumps(data).encode()


def test_hostile_names_among_the_files(pull, hub, cache, tmp_path):
    hub.add(REPO)
    names = ["../../x", "/etc/cron.d/x", "..", ".", "", "a/../../config.json", "config.json/..", "C:\\x",
             "con\nfig.json", "refs/main", "\u202emodel.safetensors", "x" * 5000,
             "..%2f..%2fx", "../evil.safetensors", "sub/model.safetensors"]
    body = about(hub, lambda d: d["siblings"].extend({"rfilename": n} for n in names))
    hub.hooks.append(lambda r: r.say(200, body) if "/api/" in r.path else None)
    done = well(pull(REPO, "--json")).json
    assert done["files"] == len(WANTED)
    assert {p for p in files_below(tmp_path) if not p.startswith("hf/hub/")} == set()
    assert {p.name for p in (cache / FOLDER / "snapshots" / done["commit"]).iterdir()} == WANTED


def test_twice_the_same_file(pull, hub):
    hub.add(REPO)
    body = about(hub, lambda d: d["siblings"].extend(list(d["siblings"])))
    hub.hooks.append(lambda r: r.say(200, body) if "/api/" in r.path else None)
    well(pull())


@pytest.mark.parametrize("count,is_well", [(100_000, True), (100_001, False)])
def test_a_giant_list(pull, hub, count, is_well):
    hub.add(REPO)

    def fill(data):
        data["siblings"] += [{"rfilename": f"x{i}"} for i in range(count - len(data["siblings"]))]
    body = about(hub, fill)
    hub.hooks.append(lambda r: r.say(200, body) if "/api/" in r.path else None)
    if is_well:
        well(pull())
    else:
        refused(pull(), "limit_exceeded", "100000 files")


@pytest.mark.parametrize("extra,is_well", [(0, True), (1, False)])
def test_a_giant_answer(pull, hub, extra, is_well):
    hub.add(REPO)
    body = about(hub, lambda d: None)
    body += b" " * (16 * 1024 * 1024 - len(body) + extra)
    hub.hooks.append(lambda r: r.say(200, body) if "/api/" in r.path else None)
    if is_well:
        well(pull())
    else:
        refused(pull(), "limit_exceeded")


@pytest.mark.parametrize("body", [b"", b"<html>please log in</html>", b"[]", b"null", b"{}", b'{"sha": 5}',
                                  b'{"sha": "main", "siblings": []}', b"[" * 100_000,
                                  b'{"sha": "' + b"A" * 40 + b'", "siblings": []}',
                                  b'{"sha": "' + b"0" * 40 + b'"}', b"\xff\xfe",
                                  b'{"sha": "' + b"0" * 40 + b'", "siblings": {}}',
                                  b'{"sha": "' + b"0" * 40 + b'", "siblings": [5]}',
                                  b'{"sha": "' + b"0" * 40 + b'", "siblings": [{"rfilename": null}]}',
                                  b'{"sha": "../../../../x", "siblings": []}',
                                  b'{"sha": "' + b"0" * 40 + b'", "siblings": [{"rfilename": "a\\u0000"}]}',
                                  b'{"sha": "' + b"0" * 40 + b'", "sha": "", "siblings": []}'],
                         ids=short)
def test_answers_that_are_none(pull, hub, tmp_path, body):
    hub.add(REPO)
    hub.hooks.append(lambda r: r.say(200, body))
    refused(pull(), "network_failed", "not what it should be")
    assert not (tmp_path / "hf").exists()


def refusing(code, where="/api/", **headers):
    return lambda r: r.say(code, b"<html>" + b"x" * 30_000, **headers) if where in r.path else None


@pytest.mark.parametrize("code,headers,settings,status,words", [
    (401, {}, {}, "not_readable", ["401", "HF_TOKEN", "no such model"]),
    (401, {}, {"HF_TOKEN": "hf_x"}, "not_readable", ["HF_TOKEN may not read it"]),
    (403, {"X_Error_Code": "GatedRepo"}, {}, "not_readable", ["gated", "accept its terms at"]),
    (404, {"X_Error_Code": "RepoNotFound"}, {}, "not_found", ["there is no model tiny-lab/clip-tiny"]),
    (404, {"X_Error_Code": "RevisionNotFound"}, {}, "not_found", ["has no revision main"]),
    (404, {}, {}, "not_found", ["no model", "no revision main"]),
    (400, {}, {}, "network_failed", ["400"]),
    (429, {"Retry_After": "9999"}, {}, "network_failed", ["too many requests", "HF_TOKEN"]),
    (451, {}, {}, "network_failed", ["451"]),
])
@pytest.mark.parametrize("where", ["/api/", "/resolve/"])
def test_refusals(pull, hub, cache, where, code, headers, settings, status, words):
    hub.add(REPO)
    hub.hooks.append(refusing(code, where, **headers))
    begin = time.monotonic()
    result = pull(settings=settings)
    assert time.monotonic() - begin < 20
    line = refused(result, status)
    if where == "/api/":
        assert all(word in line for word in words), line
    assert len(line) < 500 and "<html>" not in result.err
    assert nothing_is_here(cache)


def test_a_refusal_of_the_cdn(pull, hub, cache):
    hub.add(REPO)
    hub.cdn.hooks.append(lambda r: r.say(403, b"x" * 50_000))
    refused(pull(), "not_readable")
    hub.cdn.hooks[:] = [lambda r: r.say(404, b"x" * 2_000_000)]
    refused(pull(), "limit_exceeded")


def times(count, answer, where):
    left = [count]

    def hook(request):
        if where in request.path and left[0] > 0:
            left[0] -= 1
            return answer(request)
    return hook


@pytest.mark.parametrize("where", ["/api/", "/resolve/", "/store/"])
def test_failures_that_pass(pull, hub, cache, where):
    hub.add(REPO)
    site = hub.cdn if where == "/store/" else hub
    site.hooks += [times(1, lambda r: r.say(503), where),
                   times(1, lambda r: r.say(429, Retry_After=1), where)]
    begin = time.monotonic()
    well(pull())
    assert time.monotonic() - begin >= 1, "Retry-After is obeyed"
    assert is_here(cache, "model.safetensors", model()["model.safetensors"])


def test_a_hub_that_fails_for_ever(pull, hub):
    hub.add(REPO)
    hub.hooks.append(lambda r: r.say(500))
    refused(pull(), "network_failed", "500")


def test_nobody_there(pull, hub):
    hub.add(REPO)
    with hub_server.port_nobody_listens_on() as port:
        refused(pull(settings={"HF_ENDPOINT": f"http://127.0.0.1:{port}"}), "network_failed")


# --- room, licence, words -------------------------------------------------------------------------

def test_files_that_may_not_grow(pull, hub, big, cache):
    """EFBIG is what a full disk looks like to whoever writes."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
    result = pull(preexec_fn=limit)
    refused(result, "disk_full")
    assert "the same command goes on from there" in result.err
    assert partials(cache)[0].stat().st_size == 2_000_000
    assert well(pull(REPO, "--json")).json["bytes_loaded"] == len(BIG) - 2_000_000
    assert is_here(cache, "model.safetensors", BIG)


def test_a_disk_that_is_too_small(pull, hub, big, cache):
    """Known before the first byte is asked for."""
    cache.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(cache)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small file system can be mounted by root alone")
    try:
        refused(pull(), "disk_full", "make room or set HF_HOME")
        assert not hub.cdn.asked("GET", "/store/")
    finally:
        subprocess.run(["umount", str(cache)], check=True)


def test_a_cache_that_cannot_be_written(pull, hub, tmp_path):
    hub.add(REPO)
    (tmp_path / "hf").write_text("not a folder")
    result = pull()
    assert result.code == 1 and str(tmp_path / "hf") in result.err, result


@pytest.mark.parametrize("card,said,notice", [
    ({"licence": "cc-by-nc-4.0"}, "cc-by-nc-4.0", "may not be used commercially"),
    ({"licence": "apache-2.0"}, "apache-2.0", "licence: apache-2.0"),
    ({"licence": ["mit", "other"]}, "mit", "licence: mit"),
    ({"licence": "other", "license_name": "nc-research"}, "nc-research", "may not be used commercially"),
    ({"licence": None}, None, "licence: not said"),
    ({"licence": "x\x1b[31m"}, None, "licence: not said"),
    ({"licence": "l" * 64}, None, "licence: not said"),
    ({"licence": {"a": 1}}, None, "licence: not said"),
])
def test_licences(pull, hub, listed, card, said, notice):
    hub.add(REPO, **card)
    result = well(pull(REPO, "--json"))
    assert result.json["licence"] == said and notice in result.err
    assert result.err.index("licence") < result.err.index("config.json"), "said before it is loaded"
    assert listed()[0]["licence"] == said


def test_a_licence_among_the_tags(pull, hub):
    hub.add(REPO, licence=None)
    body = about(hub, lambda d: d["tags"].append("license:cc-by-nc-sa-4.0"))
    hub.hooks.append(lambda r: r.say(200, body) if "/api/" in r.path else None)
    assert "may not be used commercially" in well(pull()).err


def test_progress_line(hub, oriane, big, tmp_path):
    from test_terminal import on_terminal
    slow = Slow(hub, once=True)
    hub.cdn.hooks.append(slow)
    threading.Timer(3, slow.gate.set).start()
    code, out, seen = on_terminal(oriane, "model", "pull", REPO, columns=120,
                                  settings={"HF_HOME": tmp_path / "hf", "HF_ENDPOINT": hub.url})
    assert code == 0 and REPO in out
    assert re.search(r"\[#+-+\]  model\.safetensors +\d+%  \d\.\d MB of 6\.0 MB", seen), seen


# --- what is here ---------------------------------------------------------------------------------

def make_cache(cache, files, repo=FOLDER, revision="main", commit="c" * 40):
    """As huggingface_hub leaves it."""
    root = cache / repo
    snapshot = root / "snapshots" / commit
    for folder in (snapshot, root / "blobs", (root / "refs" / revision).parent):
        folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (root / "blobs" / oid(name, data)).write_bytes(data)
        (snapshot / name).symlink_to(f"../../blobs/{oid(name, data)}")
    (root / "refs" / revision).write_text(commit)
    return snapshot


def wanted_files(**more):
    return {n: d for n, d in model(**more).items() if n in WANTED or n in ("README.md", "pytorch_model.bin")}


def test_a_cache_of_another_tool_is_found(oriane, cache, tmp_path, listed):
    snapshot = make_cache(cache, wanted_files(README__md=b"---\nlicense: bsd-3-clause\n---\nlicense: no\n"))
    settings = {"HF_HOME": tmp_path / "hf", "CLIP_MODEL": REPO}
    assert "model_missing" not in oriane("embed", "--text", "x", settings=settings).err
    row, = listed()
    size = sum(len(d) for d in wanted_files(README__md=b"---\nlicense: bsd-3-clause\n---\nlicense: no\n").values())
    assert row == {"name": REPO, "revisions": "main", "commit": "c" * 40, "folder": str(snapshot),
                   "bytes": size, "family": "clip", "licence": "bsd-3-clause", "is_usable": True, "fault": None}
    by_commit = {**settings, "CLIP_MODEL": f"{REPO}@{'c' * 40}"}
    assert "model_missing" not in oriane("embed", "--text", "x", settings=by_commit).err
    other = oriane("embed", "--text", "x", settings={**settings, "CLIP_MODEL": f"{REPO}@v2"})
    refused(other, "model_missing", f"oriane model pull {REPO}@v2")


def test_a_folder_wins_over_the_cache(oriane, cache, tmp_path):
    folder = tmp_path / "tiny-lab" / "clip-tiny"
    folder.mkdir(parents=True)
    for name, data in wanted_files(model__safetensors=None).items():
        (folder / name).write_bytes(data)
    make_cache(cache, wanted_files())
    for name in (REPO, f"./{REPO}", str(folder), "~/clip-tiny", f"{REPO}/"):
        result = oriane("embed", "--text", "x", settings={"HF_HOME": tmp_path / "hf", "CLIP_MODEL": name,
                                                          "HOME": tmp_path / "tiny-lab"})
        refused(result, "model_missing", "no model.safetensors (pytorch_model.bin is never loaded)")
    gone = oriane("embed", "--text", "x", settings={"CLIP_MODEL": "./nowhere"})
    refused(gone, "model_missing", "there is no such folder")


def test_list_says_why_not(oriane, cache, tmp_path, listed):
    for i, (files, fault) in enumerate(WHY_NOT):
        make_cache(cache, files, repo=f"models--lab--m{i}")
    for row, (_, fault) in zip(listed(), WHY_NOT, strict=True):
        assert row["fault"] == fault or row["fault"].startswith(fault)
    table = oriane("model", "list", settings={"HF_HOME": tmp_path / "hf"}).out.splitlines()
    assert table[0].split() == ["MODEL", "REVISION", "COMMIT", "SIZE", "FAMILY", "USABLE"]
    assert table[1].split()[:3] == ["lab/m0", "main", "c" * 12] and table[1].split()[-1] == "yes"


WHY_NOT = [
    (wanted_files(), None),
    (wanted_files(config__json=None), "no config.json"),
    (wanted_files(model__safetensors=None), "no model.safetensors (pytorch_model.bin is never loaded)"),
    (wanted_files(model__safetensors=None, pytorch_model__bin=None), "no model.safetensors"),
    (wanted_files(config__json=b'{"model_type": "bert"}'),
     "config.json: model_type bert is not supported; supported: CLIP "),
    (wanted_files(config__json=b'{"model_type": "\x1b"}'), "config.json: not JSON: control character "),
    (wanted_files(config__json=b"{"), "config.json: not JSON: "),
]


def test_a_dangling_link_is_no_file(cache, listed):
    snapshot = make_cache(cache, wanted_files())
    os.remove(os.path.realpath(snapshot / "model.safetensors"))
    assert listed()[0]["fault"].startswith("no model.safetensors")


def test_list_of_odd_caches(oriane, cache, tmp_path, listed):
    assert listed() == []
    assert oriane("model", "list", settings={"HF_HOME": tmp_path / "hf"}).out == f"no models in {cache}\n"
    make_cache(cache, wanted_files())
    refs = cache / FOLDER / "refs"
    (refs / "broken").write_text("../../../x")
    (refs / "long").write_text("c" * 5000)
    (refs / "deep").mkdir()
    (refs / "deep" / "er").write_text("c" * 40 + "\n")
    (cache / "datasets--a--b" / "snapshots" / ("d" * 40)).mkdir(parents=True)
    (cache / "models--" / "snapshots" / ("d" * 40)).mkdir(parents=True)
    (cache / FOLDER / "snapshots" / "not-a-commit").mkdir()
    (cache / "models--a--file").write_text("x")
    row, = listed()
    assert row["revisions"] == "main, deep/er"


def test_a_reference_that_leads_out_is_not_followed(oriane, cache, tmp_path):
    make_cache(cache, wanted_files())
    outside = tmp_path / "outside"
    shutil.copytree(cache / FOLDER / "snapshots" / ("c" * 40), outside, symlinks=False)
    (cache / FOLDER / "refs" / "main").write_text("../../../../outside")
    result = oriane("embed", "--text", "x", settings={"HF_HOME": tmp_path / "hf", "CLIP_MODEL": REPO})
    refused(result, "model_missing")


def test_info_of_a_builtin_model(oriane):
    info = well(oriane("model", "info", "builtin/visual-512", "--json")).json
    assert (info["name"], info["dim"], info["side"]) == ("builtin/visual-512", 512, 64)
    assert info["has_text"] is False and info["precision"] == "f32" and info["pictures_a_second"] > 10
    text = well(oriane("model", "info", "builtin/visual-512", settings={"QDRANT_DIM": 99})).out
    assert re.search(r"^speed +\d+\.\d pictures a second on one thread", text, re.M)


def test_info_of_a_missing_model(oriane):
    refused(oriane("model", "info", "a/b"), "model_missing", "oriane model pull a/b")


@pytest.mark.parametrize("words", [[], ["pul"], ["pull"], ["pull", "a", "b"], ["list", "x"], ["info"],
                                   ["info", ""], ["--jsn", "list"]])
def test_wrong_words(oriane, words):
    result = oriane("model", *words)
    assert result.code == 2 and result.err.count("\n") == 1, result
