"""The space of modality embeddings: by hand at known angles, and against plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.ranking.modality_space import modality_space


def at(*degrees):
    """[num, 2] unit vectors."""
    return np.array([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees])


def test_two_artists_at_known_angles():
    # Artist 0 lies at 0 and 60 degrees, artist 1 at 90 and 90.
    space = modality_space(np.stack([at(0, 90), at(60, 90)]), np.ones((2, 2), bool))
    cos30, cos60 = math.sqrt(3) / 2, 0.5
    assert space.artists.tolist() == [0, 1]
    # Of artist 0: d(0, 60) - d(0, 90) and d(60, 0) - d(60, 90); of 1: 0 - d(90, 60), 0 - d(90, 0).
    np.testing.assert_allclose(
        space.expected_contrastive_loss,
        [((0.5 - 1) + (0.5 - (1 - cos30))) / 2, (-(1 - cos30) - 1) / 2],
    )
    np.testing.assert_allclose(space.intra_cluster_distance, [1 - cos30, 0], atol=1e-12)
    # The centroids point to 30 and 90 degrees.
    np.testing.assert_allclose(space.inter_cluster_distance, [1 - cos60] * 2)


def cosine_distance(x, y):
    norms = math.sqrt(x @ x) * math.sqrt(y @ y)
    return 1 - (x @ y / norms if norms else 0)


def slow_space(embeddings, present):
    num_modalities, num_artists = present.shape
    artists = [i for i in range(num_artists) if present[:, i].sum() >= 2]
    have = {i: [u for u in range(num_modalities) if present[u, i]] for i in artists}
    centroid = {i: sum(embeddings[u, i] for u in have[i]) / len(have[i]) for i in artists}
    rows = []
    for i in artists:
        losses = []
        for u in have[i]:
            for v in have[i]:
                others = [j for j in artists if j != i and v in have[j]]
                if u == v or not others:
                    continue
                distances = [cosine_distance(embeddings[u, i], embeddings[v, j]) for j in others]
                own = cosine_distance(embeddings[u, i], embeddings[v, i])
                losses.append(own - sum(distances) / len(distances))
        intra = [cosine_distance(embeddings[u, i], centroid[i]) for u in have[i]]
        inter = [cosine_distance(centroid[i], centroid[j]) for j in artists if j != i]
        rows.append([sum(x) / len(x) if len(x) else math.nan for x in (losses, intra, inter)])
    return artists, np.array(rows).reshape(-1, 3)


@given(st.integers(1, 4), st.integers(1, 8), st.floats(0, 1), st.integers(0, 2**32))
def test_equals_plain_loops(num_modalities, num_artists, share, seed):
    rng = np.random.default_rng(seed)
    # Whole numbers, so that some vectors are zero.
    embeddings = rng.integers(-1, 2, (num_modalities, num_artists, 2)).astype(np.float32)
    present = rng.random((num_modalities, num_artists)) < share
    space = modality_space(embeddings, present)
    artists, rows = slow_space(embeddings.astype(float), present)
    assert space.artists.tolist() == artists
    found = [
        space.expected_contrastive_loss,
        space.intra_cluster_distance,
        space.inter_cluster_distance,
    ]
    np.testing.assert_allclose(np.column_stack(found), rows, atol=1e-9)


def test_what_is_not_present_does_not_count():
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((3, 6, 4)).astype(np.float32)
    present = np.ones((3, 6), bool)
    present[2, :3] = False
    changed = embeddings.copy()
    changed[2, :3] = 99
    for name in ("expected_contrastive_loss", "intra_cluster_distance", "inter_cluster_distance"):
        before, after = (getattr(modality_space(e, present), name) for e in (embeddings, changed))
        np.testing.assert_array_equal(before, after)


def test_modalities_that_agree_and_artists_apart():
    # Four artists at right angles, each the same in both modalities.
    space = modality_space(np.stack([np.eye(4)] * 2), np.ones((2, 4), bool))
    assert space.expected_contrastive_loss == pytest.approx([-1] * 4)
    assert space.intra_cluster_distance == pytest.approx([0] * 4)
    assert space.inter_cluster_distance == pytest.approx([1] * 4)
