"""Real weights: a few facts known of openai/clip-vit-base-patch32. ORIANE_CLIP_DIR names its folder."""

import os
from pathlib import Path

import numpy as np
import pytest

import golden
import harness
import stills

FOLDER = os.environ.get("ORIANE_CLIP_DIR")
REFERENCE = harness.REPOSITORY.parent / "shared" / "reference"
pytestmark = pytest.mark.skipif(not FOLDER, reason="ORIANE_CLIP_DIR names no folder with the weights of "
                                                   "openai/clip-vit-base-patch32")
# features before normalisation, from clip.cpp's own tests; places and their values
WHITE_NORM = 12.3780
WHITE = {0: -0.040980447, 1: -0.15278158, 2: -0.060460772, 92: -10.153704}
WHITE_AND_APPLE = 0.19566
# after normalisation, from fastembed's canonical values
HELLO = [0.0083, 0.0103, -0.0138, 0.0199, -0.0069]
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """White picture, "a red apple", "hello world"."""
    folder = tmp_path_factory.mktemp("real")
    white = stills.save(stills.make("white-300x224"), folder / "white.png")
    oriane = harness.Oriane(folder)
    settings = golden.settings(Path(FOLDER).resolve(), 512)
    texts = [(t, t, None) for t in ("a red apple", "hello world")]
    return list(map(np.array, golden.vectors(oriane, [("white", white, None)], texts, settings)))


def reference(name):
    path = REFERENCE / f"clip-vit-base-patch32.{name}.txt"
    if not path.exists():
        pytest.skip(f"no reference data beside the repository (../shared/reference/{path.name})")
    features = np.array(list(map(float, path.read_text().split())))
    assert features.shape == (512,)
    return features / np.linalg.norm(features)


def test_facts_of_the_white_picture(found):
    for place, value in WHITE.items():
        assert abs(found[0][place] - value / WHITE_NORM) < TOLERANCE, place


def test_white_picture(found):
    assert np.abs(found[0] - reference("white")).max() < TOLERANCE


def test_a_red_apple(found):
    assert np.abs(found[1] - reference("red-apple")).max() < TOLERANCE


def test_likeness_of_both(found):
    assert abs(found[0] @ found[1] - WHITE_AND_APPLE) < TOLERANCE


def test_hello_world(found):
    assert np.abs(found[2][:len(HELLO)] - HELLO).max() < TOLERANCE
