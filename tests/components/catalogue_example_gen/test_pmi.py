"""Positive PMI and its factors are those of plain NumPy and scikit-learn, in any bundling."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import threadpoolctl
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from sklearn.decomposition import TruncatedSVD

from components.catalogue_example_gen.config import BuildConfig
from components.catalogue_example_gen.eigenvectors import leading_eigenvectors
from components.catalogue_example_gen.pmi import Gram, WordRow, WordShares, WordTotals, half_bits
from components.catalogue_example_gen.pmi import positive_pmi as row_pmi
from tests.components.catalogue_example_gen import split_pairs
from tests.components.catalogue_example_gen.building import built
from tests.components.catalogue_example_gen.bundles import combined
from tests.components.catalogue_example_gen.word_factors import (
    files_of,
    log_shares,
    positive_pmi,
)
from trainer.config import FeatureConfig
from trainer.content import ContentEncoder, raw_content
from trainer.loading import load_graph, read_content_statistics

# rock pop dub      c_i
#    2   2   0        4
#    3   0   1        4
#    0   0   8        8    p = (5, 2, 9) / 16
THREE = np.array([[2.0, 2, 0], [3, 0, 1], [0, 0, 8]])
PPMI_OF_THREE = [
    [math.log(8 / 5), math.log(4), 0],  # (1/2) / (5/16), (1/2) / (1/8)
    [math.log(12 / 5), 0, 0],  # (3/4) / (5/16); (1/4) / (9/16) < 1
    [0, 0, math.log(16 / 9)],  # 1 / (9/16)
]

counts_of_words = st.tuples(st.integers(2, 12), st.integers(2, 6)).flatmap(
    lambda shape: arrays_of.arrays(
        np.float64, shape, elements=st.sampled_from([0, 0, 0, 1, 2, 3, 7, 0.1, 40.25])
    )
)


def rows_of(counts):
    found = []
    for row in counts:
        columns = np.flatnonzero(row)
        if len(columns):
            found.append(WordRow(len(row), tuple(columns.tolist()), tuple(row[columns].tolist())))
    return found


def factorised(counts, most, order=None, cuts=()):
    """log_share and factors through the combiners, as the pipeline puts them together."""
    rows = rows_of(counts)
    rows = [rows[place] for place in order] if order else rows
    shares = combined(WordTotals(), rows, cuts)
    scaled = [
        (
            row.num_words,
            np.array(row.columns),
            np.ldexp(row_pmi(row, shares.log_share), half_bits(shares)),
        )
        for row in rows
    ]
    gram = combined(Gram(), scaled, cuts)
    return shares.log_share, leading_eigenvectors(gram, most), gram / 4.0 ** half_bits(shares)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    return read_content_statistics(str(built(folder, files_of(THREE)).folder))["modalities"][0]


def test_three_artists_by_hand(three):
    # Two artists have w00 and w02, the alphabet decides; one has w01.
    assert three["vocabulary"] == ["w00", "w02", "w01"]
    assert three["log_share"].dtype == three["factors"].dtype == np.float32
    np.testing.assert_allclose(three["log_share"], np.log(np.array([5, 9, 2]) / 16), rtol=1e-6)
    rows = np.array(PPMI_OF_THREE)[:, [0, 2, 1]]
    # With as many factors as words, an artist's vector is its row turned: lengths and angles stay.
    vectors = rows @ three["factors"]
    assert vectors.shape == (3, 3)
    np.testing.assert_allclose(vectors @ vectors.T, rows @ rows.T, atol=1e-5)
    # dub stands alone with the third artist, so it is an axis of its own, the weakest of the three:
    # G = [[ln(8/5)^2 + ln(12/5)^2, ln(8/5) ln 4], [., ln(4)^2]] has eigenvalues 2.54 and 0.37,
    # dub ln(16/9)^2 = 0.33.
    np.testing.assert_allclose(three["factors"][:, 2], [0, 1, 0], atol=1e-6)


def test_the_reference_of_these_tests_is_the_hand_worked_one():
    np.testing.assert_allclose(positive_pmi(THREE, log_shares(THREE)), PPMI_OF_THREE)


@settings(max_examples=50)
@given(counts_of_words, st.integers(1, 6))
def test_factors_are_those_of_the_truncated_svd(counts, most):
    counts = counts[:, counts.any(axis=0)]
    assume(counts.shape[1] > 1)
    log_share, factors, gram = factorised(counts, most)
    np.testing.assert_allclose(log_share, log_shares(counts), rtol=1e-12, atol=1e-15)
    rows = positive_pmi(counts, log_shares(counts))
    np.testing.assert_allclose(gram, rows.T @ rows, atol=1e-9)
    np.testing.assert_allclose(factors.T @ factors, np.eye(factors.shape[1]), atol=1e-9)
    strengths = np.linalg.svd(rows, compute_uv=False)
    assert factors.shape[1] <= min(most, np.sum(strengths > 0))
    expected = strengths[: factors.shape[1]]
    np.testing.assert_allclose(np.linalg.norm(rows @ factors, axis=0), expected, atol=1e-5)
    # What is not among the factors is below a hundred-thousandth of the strongest, or cut.
    left = strengths[factors.shape[1] : min(most, len(strengths))]
    assert np.all(left <= 2e-5 * strengths[0] + 1e-9)
    if most < min(counts.shape) and factors.shape[1] == most:
        svd = TruncatedSVD(most, algorithm="arpack", random_state=0).fit(rows)
        np.testing.assert_allclose(svd.singular_values_, expected, atol=1e-5)
        if np.all(np.diff(strengths[: most + 1]) < -1e-3):
            same = np.abs(np.sum(svd.components_.T * factors, axis=0))
            np.testing.assert_allclose(same, 1, atol=1e-5)


@settings(max_examples=50)
@given(st.data(), counts_of_words)
def test_order_and_bundles_do_not_change_a_bit(data, counts):
    counts = counts[:, counts.any(axis=0)]
    assume(counts.any())
    num_rows = len(rows_of(counts))
    order = data.draw(st.permutations(range(num_rows)))
    cuts = data.draw(st.lists(st.integers(0, num_rows), max_size=5))
    expected = factorised(counts, 6)
    for mine, theirs in zip(factorised(counts, 6, order, cuts), expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_equally_strong_words_keep_their_factors_in_any_order():
    """Sums of floats, which depend on the order, turned the factors of such words by any angle."""
    counts = np.kron(np.eye(4), [[0.1, 0.2, 0.7], [0.3, 0.3, 0.1], [0.7, 0.1, 0.9]])
    expected = factorised(counts, 12)[1]
    generator = random.Random(3)
    for _ in range(20):
        order = generator.sample(range(len(counts)), len(counts))
        np.testing.assert_array_equal(factorised(counts, 12, order, (1, 5, 6))[1], expected)


def test_the_sign_is_that_of_the_largest_number():
    matrix = np.diag([1.0, 4.0, 2.0])
    np.testing.assert_array_equal(leading_eigenvectors(matrix, 2), [[0, 0], [1, 0], [0, 1]])
    # Both numbers of (1, -1) / sqrt(2) are as large: the first is positive.
    np.testing.assert_allclose(
        leading_eigenvectors(np.array([[2.0, -1], [-1, 2]]), 1), [[0.5**0.5], [-(0.5**0.5)]]
    )


def test_eigenvectors_are_the_same_bits_on_any_number_of_threads():
    # As large as the usual vocabulary: BLAS has no need of threads for less.
    rows = np.random.default_rng(0).normal(size=(600, 500))
    gram = rows.T @ rows
    found = []
    for threads in (1, 2, 4):
        with threadpoolctl.threadpool_limits(threads):
            found.append(leading_eigenvectors(gram, 200).tobytes())
    assert len(set(found)) == 1


def test_there_are_no_more_factors_than_the_rank():
    one = np.outer([1.0, 2, 3], [1, 2, 3])
    assert leading_eigenvectors(one, 3).shape == (3, 1)
    assert leading_eigenvectors(np.zeros((3, 3)), 2).shape == (3, 0)
    assert leading_eigenvectors(np.zeros((0, 0)), 2).shape == (0, 0)


@pytest.mark.parametrize("num_artists", [1, 20_000, 10_000_000])
@pytest.mark.parametrize("rarest", [-1e-3, -20.0, -180.0])
def test_no_sum_of_products_overflows(num_artists, rarest):
    bits = half_bits(WordShares(num_artists, np.array([rarest])))
    assert num_artists * (rarest**2 * 4**bits + 1) < 2**63
    assert bits >= 11


def test_only_words_of_the_vocabulary_count(tmp_path):
    """c_i and p(l) are of the words that are used most, so that an artist's shares sum to 1."""
    found = built(tmp_path, files_of(THREE), BuildConfig(vocabulary_size=2, word_factors=1))
    (entry,) = read_content_statistics(str(found.folder))["modalities"]
    assert entry["vocabulary"] == ["w00", "w02"]
    np.testing.assert_allclose(entry["log_share"], np.log([5 / 14, 9 / 14]), rtol=1e-6)
    # w00 is all that the first artist has, and 3/4 of the second's: of both it is the axis. The
    # third's w02 tells less.
    np.testing.assert_allclose(entry["factors"], [[1], [0]], atol=1e-6)


