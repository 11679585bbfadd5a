"""Settings: where they come from, which wins, what is refused, what is never shown."""

import re

import pytest

import harness

# the rows of the contract's settings table: none may be missing
NAMES = """API_NAME API_HOST API_PORT API_KEY API_USERNAME API_PASSWORD CORS_ORIGINS
MAX_VIDEOS_PER_REQUEST PIPELINE_MAX_PARALLEL_JOBS VP_MAX_WORKERS VP_BATCH_SIZE
VP_SLEEP_BETWEEN_BATCHES VP_ENABLE_CROP VP_ENABLE_DEDUP VP_OUTPUT_DIR VP_TMP_DIR VP_FRAMES_DIR
VP_LOGS_DIR VP_REPORTS_DIR VP_INPUT_DIR VP_CROP_PROBES VP_CROP_CLIP_SECS VP_CROP_HWACCEL
VP_CROP_ENCODER VP_CROP_PRESET VP_CROP_TUNE VP_CROP_CQ VP_SAVE_CROPPED VP_CROP_SAFE_MARGIN
VP_CROP_CROPDETECT VP_MIN_CROP_RATIO VP_CROP_OVER_TEXT VP_CROP_BLURRED VP_DOWNSCALE VP_SCENE_THRESH
VP_MIN_FRAMES
VP_SAMPLE_FPS VP_TOLERANCE VP_EDGE_THRESH VP_DHASH_SIZE VP_SOLID_STD VP_SOLID_MIN_DIM
VP_DEDUP_DISTANCE VP_FRAME_FORMAT VP_FRAME_QUALITY VP_SPEED VP_SCENE_DETECTOR VP_PRECISION
VP_ITEM_TIMEOUT VP_MAX_PIXELS VP_MAX_DURATION VP_MAX_BYTES JOB_DB VECTOR_DB JOB_RETENTION_DAYS
JOB_MAX_ATTEMPTS DRAIN_TIMEOUT WEBHOOK_SECRET METRICS_AUTH URL_ALLOW_PRIVATE QDRANT_SHARDS
QDRANT_REPLICATION CLIP_MODEL CUDA_MEMORY_FRACTION CUDA_MEMORY_GROWTH FORCE_CPU QDRANT_URL
QDRANT_KEY QDRANT_COLLECTION QDRANT_DIM QDRANT_DISTANCE QDRANT_CONNECTION_POOL_SIZE
QDRANT_BATCH_SIZE QDRANT_COMPRESSION AWS_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_MAX_POOL_CONNECTIONS AWS_MULTIPART_THRESHOLD
S3_VIDEOS_BUCKET S3_FRAMES_BUCKET S3_UNSIGNED LOG_LEVEL ENABLE_PERFORMANCE_METRICS LOCAL_MODE
SKIP_UPLOAD""".split()

DEFAULTS = {
    "API_NAME": "Oriane Extraction Pipeline API", "API_HOST": "127.0.0.1", "API_PORT": 8000,
    "MAX_VIDEOS_PER_REQUEST": 1000, "PIPELINE_MAX_PARALLEL_JOBS": 2, "VP_BATCH_SIZE": 8,
    "VP_ENABLE_CROP": True, "VP_ENABLE_DEDUP": True, "VP_OUTPUT_DIR": ".output",
    "VP_CROP_PROBES": 3, "VP_CROP_CLIP_SECS": 2, "VP_CROP_HWACCEL": "auto", "VP_CROP_PRESET": "p5",
    "VP_CROP_TUNE": "hq", "VP_CROP_CQ": 23, "VP_CROP_SAFE_MARGIN": 4,
    "VP_CROP_CROPDETECT": "24:16:0", "VP_MIN_CROP_RATIO": 0.02, "VP_DOWNSCALE": 0.5,
    "VP_SCENE_THRESH": 0.22, "VP_MIN_FRAMES": 3, "VP_SAMPLE_FPS": 0.1, "VP_TOLERANCE": 5,
    "VP_EDGE_THRESH": 10, "VP_DHASH_SIZE": 8, "VP_SOLID_STD": 5.0, "VP_SOLID_MIN_DIM": 10,
    "VP_DEDUP_DISTANCE": 4, "VP_FRAME_FORMAT": "png", "VP_FRAME_QUALITY": 90, "VP_SPEED": "exact",
    "JOB_RETENTION_DAYS": 30, "JOB_MAX_ATTEMPTS": 3, "DRAIN_TIMEOUT": 30,
    "CUDA_MEMORY_FRACTION": 0.8, "CUDA_MEMORY_GROWTH": True, "FORCE_CPU": False,
    "QDRANT_COLLECTION": "watched_frames", "QDRANT_DIM": 512, "QDRANT_DISTANCE": "cosine",
    "QDRANT_CONNECTION_POOL_SIZE": 10, "QDRANT_BATCH_SIZE": 100, "QDRANT_COMPRESSION": True,
    "AWS_REGION": "us-east-1", "AWS_MAX_POOL_CONNECTIONS": 20, "AWS_MULTIPART_THRESHOLD": 8388608,
    "S3_VIDEOS_BUCKET": "oriane-contents", "S3_FRAMES_BUCKET": "oriane-frames",
    "LOG_LEVEL": "info", "ENABLE_PERFORMANCE_METRICS": True, "LOCAL_MODE": False,
    "SKIP_UPLOAD": False, "QDRANT_SHARDS": 1, "QDRANT_REPLICATION": 1,
}


