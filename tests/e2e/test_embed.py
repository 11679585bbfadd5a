"""`oriane embed`: pictures in, unit vectors out; a bad picture is a null and a named error."""

import json

import numpy as np
import pytest


@pytest.fixture
def stills(extracted):
    video = extracted("cuts")
    return [video.picture(f) for f in video.frames[:3]]


def embed(oriane, *arguments, code=0):
    result = oriane("embed", "--json", *arguments)
    assert result.code == code, result
    return result.json


def test_shape(oriane, stills):
    data = embed(oriane, "--image", *stills)
    assert data["model"] == "builtin/visual-512" and data["dim"] == 512
    assert len(data["vectors"]) == 3
    for vector in data["vectors"]:
        assert len(vector) == 512
        assert abs(np.linalg.norm(vector) - 1) < 1e-5
    assert not data.get("errors")


def test_two_ways_to_name_pictures(oriane, stills):
    together = embed(oriane, "--image", *stills)
    apart = embed(oriane, *(a for s in stills for a in ("--image", s)))
    assert together["vectors"] == apart["vectors"]


def test_vectors_survive_the_text_form(oriane, stills):
    """Nine digits are enough to give back every float."""
    text = oriane("embed", "--json", "--image", stills[0]).out
    vector = np.array(json.loads(text)["vectors"][0])
    assert np.abs(vector - vector.astype(np.float32)).max() < 1e-9


def test_company_changes_nothing(oriane, stills):
    """A picture's vector does not depend on the batch it rode in."""
    alone = [embed(oriane, "--image", s)["vectors"][0] for s in stills]
    assert embed(oriane, "--image", *stills)["vectors"] == alone


def test_vector_equals_the_stored_one(oriane, extracted, stills):
    import harness
    rows = harness.points(extracted("cuts").out)
    stored = np.frombuffer(next(v for v in rows[0].values()
                                if isinstance(v, bytes) and len(v) == 2048), "<f4")
    vector = embed(oriane, "--image", stills[0])["vectors"][0]
    assert float(np.dot(stored, vector)) >= 0.999


def test_failed_input_is_null_and_named(oriane, clip, stills):
    data = embed(oriane, "--image", stills[0], clip("words").path, "nowhere.png", stills[1], code=1)
    assert [v is None for v in data["vectors"]] == [False, True, True, False]
    assert len(data["errors"]) == 2
    text = json.dumps(data["errors"])
    assert clip("words").path.name in text and "nowhere.png" in text
    assert "bad_picture" in text and "not_found" in text


def test_text_needs_a_text_encoder(oriane):
    result = oriane("embed", "--json", "--text", "a red apple")
    assert result.code == 1, result
    assert "text" in result.out + result.err


def test_missing_model(oriane, stills):
    result = oriane("embed", "--json", "--image", stills[0],
                    settings={"CLIP_MODEL": "openai/clip-vit-base-patch32"})
    assert result.code == 1 and "openai/clip-vit-base-patch32" in result.err, result


def test_flat_pictures_have_finite_vectors(oriane, tmp_path):
    from PIL import Image
    for name, colour in (("black", 0), ("white", 255), ("grey", 128)):
        Image.new("RGB", (50, 40), (colour,) * 3).save(tmp_path / f"{name}.png")
    Image.new("RGB", (1, 1), (9, 99, 200)).save(tmp_path / "dot.png")
    Image.new("RGB", (2000, 1), (9, 99, 200)).save(tmp_path / "line.png")
    data = embed(oriane, "--image", *sorted(p.name for p in tmp_path.glob("*.png")))
    for vector in data["vectors"]:
        assert np.isfinite(vector).all() and abs(np.linalg.norm(vector) - 1) < 1e-5


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "I;16"])
def test_kinds_of_png(oriane, tmp_path, mode):
    from PIL import Image
    if mode == "I;16":
        Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16).save(
            tmp_path / "a.png")
    else:
        Image.linear_gradient("L").convert(mode).save(tmp_path / "a.png")
    assert len(embed(oriane, "--image", "a.png")["vectors"][0]) == 512


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_kinds_of_jpeg(oriane, tmp_path, mode):
    """CMYK may be refused, by name; it may not crash."""
    from PIL import Image
    Image.linear_gradient("L").convert("RGB").convert(mode).save(tmp_path / "a.jpg")
    result = oriane("embed", "--json", "--image", "a.jpg")
    assert result.code == 0 or (mode == "CMYK" and "bad_picture" in result.out), result