@pytest.fixture(scope="module")
def many():
    generator = np.random.default_rng(5)
    counts = np.round(generator.exponential(1.0, (30, 8)) * (generator.random((30, 8)) < 0.4), 2)
    counts[0] = 1
    return counts


@pytest.fixture(scope="module")
def alone(many, tmp_path_factory):
    return built(tmp_path_factory.mktemp("alone"), files_of(many)).folder


def test_several_workers_write_the_same_bytes(many, alone, tmp_path):
    options = ["--direct_running_mode=multi_threading", "--direct_num_workers=3"]
    several = built(tmp_path, files_of(many), options=options).folder
    assert (several / "content.npz").read_bytes() == (alone / "content.npz").read_bytes()


def test_judged_artists_change_no_byte(many, alone, tmp_path):
    judged = np.zeros((2, 10))
    judged[0, [1, 8]], judged[1, [0, 9]] = (900, 0.5), (0.25, 7)
    other = built(tmp_path, files_of(many, judged)).folder
    for name in ("content.json", "content.npz"):
        assert (other / name).read_bytes() == (alone / name).read_bytes()


def test_an_artist_folds_in_by_its_own_words(many, alone):
    """What the model computes of an artist that it is sent is the artist's row of training."""
    statistics = read_content_statistics(str(alone))
    (entry,) = statistics["modalities"]
    columns = [int(word.removeprefix("w")) for word in entry["vocabulary"]]
    judged = np.ones((2, 8))
    rows = positive_pmi(np.concatenate([many, judged]), log_shares(many))[:, columns]
    graph = load_graph(str(alone))
    order = [[*(f"t{row}" for row in range(len(many))), "v", "x"].index(i) for i in graph.artist_id]
    for words, expected in (("ppmi", rows), ("factors", rows @ entry["factors"])):
        encoder = ContentEncoder(FeatureConfig(words=words), statistics)
        features = encoder(raw_content(graph)).numpy()
        has_words = np.concatenate([many, judged]).any(axis=1)
        np.testing.assert_allclose(features[:, :-1], expected[order], atol=1e-5)
        np.testing.assert_array_equal(features[:, -1], has_words[order])
    left, strengths, _ = np.linalg.svd(rows[:-2], full_matrices=False)
    np.testing.assert_allclose(
        np.abs(rows[:-2] @ entry["factors"]), np.abs(left * strengths), atol=1e-4
    )


def test_a_word_that_all_have_alike_tells_nothing(tmp_path):
    found = built(tmp_path, files_of(np.full((4, 1), 3.0)))
    (entry,) = read_content_statistics(str(found.folder))["modalities"]
    assert entry["log_share"].tolist() == [0]
    assert entry["factors"].shape == (1, 0)


def test_words_that_no_training_artist_has(tmp_path):
    tags = "artist,tag,count\nv1,loud,9\nx1,jazz,8\n"
    found = built(tmp_path, split_pairs.FILES | {"tags.csv": tags})
    entries = read_content_statistics(str(found.folder))["modalities"]
    entry = next(entry for entry in entries if entry["name"] == "tags")
    assert entry["vocabulary"] == []
    assert entry["log_share"].shape == (0,) and entry["factors"].shape == (0, 0)