def values(result):
    """NAME -> value, whether the object holds bare values or {value, origin}."""
    assert result.code == 0, result
    data = result.json
    data = data.get("settings", data)
    if isinstance(data, list):
        data = {row["name"]: row for row in data}
    return {k: v["value"] if isinstance(v, dict) else v for k, v in data.items()}


def same(value, expected):
    if isinstance(expected, bool):
        return value in (expected, int(expected), str(int(expected)), str(expected).lower())
    if isinstance(expected, (int, float)):
        return float(value) == expected
    return value == expected


def test_every_setting_is_there_with_its_default(oriane):
    shown = values(oriane("config", "--json", settings={"CLIP_MODEL": None}))
    assert set(NAMES) <= set(shown), set(NAMES) - set(shown)
    wrong = {n: shown[n] for n, v in DEFAULTS.items() if not same(shown[n], v)}
    assert not wrong
    assert shown["CLIP_MODEL"] == "openai/clip-vit-base-patch32"


def test_table_for_people(oriane):
    out = oriane("config").out
    for name in NAMES:
        assert re.search(rf"\b{name}\b", out), name


def test_precedence(oriane, tmp_path):
    """default < .env < environment < flag"""
    name = "VP_SCENE_THRESH"
    assert same(values(oriane("config", "--json"))[name], 0.22)
    (tmp_path / ".env").write_text(f"{name}=0.31\n")
    assert same(values(oriane("config", "--json"))[name], 0.31)
    settings = {name: "0.32"}
    assert same(values(oriane("config", "--json", settings=settings))[name], 0.32)
    result = oriane("config", "--json", "--scene-thresh", "0.33", settings=settings)
    assert same(values(result)[name], 0.33)


def test_origin_is_shown(oriane, tmp_path):
    (tmp_path / ".env").write_text("VP_MIN_FRAMES=4\n")
    out = oriane("config", "--batch-size=5", settings={"VP_DHASH_SIZE": 9}).out

    def row(name):
        return next(l for l in out.splitlines() if re.search(rf"\b{name}\b", l))
    assert ".env" in row("VP_MIN_FRAMES")
    assert "environment" in row("VP_DHASH_SIZE")
    assert "flag" in row("VP_BATCH_SIZE")
    assert "default" in row("VP_TOLERANCE")


ENV_FILE = '''\ufeff# a comment
export VP_MIN_FRAMES=5

QDRANT_COLLECTION="with spaces # and = signs"   # comment
API_NAME='single $quoted "text"'
VP_INPUT_DIR = plain value
VP_SCENE_THRESH=0.4 # comment\r
CORS_ORIGINS="a\\"b"
'''


def test_env_file_syntax(oriane, tmp_path):
    (tmp_path / ".env").write_text(ENV_FILE, newline="")
    shown = values(oriane("config", "--json"))
    assert same(shown["VP_MIN_FRAMES"], 5)
    assert shown["QDRANT_COLLECTION"] == "with spaces # and = signs"
    assert shown["API_NAME"] == 'single $quoted "text"'
    assert shown["VP_INPUT_DIR"] == "plain value"
    assert same(shown["VP_SCENE_THRESH"], 0.4)
    assert shown["CORS_ORIGINS"] == 'a"b'


@pytest.mark.parametrize("name,content", [
    ("no equals sign", b"\nVP_MIN_FRAMES\n"), ("open quote", b"\nAPI_NAME=\"abc\n"),
    ("a NUL", b"\nAPI_NAME=a\0b\n"), ("not UTF-8", b"\nAPI_NAME=\xff\xfe\n"),
    ("a name with a space", b"\nVP MIN=1\n")])
def test_broken_env_file_names_the_line(oriane, tmp_path, name, content):
    (tmp_path / ".env").write_bytes(content)
    result = oriane("config")
    assert result.code == 2, result
    assert ".env" in result.err and "2" in result.err
    assert len(result.err.strip().splitlines()) == 1


BAD = [
    ("VP_SCENE_THRESH", "abc"), ("VP_SCENE_THRESH", "1.01"), ("VP_SCENE_THRESH", "-0.1"),
    ("VP_SCENE_THRESH", "nan"), ("VP_SCENE_THRESH", "inf"), ("VP_SCENE_THRESH", "0.2x"),
    ("VP_BATCH_SIZE", "0"), ("VP_BATCH_SIZE", "8.5"), ("VP_BATCH_SIZE", "99999999999999999999"),
    ("VP_MAX_WORKERS", "-1"), ("VP_ENABLE_CROP", "perhaps"), ("VP_FRAME_FORMAT", "bmp"),
    ("VP_FRAME_QUALITY", "101"), ("VP_CROP_CROPDETECT", "24:16"), ("VP_CROP_CROPDETECT", "a:b:c"),
    ("VP_CROP_PRESET", "p9"), ("QDRANT_DISTANCE", "near"), ("LOG_LEVEL", "loud"),
    ("API_PORT", "65536"), ("QDRANT_DIM", "0"), ("VP_DHASH_SIZE", "99"),
]


