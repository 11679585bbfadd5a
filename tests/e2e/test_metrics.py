"""/metrics: what a page says is what was done; promtool and a real Prometheus read it."""

import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

import harness
from server import Server, free_port

SAMPLE = re.compile(r'([a-z_:]+)(?:\{(.*)\})? (\S+)$')
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
needs_prometheus = pytest.mark.skipif(not shutil.which("prometheus"),
                                      reason="prometheus is not installed")


def scrape(server, **options):
    """{(name, labels as written): number}; a line that is no sample fails."""
    answer = server.get("/metrics", **options)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = {}
    for line in answer.text.splitlines():
        if line.startswith("#"):
            assert re.match(r"# (HELP|TYPE) [a-z_]+ \S", line), line
            continue
        match = SAMPLE.match(line)
        assert match, line
        key = (match[1], match[2] or "")
        assert key not in found, line
        found[key] = float(match[3])
    return found


@pytest.fixture(scope="module")
def worked(tmp_path_factory, clip):
    """A server after one good video, asked for twice, and a bad one."""
    with Server(tmp_path_factory.mktemp("metrics")) as server:
        server.wait_ready()
        good = server.add_video("p", "good", clip("cuts").path)
        bad = server.add_video("p", "bad", clip("words").path)
        server.job = server.run([good, bad])
        server.run([good])  # done already: nothing is counted but the item
        server.found = server.frames("p/good")
        server.page = scrape(server)
        yield server


def test_counts_are_what_was_done(worked):
    page, frames = worked.page, len(worked.found)
    assert frames > 3
    assert page["oriane_items_total", 'state="success"'] == 2
    assert page["oriane_items_total", 'state="failed"'] == 1
    assert page["oriane_items_total", 'state="stopped"'] == 0
    assert page["oriane_frames_total", ""] == frames
    assert page["oriane_stored_points_total", ""] == frames
    assert page["oriane_stored_objects_total", ""] == frames + 2  # the manifest, begun and whole
    assert page["oriane_embeddings_total", ""] == frames
    assert 1 <= page["oriane_embed_batches_total", ""] <= frames
    assert page["oriane_media_seconds_total", ""] > 1
    video = worked.videos / "p" / "good" / "video.mp4"
    assert page["oriane_media_bytes_total", ""] == video.stat().st_size


def test_failures_are_counted_once_by_code_and_stage(worked):
    error = next(i["error"] for i in worked.job["items"] if i["error"])
    codes = {k[1]: v for k, v in worked.page.items() if k[0] == "oriane_failures_total" and v}
    stages = {k[1]: v for k, v in worked.page.items() if k[0] == "oriane_stage_failures_total" and v}
    assert codes == {f'code="{error["code"]}"': 1}
    assert stages == {f'stage="{error["stage"]}"': 1}


def test_times_of_stages(worked):
    page = worked.page
    for stage in ("open", "extract", "decode", "vision", "still", "embed", "objects", "vectors"):
        labels = f'stage="{stage}"'
        assert page["oriane_stage_duration_seconds_count", labels] == 1, stage
        assert page["oriane_stage_duration_seconds_sum", labels] > 0, stage
    assert page["oriane_item_duration_seconds_count", ""] == 1


def test_histograms_are_cumulative(worked):
    series = {}
    for (name, labels), value in worked.page.items():
        if name.endswith("_bucket"):
            rest, bound = re.fullmatch(r'(.*?),?le="([^"]+)"', labels).groups()
            series.setdefault((name.removesuffix("_bucket"), rest), []).append((float(bound), value))
    assert series
    for (name, labels), buckets in series.items():
        assert buckets == sorted(buckets)
        assert [v for _, v in buckets] == sorted(v for _, v in buckets), (name, labels)
        assert buckets[-1] == (float("inf"), worked.page[name + "_count", labels])


def test_gauges_of_the_job_store(worked):
    page = worked.page
    assert page["oriane_jobs", 'state="completed"'] == 2
    assert page["oriane_items", 'state="success"'] == 2
    assert page["oriane_items", 'state="failed"'] == 1
    assert page["oriane_queue_depth", 'queue="items"'] == 0
    assert page["oriane_queue_depth", 'queue="embed"'] == 0
    assert page["oriane_workers", ""] == 2
    assert page["oriane_workers_busy", ""] == 0


