"""The same videos and settings give the same bytes, whatever the machine was doing meanwhile."""

import random

import pytest

import harness

CLIPS = ["cuts", "letterbox", "visitors", "vfr", "two_frames", "odd"]


@pytest.fixture(scope="module")
def reference(tmp_path_factory, clip):
    folder = tmp_path_factory.mktemp("reference")
    result = harness.Oriane(folder).run(*(clip(n).path for n in CLIPS))
    assert result.code == 0, result
    return harness.effects(folder / "out")


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("batch", [1, 3, 8, 64])
def test_workers_and_batches_change_nothing(oriane, clip, reference, tmp_path, workers, batch):
    names = CLIPS[:]
    random.Random(workers * 100 + batch).shuffle(names)
    settings = {"VP_MAX_WORKERS": workers, "VP_BATCH_SIZE": batch}
    result = oriane.run(*(clip(n).path for n in names), settings=settings)
    assert result.code == 0, result
    files, points = harness.effects(tmp_path / "out")
    assert files == reference[0]
    assert points == reference[1]


def test_json_is_the_same_but_for_the_clock(oriane, clip):
    path = clip("cuts").path
    first, second = (oriane.run(path, out=o).one for o in ("a", "b"))
    assert harness.without_clock(first) == harness.without_clock(second)


def test_vectors_are_unit_length(reference):
    import numpy as np
    rows = reference[1]
    assert rows
    blobs = [v for v in rows[0].values() if isinstance(v, bytes) and len(v) == 512 * 4]
    assert blobs, list(rows[0])
    for row in rows:
        vector = next(v for v in row.values() if isinstance(v, bytes) and len(v) == 512 * 4)
        assert abs(np.linalg.norm(np.frombuffer(vector, "<f4")) - 1) < 1e-5
