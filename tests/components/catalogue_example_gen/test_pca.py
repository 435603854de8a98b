"""Principal components are scikit-learn's, of sums that are the same to the bit in any bundling."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from components.catalogue_example_gen.config import BuildConfig
from components.catalogue_example_gen.eigenvectors import leading_eigenvectors
from components.catalogue_example_gen.pca import CoMoments
from tests.components.catalogue_example_gen import split_pairs
from tests.components.catalogue_example_gen.building import built
from tests.components.catalogue_example_gen.bundles import combined
from trainer.config import FeatureConfig
from trainer.content import ContentEncoder, raw_content
from trainer.graph import VectorContent
from trainer.loading import load_graph, read_content_statistics

DIM = 6


@settings(max_examples=50)
@given(st.data(), st.integers(1, 700))
def test_any_order_and_bundling_gives_the_same_bits_and_numpys_covariance(data, num_vectors):
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    vectors = generator.normal(0, 10, (num_vectors, 3)) @ generator.normal(0, 1, (3, 4))
    cuts = data.draw(st.lists(st.integers(0, num_vectors), max_size=6))
    shuffled = generator.permutation(vectors)
    covariance = combined(CoMoments(), shuffled.tolist(), cuts)
    np.testing.assert_array_equal(covariance, combined(CoMoments(), vectors.tolist()))
    np.testing.assert_allclose(covariance, np.cov(vectors.T, ddof=0), rtol=1e-6, atol=1e-5)


@settings(max_examples=50)
@given(st.lists(st.tuples(*[st.floats(-5000, 5000)] * 2), min_size=1, max_size=12))
def test_sums_are_those_of_fractions(vectors):
    accumulator = CoMoments().create_accumulator()
    for vector in vectors:
        accumulator = CoMoments().add_input(accumulator, vector)
    found = CoMoments().compact(accumulator)
    # round() of a Fraction is to the nearest whole number, of two as near ones the even one.
    whole = [
        [round(max(-4096, min(4096, Fraction(number))) * 2**24) for number in vector]
        for vector in vectors
    ]
    assert found.numbers.tolist() == [sum(column) for column in zip(*whole, strict=True)]
    for row, column in itertools.product(range(2), repeat=2):
        products = found.high[row, column], found.mixed[row, column], found.low[row, column]
        total = sum(int(one) << shift for one, shift in zip(products, (36, 18, 0), strict=True))
        assert total == sum(vector[row] * vector[column] for vector in whole)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_farthest_numbers_overflow_nothing(sign):
    # The low half of this is the largest there is, 2^17: rint() takes 0.5 to the even 0.
    farthest = [4096.0, sign * 1e30, sign * (2.0**17 / 2**24)]
    found = combined(CoMoments(), [farthest] * 600)
    np.testing.assert_array_equal(found, np.zeros((3, 3)))
    part = CoMoments().compact(
        CoMoments().create_accumulator()._replace(waiting=[np.array(farthest)] * 256)
    )
    assert part.high[0].tolist() == [256 << 36, sign * 256 << 36, 0]
    assert part.low[2].tolist() == [0, 0, 256 << 34]
    # 2^27 vectors are half a million of these.
    assert int(np.abs([part.high, part.mixed, part.low]).max()) * (2**27 // 256) <= 2**63


def test_a_part_of_no_vectors_changes_nothing():
    rows = [[1.0, 2.0], [3.0, 6.0]]
    # The mean is (2, 4), the deviations -(1, 2) and (1, 2).
    np.testing.assert_array_equal(combined(CoMoments(), rows, (0, 0, 1, 2)), [[1, 2], [2, 4]])
    assert combined(CoMoments(), []).shape == (0, 0)


@given(st.integers(0, 999))
@settings(max_examples=30)
def test_components_are_those_of_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    scales = np.array([5, 4, 3, 2, 1, 0.5])
    vectors = (generator.normal(0, 1, (60, DIM)) * scales) @ generator.normal(0, 1, (DIM, DIM))
    mine = leading_eigenvectors(combined(CoMoments(), vectors.tolist(), (20, 31)), 3).T
    theirs = PCA(3, svd_solver="full").fit(vectors).components_
    np.testing.assert_allclose(np.abs(np.sum(mine * theirs, axis=1)), 1, atol=1e-9)


def test_rounding_makes_no_components():
    # Numbers of rank 2; what is lost of them at 2^-24 must not count as a third direction.
    generator = np.random.default_rng(4)
    vectors = generator.normal(0, 1, (300, 2)) @ generator.normal(0, 1, (2, DIM))
    covariance = combined(CoMoments(), vectors.tolist())
    assert leading_eigenvectors(covariance, 4).shape == (DIM, 2)


def catalogue(train, judged):
    """A catalogue with `clap` of six numbers for training artists, and for one of val and test."""
    names = [f"t{row}" for row in range(len(train))] + ["v", "x"]
    splits = ["train"] * len(train) + ["val", "test"]
    rows = [
        f"{name},{split},{';'.join(map(repr, vector))}"
        for name, split, vector in zip(names, splits, [*train.tolist(), *judged], strict=True)
    ]
    pairs = zip(names, names[1:], strict=False)
    return {
        "catalogue.yaml": "name: pca\nartists: {table: artists.csv, id: id, split: split}\n"
        "content: {clap: {column: clap}}\nedges: {table: edges.csv, source: a, target: b}\n",
        "artists.csv": "id,split,clap\n" + "\n".join(rows) + "\n",
        "edges.csv": "a,b\n" + "\n".join(map(",".join, pairs)) + "\n",
    }


@pytest.fixture(scope="module")
def train():
    generator = np.random.default_rng(8)
    vectors = generator.normal(0, 1, (40, DIM)) @ generator.normal(0, 1, (DIM, DIM)) + 30
    vectors[:, 2] = 7  # A constant has no part in any component.
    return np.round(vectors, 3)


@pytest.fixture(scope="module")
def reduced(train, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reduced")
    files = catalogue(train, [[0.0] * DIM, [1.0] * DIM])
    return built(folder, files, BuildConfig(pca_dim=2)).folder


def test_features_are_scikit_learns_of_standardised_vectors(train, reduced):
    statistics = read_content_statistics(str(reduced))
    (entry,) = statistics["modalities"]
    assert entry["components"].shape == (2, DIM) and entry["components"].dtype == np.float32
    np.testing.assert_allclose(entry["components"][:, 2], 0, atol=1e-7)
    # A component and its negative are the same: the largest number is positive.
    largest = np.abs(entry["components"]).argmax(axis=1)
    assert (entry["components"][[0, 1], largest] > 0).all()

    graph = load_graph(str(reduced))
    clap = graph.content["clap"]
    assert isinstance(clap, VectorContent) and clap.values.shape[1] == DIM
    encoder = ContentEncoder(FeatureConfig(), statistics)
    assert encoder.num_features == 3
    features = encoder(raw_content(graph)).numpy()
    deviation = train.std(axis=0)
    standardised = (train - train.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    expected = PCA(2, svd_solver="full").fit_transform(standardised)
    rows = [graph.artist_id.tolist().index(f"t{row}") for row in range(len(train))]
    signs = np.sign(np.sum(features[rows, :2] * expected, axis=0))
    np.testing.assert_allclose(features[rows, :2], expected * signs, atol=1e-4)
    np.testing.assert_array_equal(features[:, 2], 1)


def test_judged_artists_change_no_byte(train, reduced, tmp_path):
    other = catalogue(train, [[900.0, -5, 0.25, 1, 2, 3], [7.0] * DIM])
    folder = built(tmp_path, other, BuildConfig(pca_dim=2)).folder
    for name in ("content.json", "content.npz"):
        assert (folder / name).read_bytes() == (reduced / name).read_bytes()


def test_what_is_no_wider_stays_as_it_is(tmp_path):
    # audio and sound have 2 numbers. t1 and t2 have clap, of 3: one line, so that the rank is 1.
    # Of listening, of 64, no training artist has any.
    artists = split_pairs.ARTISTS
    for old, new in (("0.1;0.2", "1;2;3"), ("0.3;0.4", "2;4;6"), ("0.5;0.6", "3;1;2")):
        artists = artists.replace(old, new)
    artists = artists.replace("0.7;0.8", "5;5;5")
    files = split_pairs.FILES | {"artists.csv": artists}
    found = built(tmp_path, files, BuildConfig(pca_dim=2)).folder
    shapes = {
        entry["name"]: entry["components"].shape
        for entry in read_content_statistics(str(found))["modalities"]
        if "components" in entry
    }
    assert shapes == {"clap": (1, 3), "listening": (0, 64)}
    assert "components" not in json.loads((found / "content.json").read_text())["modalities"][1]