def test_process_and_machine(worked):
    page = worked.page
    assert 0 < page["process_cpu_seconds_total", ""] < 600
    assert page["oriane_children_cpu_seconds_total", ""] > 0
    resident = harness.status_field(worked.pid, "VmRSS") * 1024
    assert 0.3 < page["process_resident_memory_bytes", ""] / resident < 3
    assert 5 < page["process_open_fds", ""] < page["process_max_fds", ""]
    assert abs(time.time() - page["process_start_time_seconds", ""]) < 600
    assert page["oriane_network_receive_bytes_total", ""] >= 0
    assert page["oriane_gpus", ""] >= 0
    build = [labels for (name, labels) in page if name == "oriane_build_info"]
    assert len(build) == 1 and 'version="' in build[0] and 'libavcodec="' in build[0]
    assert page["oriane_build_info", build[0]] == 1


def test_requests_are_counted_by_class(worked):
    before = scrape(worked)
    worked.get("/health")
    worked.get("/nowhere")
    worked.get("/jobs", key="wrong")
    after = scrape(worked)
    assert after["oriane_http_requests_total", 'class="2xx"'] >= \
        before["oriane_http_requests_total", 'class="2xx"'] + 2  # the first page, /health
    assert after["oriane_http_requests_total", 'class="4xx"'] == \
        before["oriane_http_requests_total", 'class="4xx"'] + 2


def test_counters_never_fall(tmp_path, clip):
    with Server(tmp_path) as server:
        server.wait_ready()
        job = server.submit([server.add_video("p", f"v{i}", clip("cuts").path) for i in range(2)])
        pages = [scrape(server)]
        deadline = time.monotonic() + harness.DEADLINE_S
        while server.status(job)["status"] in ("pending", "running"):
            assert time.monotonic() < deadline
            pages.append(scrape(server))
        pages.append(scrape(server))
        for before, after in zip(pages, pages[1:]):
            assert before.keys() == after.keys()
            for (name, labels), value in before.items():
                if name.endswith(("_total", "_count", "_sum", "_bucket")):
                    assert after[name, labels] >= value, (name, labels)


@needs_promtool
def test_promtool_has_no_complaint(worked):
    page = worked.get("/metrics").body
    result = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()


def test_waiting_items_show(tmp_path):
    with Server(tmp_path, env={"CLIP_MODEL": "openai/clip-vit-base-patch32"}) as server:
        server.submit(["p/a", "p/b", "p/c"])
        page = scrape(server)
        assert page["oriane_queue_depth", 'queue="items"'] == 3
        assert page["oriane_items", 'state="waiting"'] == 3
        assert page["oriane_jobs", 'state="pending"'] == 1


def test_costly_figures_can_be_left_out(tmp_path):
    with Server(tmp_path, env={"ENABLE_PERFORMANCE_METRICS": 0}) as server:
        names = {name for name, _ in scrape(server)}
        assert not [n for n in names if "duration_seconds" in n or "gpu_memory" in n]
        assert {"oriane_frames_total", "oriane_queue_depth", "process_open_fds"} <= names


def test_the_key_can_be_asked_for(tmp_path):
    with Server(tmp_path, env={"METRICS_AUTH": 1}) as server:
        refused = server.get("/metrics", key=False)
        assert refused.status == 401 and "oriane_" not in refused.text
        assert server.get("/metrics", key="wrong").status == 401
        assert scrape(server)
    with Server(tmp_path) as server:
        assert scrape(server, key=False)


@needs_prometheus
def test_a_real_prometheus_scrapes_it(worked, tmp_path):
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(json.dumps({  # JSON is YAML
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "oriane",
                            "static_configs": [{"targets": [f"127.0.0.1:{worked.port}"]}]}]}))

    def ask(query):
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)["data"]["result"]
        except OSError:
            return []

    with open(tmp_path / "prometheus.log", "wb") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={tmp_path}/prometheus.yml",
             f"--storage.tsdb.path={tmp_path}/data", f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        def value(query):
            found = ask(query)
            return float(found[0]["value"][1]) if found else None

        harness.wait_until(lambda: value('up{job="oriane"}') == 1, 60, "the first scrape: " +
                           (tmp_path / "prometheus.log").read_text()[-2000:])
        assert value("oriane_frames_total") == len(worked.found)
        assert value('oriane_items_total{state="success"}') == 2
        assert value("sum(oriane_failures_total)") == 1
        p99 = value("histogram_quantile(0.99, sum by (le) (oriane_item_duration_seconds_bucket))")
        assert 0 < p99 <= 300
        assert ask("oriane_build_info")[0]["metric"]["version"]
        # with a second sample rates can be asked for
        harness.wait_until(lambda: ask("rate(process_cpu_seconds_total[1m])"), 30, "a rate")
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