@pytest.mark.parametrize("name,value", BAD)
@pytest.mark.parametrize("way", ["environment", ".env", "flag"])
def test_bad_value_is_one_line(oriane, tmp_path, name, value, way):
    arguments, settings = ["config"], {}
    if way == "environment":
        settings = {name: value}
    elif way == ".env":
        (tmp_path / ".env").write_text(f"{name}={value}\n")
    else:
        flag = name.removeprefix("VP_").lower().replace("_", "-")
        arguments += [f"--{flag}={value}"]
    result = oriane(*arguments, settings=settings)
    assert result.code == 2 and result.out == "", result
    lines = result.err.strip().splitlines()
    assert len(lines) == 1, result
    assert name in lines[0] and value in lines[0]
    allowed = lines[0].replace(name, "").replace(value, "", 1)
    assert re.search(r"\d|png|yes|p1|cosine|info|true|on\b", allowed), lines[0]


def test_bad_value_stops_run_before_any_work(oriane, clip, tmp_path):
    result = oriane.run(clip("one_frame").path, settings={"VP_MIN_FRAMES": "many"})
    assert result.code == 2 and result.out == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("typed,meant", [
    ("VP_SCENE_TRESH", "VP_SCENE_THRESH"), ("VP_BATCHSIZE", "VP_BATCH_SIZE"),
    ("QDRANT_COLECTION", "QDRANT_COLLECTION")])
@pytest.mark.parametrize("way", ["environment", ".env"])
def test_unknown_name_warns_with_the_nearest(oriane, tmp_path, typed, meant, way):
    settings = {typed: "1"} if way == "environment" else {}
    if way == ".env":
        (tmp_path / ".env").write_text(f"{typed}=1\n")
    result = oriane("config", "--json", settings=settings)
    assert result.code == 0, result
    assert typed in result.err and re.search(rf"\b{meant}\b", result.err), result.err


def test_foreign_names_are_nobodys_business(oriane):
    result = oriane("config", "--json", settings={"SOMETHING_ELSE": "1", "VPN_NAME": "x"})
    assert "SOMETHING_ELSE" not in result.err and "VPN_NAME" not in result.err


SECRETS = ["API_KEY", "API_PASSWORD", "WEBHOOK_SECRET", "QDRANT_KEY", "AWS_SECRET_ACCESS_KEY",
           "AWS_SESSION_TOKEN"]


@pytest.mark.parametrize("form", [[], ["--json"], ["--markdown"], ["--env-example"]])
def test_secrets_are_never_shown(oriane, form):
    settings = {name: f"s3cr3t-{name.lower()}" for name in SECRETS}
    settings["LOG_LEVEL"] = "trace"
    result = oriane("config", *form, settings=settings)
    assert result.code == 0, result
    assert "s3cr3t" not in result.out + result.err


def test_a_set_secret_shows_that_it_is_set(oriane):
    shown = values(oriane("config", "--json", settings={"API_KEY": "s3cr3t"}))
    assert shown["API_KEY"] == "***"


def test_empty_environment_value_means_not_set(oriane):
    shown = values(oriane("config", "--json", settings={"VP_MIN_FRAMES": ""}))
    assert same(shown["VP_MIN_FRAMES"], 3)


@pytest.mark.parametrize("text,expected", [
    ("1", True), ("0", False), ("true", True), ("false", False), ("yes", True), ("no", False),
    ("on", True), ("off", False)])
def test_booleans(oriane, text, expected):
    shown = values(oriane("config", "--json", settings={"VP_ENABLE_DEDUP": text}))
    assert same(shown["VP_ENABLE_DEDUP"], expected)


def test_folders_follow_the_output_folder(oriane):
    shown = values(oriane("config", "--json", "--out", "elsewhere"))
    assert shown["VP_OUTPUT_DIR"] == "elsewhere"
    assert shown["VP_FRAMES_DIR"] == "elsewhere/frames"
    assert shown["VECTOR_DB"] == "elsewhere/vectors.db"


def test_workers_default_to_the_cores_we_may_use(oriane):
    import os
    shown = values(oriane("config", "--json"))
    assert same(shown["VP_MAX_WORKERS"], len(os.sched_getaffinity(0)))


def bare(name):
    """The program's own text, made without any setting set, as the committed files are."""
    return {"CLIP_MODEL": None}


@pytest.mark.parametrize("flag,name", [("--markdown", "docs/settings.md"),
                                       ("--env-example", ".env.example")])
def test_committed_pages_equal_the_programs_output(oriane, flag, name):
    result = oriane("config", flag, settings=bare(name))
    assert result.code == 0, result
    assert result.out == (harness.REPOSITORY / name).read_text()
