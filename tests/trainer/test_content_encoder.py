"""Features by hand: standardised vectors, bags of words, random vectors."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from catalogues.errors import InputError
from tests.trainer.graphs import graph_of, vectors, words
from trainer.config import RANDOM, WORDS, FeatureConfig
from trainer.content import ContentEncoder, random_vectors, raw_content

STATISTICS = {
    "modalities": [
        {"name": "audio", "kind": "vector", "dim": 2, "mean": [1.0, 10.0], "deviation": [2.0, 5.0]},
        {"name": "tags", "kind": "categories", "vocabulary": ["dub", "polka", "live"]},
    ]
}


def encoded(audio, tags, modalities=(), statistics=STATISTICS):
    graph = graph_of([], [0] * len(audio), {"audio": vectors(audio), "tags": words(tags)}).graph
    encoder = ContentEncoder(FeatureConfig(modalities, random_dim=4), statistics)
    features = encoder(raw_content(graph)).numpy()
    assert features.shape == (len(audio), encoder.num_features)
    assert features.dtype == np.float32
    return features


def test_vectors_are_standardised_and_a_missing_one_is_flagged():
    features = encoded([[5, 0], [1, 10], None], [{}] * 3, ("audio",))
    # (5 - 1) / 2, (0 - 10) / 5, known; the mean itself is zero but known; zero and unknown.
    np.testing.assert_allclose(features, [[2, -2, 1], [0, 0, 1], [0, 0, 0]])


def test_a_missing_vector_is_zero_whatever_stands_there():
    encoder = ContentEncoder(FeatureConfig(("audio",)), STATISTICS)
    raw = {"audio": tf.constant([[np.nan, 7.0]]), "audio_present": tf.constant([0], tf.int64)}
    np.testing.assert_array_equal(encoder(raw), [[0, 0, 0]])


def test_a_bag_of_words_is_log_weighted_and_of_unit_length():
    bags = [{"polka": 3.0, "dub": 1.0}, {"live": 9.0}, {}, {"unheard": 5.0}]
    features = encoded([None] * 4, bags, ("tags",))
    # log(1 + 1) = ln 2 and log(1 + 3) = 2 ln 2: the bag is (1, 2, 0) / sqrt(5).
    expected = [
        [1 / 5**0.5, 2 / 5**0.5, 0, 1],
        [0, 0, 1, 1],
        [0, 0, 0, 0],
        [0, 0, 0, 1],  # Has tags, none of them known.
    ]
    np.testing.assert_allclose(features, expected, atol=1e-6)


def test_an_unknown_word_changes_nothing():
    known, more = encoded([None] * 2, [{"dub": 2.0}, {"dub": 2.0, "unheard": 50.0}], ("tags",))
    np.testing.assert_array_equal(known, more)


def test_a_word_of_no_or_negative_weight_weighs_nothing():
    features = encoded([None], [{"dub": -3.0, "polka": 0.0, "live": 1.0}], ("tags",))
    np.testing.assert_allclose(features, [[0, 0, 1, 1]])


def test_all_modalities_stand_side_by_side():
    both = encoded([[5, 0]], [{"dub": 1.0}])
    np.testing.assert_allclose(both, [[2, -2, 1, 1, 0, 0, 1]])
    turned = encoded([[5, 0]], [{"dub": 1.0}], ("tags", "audio"))
    np.testing.assert_allclose(turned, [[1, 0, 0, 1, 2, -2, 1]])
    assert encoded([[5, 0]], [{}], ("audio", RANDOM)).shape == (1, 3 + 4)


def test_the_layout_says_whose_each_column_is():
    encoder = ContentEncoder(FeatureConfig(("tags", "audio", RANDOM), random_dim=4), STATISTICS)
    assert encoder.layout == (("tags", 0, 3, 3), ("audio", 4, 2, 6), (RANDOM, 7, 4, None))
    graph = graph_of([], [0], {"audio": vectors([[5, 0]]), "tags": words([{}])}).graph
    features = encoder(raw_content(graph)).numpy()[0]
    tags, audio, random = encoder.layout
    assert features[tags.flag] == 0 and features[audio.flag] == 1
    np.testing.assert_allclose(features[audio.start : audio.start + audio.width], [2, -2])
    assert len(features) == random.start + random.width == encoder.num_features


def test_a_catalogue_without_content_gets_random_vectors():
    encoder = ContentEncoder(FeatureConfig(random_dim=5), {"modalities": []})
    features = encoder({"id": tf.constant(["a", "b"])})
    np.testing.assert_array_equal(features, random_vectors(tf.constant(["a", "b"]), 5, 0))


def test_a_modality_that_no_training_artist_has_says_nothing():
    statistics = {
        "modalities": [
            {"name": "audio", "kind": "vector", "dim": 0, "mean": [], "deviation": []},
            {"name": "tags", "kind": "categories", "vocabulary": []},
        ]
    }
    encoder = ContentEncoder(FeatureConfig(), statistics)
    raw = raw_content(graph_of([], [0, 1], {"tags": words([{}, {"dub": 1.0}])}).graph)
    raw |= {"audio": tf.zeros([2, 0]), "audio_present": tf.constant([0, 1], tf.int64)}
    np.testing.assert_array_equal(encoder(raw), [[0, 0], [1, 1]])


@pytest.mark.parametrize("name, meant", [("audoi", "audio"), ("Tags", "tags"), ("rnadom", RANDOM)])
def test_an_unknown_modality_is_refused_with_the_nearest_name(name, meant):
    with pytest.raises(InputError, match=f"no modality '{name}'.*'{meant}'.*audio, tags"):
        ContentEncoder(FeatureConfig((name,)), STATISTICS)


def test_some_rows_have_the_content_that_they_have_among_all():
    audio, tags = [[1, 2], None, [3, 4]], [{"dub": 1.0}, {"live": 2.0, "dub": 1.0}, {}]
    graph = graph_of([], [0] * 3, {"audio": vectors(audio), "tags": words(tags)}).graph
    encoder = ContentEncoder(FeatureConfig(("audio", "tags", RANDOM)), STATISTICS)
    rows = np.array([2, 1])
    some = encoder(raw_content(graph, rows)).numpy()
    np.testing.assert_array_equal(some, encoder(raw_content(graph)).numpy()[rows])


def test_a_random_vector_belongs_to_its_id():
    ids = [f"artist:{i}" for i in range(50)]
    vectors_of_all = random_vectors(tf.constant(ids), 16, 3).numpy()
    alone = random_vectors(tf.constant([ids[7]]), 16, 3).numpy()
    turned = random_vectors(tf.constant(ids[::-1]), 16, 3).numpy()
    np.testing.assert_array_equal(alone[0], vectors_of_all[7])
    np.testing.assert_array_equal(turned[::-1], vectors_of_all)
    # The first numbers of a wider vector need not be those of a narrower one; here they are.
    assert (random_vectors(tf.constant(ids), 16, 4).numpy() != vectors_of_all).mean() > 0.99


def test_random_vectors_keep_their_values_for_ever():
    # A pushed model draws them anew for artists that it is asked about. Another platform or
    # version that drew others would break it silently.
    drawn = random_vectors(tf.constant(["olga:0"]), 4, 0).numpy()[0]
    assert drawn.tolist() == pytest.approx(random_vector_in_plain_integers("olga:0", 4, 0))


def random_vector_in_plain_integers(artist_id, dim, seed):
    mask = 2**64 - 1
    fingerprint = int.from_bytes(bytes(tf.fingerprint([artist_id])[0].numpy()), "little")
    start = (seed * 0x2545F4914F6CDD1D + 1) & mask
    numbers = []
    for i in range(1, dim + 1):
        z = (fingerprint + ((i * 0x9E3779B97F4A7C15 & mask) ^ start)) & mask
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
        z ^= z >> 31
        numbers.append(((z >> 40) / 2**24 - 0.5) * 12**0.5)
    return numbers


def test_random_vectors_have_mean_0_and_variance_1_and_are_uncorrelated():
    ids = tf.constant([f"artist:{i}" for i in range(4000)])
    numbers = random_vectors(ids, 32, 0).numpy()
    # Of 128,000 numbers the mean has a deviation of 0.003.
    assert abs(numbers.mean()) < 0.015
    assert abs(numbers.var() - 1) < 0.02
    assert np.abs(numbers).max() <= 3**0.5 + 1e-6
    between_columns = np.corrcoef(numbers.T) - np.eye(32)
    assert np.abs(between_columns).max() < 6 / 4000**0.5
    between_artists = np.corrcoef(numbers[:100]) - np.eye(100)
    assert np.abs(between_artists).max() < 6 / 32**0.5


def test_features_do_not_depend_on_the_names():
    graph = graph_of([], [0, 0], {"audio": vectors([[1, 2], [3, 4]])}).graph
    renamed = dataclasses.replace(graph, artist_id=np.array(["x", "y"], object))
    encoder = ContentEncoder(FeatureConfig(("audio",)), STATISTICS)
    np.testing.assert_array_equal(encoder(raw_content(graph)), encoder(raw_content(renamed)))


# PPMI over rock, pop, dub of p = (5, 2, 9) / 16, as in the builder's tests.
LOG_SHARE = np.log(np.array([5, 2, 9]) / 16).astype(np.float32)
FACTORS = np.array([[1, 0], [0, 2], [3, 0]], np.float32)
WORD_STATISTICS = {
    "modalities": [
        {
            "name": "tags",
            "kind": "categories",
            "vocabulary": ["rock", "pop", "dub"],
            "log_share": LOG_SHARE,
            "factors": FACTORS,
        }
    ]
}


def encoded_words(bags, how, statistics=WORD_STATISTICS):
    graph = graph_of([], [0] * len(bags), {"tags": words(bags)}).graph
    encoder = ContentEncoder(FeatureConfig(words=how), statistics)
    features = encoder(raw_content(graph)).numpy()
    assert features.shape == (len(bags), encoder.num_features)
    ((name, start, width, flag),) = encoder.layout
    assert (name, start, flag) == ("tags", 0, width)
    return features


def test_positive_pmi_by_hand():
    bags = [{"rock": 2, "pop": 2}, {"rock": 3, "dub": 1}, {"dub": 8}]
    features = encoded_words(bags, "ppmi")
    expected = [
        [np.log(8 / 5), np.log(4), 0, 1],  # (1/2) / (5/16), (1/2) / (1/8)
        [np.log(12 / 5), 0, 0, 1],  # (3/4) / (5/16); (1/4) / (9/16) < 1
        [0, 0, np.log(16 / 9), 1],
    ]
    np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-6)


def test_factors_are_the_row_times_the_matrix():
    bags = [{"rock": 2, "pop": 2}, {"dub": 8}, {"unheard": 1}, {}]
    features = encoded_words(bags, "factors")
    expected = [
        [np.log(8 / 5), 2 * np.log(4), 1],
        [3 * np.log(16 / 9), 0, 1],
        [0, 0, 1],  # Has tags, none of them known.
        [0, 0, 0],  # Has none.
    ]
    np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("how", ["ppmi", "factors"])
def test_what_pmi_does_not_depend_on(how):
    one, more, twice = encoded_words(
        [{"rock": 1, "pop": 3}, {"rock": 1, "pop": 3, "unheard": 50}, {"rock": 2, "pop": 6}], how
    )
    np.testing.assert_array_equal(one, more)
    np.testing.assert_allclose(one, twice, rtol=1e-6)


@pytest.mark.parametrize("how", WORDS)
@pytest.mark.parametrize("weight", [-1.0, 0.0, 1e-38, 3e38, np.inf])
def test_no_weight_makes_a_feature_infinite(how, weight):
    features = encoded_words([{"rock": weight, "pop": weight}, {"rock": weight, "dub": 1.0}], how)
    assert np.isfinite(features).all()
    if weight <= 0:
        # Weighs nothing, so the other word is all there is.
        np.testing.assert_array_equal(features[0], [0] * (features.shape[1] - 1) + [1])
        np.testing.assert_array_equal(features[1], encoded_words([{"dub": 1.0}], how)[0])


@pytest.mark.parametrize("how, lacking", [("ppmi", "log_share"), ("factors", "factors")])
def test_words_of_which_the_examples_do_not_say_it_are_refused(how, lacking):
    (entry,) = WORD_STATISTICS["modalities"]
    old = {"modalities": [{key: entry[key] for key in entry if key != lacking}]}
    with pytest.raises(InputError, match=f"'{how}' needs .* of 'tags'.*build them again"):
        ContentEncoder(FeatureConfig(words=how), old)
    assert ContentEncoder(FeatureConfig(), old).num_features == 4
    assert ContentEncoder(FeatureConfig((RANDOM,), words=how), old).modalities == ()


def test_words_that_nobody_has_are_a_flag_alone():
    entry = {"name": "tags", "kind": "categories", "vocabulary": []}
    entry |= {"log_share": np.zeros(0, np.float32), "factors": np.zeros((0, 0), np.float32)}
    for how in WORDS:
        features = encoded_words([{"rock": 1.0}, {}], how, {"modalities": [entry]})
        np.testing.assert_array_equal(features, [[1], [0]])


def test_an_unknown_way_of_words_is_refused():
    with pytest.raises(
        ValueError, match="words must be one of auto, bag, ppmi, factors, not 'tfidf'"
    ):
        FeatureConfig(words="tfidf")


def test_principal_components_come_after_standardising():
    (audio, tags) = STATISTICS["modalities"]
    components = np.array([[0.6, 0.8]], np.float32)
    statistics = {"modalities": [audio | {"components": components}, tags]}
    encoder = ContentEncoder(FeatureConfig(), statistics)
    assert [part.width for part in encoder.layout] == [1, 3]
    features = encoded([[5, 0], [1, 10], None], [{}] * 3, ("audio",), statistics)
    # (5 - 1) / 2 and (0 - 10) / 5 are (2, -2): 0.6 * 2 - 0.8 * 2. A known mean, and unknown.
    np.testing.assert_allclose(features, [[-0.4, 1], [0, 1], [0, 0]], atol=1e-6)
    raw = {"audio": tf.constant([[np.nan, 7.0]]), "audio_present": tf.constant([0], tf.int64)}
    alone = ContentEncoder(FeatureConfig(("audio",)), statistics)
    np.testing.assert_array_equal(alone(raw), [[0, 0]])
