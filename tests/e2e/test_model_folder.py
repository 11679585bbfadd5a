"""A model folder that changes, lies or breaks: what is refused, what goes on, and what is another model."""

import json
import os
import shutil
import struct

import numpy as np
import pytest
from PIL import Image

import models
from server import Server

NAME = "clip-small"
DIM = models.MODELS[NAME]().dim


@pytest.fixture
def folder(tmp_path):
    """A folder of its own, that a test may spoil."""
    copy = tmp_path / "model"
    shutil.copytree(models.get(NAME), copy)
    return copy


@pytest.fixture
def still(tmp_path):
    path = tmp_path / "still.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (224, 224, 3), np.uint8)).save(path)
    return path


def settings_of(folder, **more):
    return {"CLIP_MODEL": folder, "QDRANT_DIM": DIM, "VP_PRECISION": "f32", **more}


def edit(path, **changes):
    data = json.loads(path.read_text())
    data.update(changes)
    path.write_text(json.dumps(data))


def offsets(folder, tensor):
    raw = (folder / "model.safetensors").read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    begin, end = json.loads(raw[8:8 + length])[tensor]["data_offsets"]
    return 8 + length + begin, 8 + length + end


def poke(folder, tensor, value, index=0):
    """One number of a tensor."""
    begin, _ = offsets(folder, tensor)
    with open(folder / "model.safetensors", "r+b") as file:
        file.seek(begin + 4 * index)
        file.write(struct.pack("<f", value))


@pytest.mark.parametrize("precision", ["f32", "int8"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("tensor", [
    "vision_model.encoder.layers.0.self_attn.q_proj.weight", "vision_model.encoder.layers.1.mlp.fc1.bias",
    "vision_model.embeddings.patch_embedding.weight", "vision_model.post_layernorm.weight",
    "vision_model.embeddings.position_embedding.weight", "visual_projection.weight"])
def test_a_weight_that_is_no_number(oriane, folder, still, tensor, value, precision):
    poke(folder, tensor, value, index=3)
    result = oriane("embed", "--image", still, settings=settings_of(folder, VP_PRECISION=precision))
    assert result.code == 1 and "bad_model" in result.err and "NaN or infinity" in result.err, result
    assert tensor in result.err or "patches" in result.err


@pytest.mark.parametrize("tensor", ["text_model.encoder.layers.0.mlp.fc2.weight",
                                    "text_model.embeddings.token_embedding.weight"])
def test_a_weight_of_the_texts_that_is_no_number(oriane, folder, still, tensor):
    begin, end = offsets(folder, tensor)
    with open(folder / "model.safetensors", "r+b") as file:
        file.seek(begin)
        file.write(struct.pack("<f", float("nan")) * ((end - begin) // 4))
    result = oriane("embed", "--json", "--image", still, "--text", "x", settings=settings_of(folder))
    assert result.code == 1 and result.json["vectors"][0] and result.json["vectors"][1] is None
    assert result.json["errors"][0]["code"] == "bad_model" and tensor in result.json["errors"][0]["message"]


def test_mean_and_std_without_sense(oriane, folder, still):
    edit(folder / "preprocessor_config.json", image_mean=[1e38, 0, 0], image_std=[1e-30, 1, 1])
    result = oriane("embed", "--image", still, settings=settings_of(folder))
    assert result.code == 1 and "bad_model" in result.err, result


@pytest.mark.parametrize("file, changes", [
    ("preprocessor_config.json", {"image_mean": [0, 0, 0], "image_std": [1, 1, 1]}),
    ("preprocessor_config.json", {"resample": 2}),
    ("config.json", {"vision": {"num_attention_heads": 1}}),
    ("config.json", {"vision": {"hidden_act": "gelu"}})])
def test_a_configuration_that_changes_vectors_is_another_model(oriane, clip, folder, tmp_path, file, changes):
    run = [clip("cuts").path, "--out", tmp_path / "out"]
    assert oriane("run", *run, settings=settings_of(folder)).code == 0
    again = oriane("run", "--json", *run, settings=settings_of(folder))
    assert again.code == 0 and json.loads(again.out.splitlines()[0])["skipped"] is True
    if "vision" in changes:
        config = json.loads((folder / file).read_text())
        config["vision_config"].update(changes["vision"])
        (folder / file).write_text(json.dumps(config))
    else:
        edit(folder / file, **changes)
    other = oriane("run", *run, settings=settings_of(folder))
    assert other.code != 0 and "store_mismatch" in other.err + other.out and "oriane reindex" in other.err, other


def test_what_changes_no_vector_is_the_same_model(oriane, clip, folder, tmp_path):
    run = [clip("cuts").path, "--out", tmp_path / "out"]
    assert oriane("run", *run, settings=settings_of(folder)).code == 0
    edit(folder / "config.json", transformers_version="99.0", unheard_of=[1, 2])
    moved = tmp_path / "elsewhere"
    folder.rename(moved)
    again = oriane("search", "x", "--json", "--out", tmp_path / "out", settings=settings_of(moved))
    assert again.code == 0 and len(again.json) > 0, again


def test_a_server_outlives_weights_that_are_cut_short(clip, folder, tmp_path):
    with Server(tmp_path / "server", env=settings_of(folder)) as server:
        item = server.add_video("demo", "one", clip("cuts").path)
        assert server.run([item])["counts"]["success"] == 1
        assert server.post("/search-by/text", {"prompt": "x"}).status == 200
        os.truncate(folder / "model.safetensors", 20000)
        answer = server.post("/search-by/text", {"prompt": "y"})
        assert answer.status == 500 and "model.safetensors" in answer.json["detail"], answer
        assert server.get("/health").status == 200


def test_a_folder_replaced_before_the_first_text(clip, folder, tmp_path):
    """Old weights never meet the tokens of another model."""
    with Server(tmp_path / "server", env=settings_of(folder)) as server:
        item = server.add_video("demo", "one", clip("cuts").path)
        assert server.run([item])["counts"]["success"] == 1
        folder.rename(tmp_path / "old")
        shutil.copytree(models.get("siglip2-small"), folder)
        answer = server.post("/search-by/text", {"prompt": "x"})
        assert answer.status == 500 and "another folder took its place" in answer.json["detail"], answer


def test_a_dimension_that_the_model_does_not_give(oriane, folder, still):
    result = oriane("embed", "--image", still, settings=settings_of(folder, QDRANT_DIM=512))
    assert result.code == 2 and f"set QDRANT_DIM={DIM}" in result.err, result
    jina = oriane("embed", "--image", still, settings={"CLIP_MODEL": models.get("jina-small"), "QDRANT_DIM": 7})
    assert jina.code == 2 and "set QDRANT_DIM to one of these" in jina.err, jina


def test_info_tells_of_a_broken_tokenizer(oriane, folder):
    assert oriane("model", "info", folder, "--json", settings={}).json["has_text"] is True
    (folder / "tokenizer.json").write_text("{")
    broken = oriane("model", "info", folder, "--json", settings={})
    assert broken.code == 0 and broken.json["has_text"] is False
    assert "tokenizer.json" in oriane("model", "info", folder, settings={}).out


def test_a_name_that_is_no_text(oriane, tmp_path):
    for name in ("m\x1b[31mx", os.fsdecode(b"m\xff\xfe")):
        shutil.copytree(models.get(NAME), tmp_path / name)
        result = oriane("model", "info", tmp_path / name, settings={})
        assert result.code == 2 and "\x1b" not in result.err + result.out, result
