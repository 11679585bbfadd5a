"""What the earlier implementation of this service got wrong, each seen through the API.

One test a wrong. A few can only be shown in part from outside; the tests of `oriane run` go deeper.
"""

import io
import shutil
import time

import numpy as np
import pytest
from PIL import Image

import harness
from server import Server


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server of this module, with one worker."""
    with Server(tmp_path_factory.mktemp("server"), env={"VP_MAX_WORKERS": 1}) as running:
        yield running


def extract(server, platform, clip, **options):
    item = server.add_video(platform, clip.path.name.split("-")[0], clip.path)
    found = server.run([item], **options)
    assert found["status"] == "completed", found
    return server.frames(item)


def pixels(server, frame):
    with Image.open(io.BytesIO(server.get(frame["url"]).body)) as image:
        return np.asarray(image.convert("L")).astype(int)


def test_borders_are_cropped_and_the_box_stays_inside(shared, clip):
    video = clip("letterbox")
    left, top, width, height = video.box
    for frame in extract(shared, "crop", video):
        assert frame["width"] == width
        assert height <= frame["height"] <= height + 2 * 6  # no line of picture lost, a margin kept
        assert pixels(shared, frame).shape == (frame["height"], frame["width"])


def test_duplicates_need_not_be_equal_to_the_bit(shared, clip):
    """The third shot shows what the first did, grain aside: no second frame of it."""
    frames = extract(shared, "dedup", clip("returning"))
    assert not any(f["second"] >= 5.2 for f in frames), frames
    assert {f["scene"] for f in frames} >= {1, 2}


def test_progress_moves(shared, clip):
    shared.add_video("progress", "film", clip("long_10").path)
    job = shared.submit(["progress/film"])
    with shared.sse(job) as events:
        steps = [e.json["progress"] for e in events if e.kind in ("state", "progress")]
    assert steps == sorted(steps) and steps[-1] == 100
    assert any(0 < s < 100 for s in steps), steps


def test_stop_stops(shared, clip):
    shared.add_video("stop", "film", clip("long_240").path)
    job = shared.submit(["stop/film"])
    harness.wait_until(lambda: harness.children_of(shared.pid), 30, "a decode process")
    begun = time.monotonic()
    answer = shared.post(f"/jobs/{job}/stop")
    took = time.monotonic() - begun
    assert answer.status == 200 and answer.json["job_status"] == "stopped", answer
    assert took < 2.0
    assert not harness.children_of(shared.pid)
    found = shared.status(job)
    assert found["status"] == "stopped" and found["items"][0]["status"] == "stopped"
    assert shared.get("/frames/stop/film").status == 404


def test_one_bad_video_fails_alone(shared, clip):
    items = [shared.add_video("bad", n, clip(n).path) for n in ("two_frames", "garbage", "one_frame")]
    found = shared.run(items)
    assert found["status"] == "completed"
    assert [i["status"] for i in found["items"]] == ["success", "failed", "success"]
    assert found["items"][1]["error"]["code"] == "not_media"


def test_jobs_outlive_the_process(tmp_path, clip):
    with Server(tmp_path, env={"VP_MAX_WORKERS": 1}) as server:
        items = [server.add_video("p", n, clip(n).path) for n in ("long_60", "two_frames")]
        job = server.submit(items)
        harness.wait_until(lambda: harness.children_of(server.pid), 30, "a decode process")
        server.kill()
        server.start()
        found = server.wait_job(job)
        assert found["status"] == "completed" and found["counts"]["success"] == 2
        assert not harness.leftovers(server.out)


def test_the_model_is_loaded_once(tmp_path, clip):
    with Server(tmp_path) as server:
        for name in ("one_frame", "two_frames"):
            server.run([server.add_video("p", name, clip(name).path)])
        assert len([x for x in server.log() if x["event"] == "engine.ready"]) == 1


def test_a_chatty_decoder_holds_nobody_up(shared, clip):
    """The one worker decodes damaged media that libav has much to say about, and goes on."""
    items = [shared.add_video("chatty", f"{n}-{i}", clip(n).path) for i in range(3)
             for n in ("damaged", "garbage")]
    items.append(shared.add_video("chatty", "good", clip("two_frames").path))
    found = shared.run(items)
    assert found["items"][-1]["status"] == "success"
    assert found["counts"]["waiting"] == found["counts"]["processing"] == 0


def test_each_frame_is_stored_once_under_its_own_platform(shared, clip):
    frames = extract(shared, "once", clip("cuts"))
    files = [p for p in (shared.out / "frames").rglob("*.png") if "cuts" in p.parts]
    assert {str(p.relative_to(shared.out / "frames")) for p in files} == {f["path"] for f in frames}
    assert len(files) == len(frames)
    assert all(f["path"].startswith("once/cuts/") for f in frames)


def test_a_payloads_path_is_an_object(shared, clip):
    for frame in extract(shared, "path", clip("sources")):
        hit = shared.post("/search-by/frame", {"id": frame["id"], "limit": 1}).json[0]
        assert hit["payload"]["path"] == frame["path"]
        assert shared.get("/frames/" + hit["payload"]["path"]).status == 200


def points_of(server, platform, code, frame):
    answer = server.post("/search-by/frame", {"id": frame["id"], "limit": 1000, "filter": {
        "platform": platform, "video_code": code}})
    assert answer.status == 200, answer
    return {h["payload"]["path"] for h in answer.json}


def test_another_film_under_the_same_code_leaves_nothing_stale(shared, clip):
    """Nor is the earlier run's result taken for the new film's, though nobody forces it."""
    target = shared.videos / "stale" / "film.mp4"
    target.parent.mkdir()
    shutil.copy2(clip("sources").path, target)
    shared.run(["stale/film"])
    before = {f["path"]: shared.get(f["url"]).headers["ETag"] for f in shared.frames("stale/film")}
    shutil.copy2(clip("two_frames").path, target)
    shared.run(["stale/film"])
    frames = shared.frames("stale/film")
    after = {f["path"]: shared.get(f["url"]).headers["ETag"] for f in frames}
    assert 0 < len(after) < len(before) and not set(after.values()) & set(before.values())
    on_disk = {f"stale/film/{p.name}" for p in (shared.out / "frames/stale/film").glob("*.png")}
    assert on_disk == set(after) == points_of(shared, "stale", "film", frames[0])
    for path in set(before) - set(after):
        assert shared.get("/frames/" + path).status == 404


def test_variable_frame_rates_keep_their_times(shared, clip):
    video = shared.add_video("vfr", "vfr", clip("vfr").path)
    shared.run([video])
    frames = shared.frames(video)
    for frame in frames:  # cuts at 2 s and at 5 s of the stream's own clock
        second, scene = frame["second"], frame["scene"]
        assert (scene == 1 and second <= 2.05) or (scene == 2 and 1.95 <= second <= 5.2) or (
            scene == 3 and 4.8 <= second <= 9.6), frame
    assert {f["scene"] for f in frames} == {1, 2, 3}


def test_the_first_scene_has_a_frame(shared, clip):
    frames = extract(shared, "first", clip("cuts"))
    assert {f["scene"] for f in frames} == {1, 2, 3, 4, 5, 6}
    assert frames[0]["second"] < 2.0


def test_the_last_row_and_column_are_there(shared, clip):
    video = clip("odd")
    for frame in extract(shared, "edges", video):
        assert [frame["width"], frame["height"]] == video.size == [319, 181]
        assert pixels(shared, frame).shape == (181, 319)


@pytest.mark.parametrize("item", [
    {"platform": "p", "code": "../../secret"}, {"platform": "..", "code": "secret"},
    {"platform": "p", "code": ".."}, {"platform": "p", "code": "a/b"},
    {"platform": "p", "code": "a\\b"}, {"platform": "p", "code": "/etc/passwd"},
    {"platform": "p", "code": "c", "url": "../secret.mp4"},
    {"platform": "p", "code": "c", "url": "p/../../secret.mp4"},
    {"platform": "p", "code": "c", "url": "file:///etc/passwd"}])
def test_no_name_leads_out_of_the_folder(shared, clip, item):
    shutil.copy2(clip("two_frames").path, shared.folder / "secret.mp4")
    answer = shared.post("/process", {"items": [item]})
    assert answer.status == 422 and answer.json["errors"], answer


def test_an_absolute_path_outside_the_folder_is_refused(shared, clip):
    secret = shared.folder / "secret.mp4"
    shutil.copy2(clip("two_frames").path, secret)
    found = shared.run([{"platform": "p", "code": "outside", "url": str(secret)}])
    assert found["items"][0]["error"]["code"] == "url_refused", found


def test_an_empty_password_protects_nothing_and_is_refused(tmp_path):
    with Server(tmp_path, env={"API_USERNAME": "docs"}, starts=False) as server:
        process = server.spawn()
        assert process.wait(30) != 0
        assert "API_PASSWORD" in server.log_text()
        server.process = None


def test_the_docs_take_the_right_password_alone(tmp_path):
    import base64

    def basic(text):
        return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}
    with Server(tmp_path, env={"API_USERNAME": "docs", "API_PASSWORD": "right"}) as server:
        for path in ("/api/docs", "/api/openapi.json"):
            for wrong in (None, "docs:", "docs:wrong", ":right", "docs:right ", "docs", ""):
                headers = basic(wrong) if wrong is not None else {}
                answer = server.get(path, key=False, headers=headers)
                assert answer.status == 401, (path, wrong, answer)
                assert answer.headers["WWW-Authenticate"].startswith("Basic"), answer
            assert server.get(path, key=False, headers=basic("docs:right")).status == 200


def test_a_second_run_of_the_same_file_does_no_work_and_says_so(shared, clip):
    extract(shared, "again", clip("two_frames"))
    found = shared.run(["again/two_frames"])
    assert any("already" in line["msg"] for line in found["logs"]), found["logs"]
    forced = shared.run(["again/two_frames"], force=True)
    assert not any("already" in line["msg"] for line in forced["logs"]), forced["logs"]
