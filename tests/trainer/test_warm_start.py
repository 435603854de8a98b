"""Weights that another training goes on with: matched by what they mean, and by nobody judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf

from tests.trainer.graphs import HiddenGraph, graph_of, two_communities, vectors, words
from tests.trainer.small_systems import (
    small_config,
    small_contrastive_config,
    small_diffusion_config,
    small_system,
    statistics_of,
    with_network,
)
from trainer.config import FeatureConfig, TrainerConfig
from trainer.content import ContentEncoder
from trainer.graph import ArtistGraph
from trainer.learnt_artists import LearntArtists
from trainer.named_weights import Weight
from trainer.starting_point import (
    Heritage,
    NoStartingPointError,
    StartingPoint,
    meaning,
    read_heritage,
    read_starting_point,
    write_starting_point,
)
from trainer.systems.servable import ServableSystem, TrainingRun
from trainer.training import EpochReport

CONFIGS: dict[str, Callable[..., TrainerConfig]] = {
    "gnn": small_config,
    "dnn": lambda **training: small_config(0, **training),
    "gated": lambda **training: with_network(small_config(**training), layer="gated_gcn"),
    "gin": lambda **training: with_network(small_config(**training), layer="gin"),
    "projected": lambda **training: with_network(small_config(**training), modality_units=4),
    "random": lambda **training: small_config(random=True, **training),
    "diffusion": small_diffusion_config,
    "contrastive": small_contrastive_config,
}
CHOSEN_AT_THE_END = {"diffusion": {"constants:0"}}
NOBODY = LearntArtists(np.zeros(0, np.uint64), np.zeros(0, np.uint64))


def heritage_of(config: TrainerConfig, graph: ArtistGraph) -> Heritage:
    told = {"graph": {}, "trainer": dataclasses.asdict(config)}
    return Heritage(meaning(told), LearntArtists.of(graph))


def fitted(case: HiddenGraph, config: TrainerConfig) -> ServableSystem:
    system = small_system(case.graph, config)
    system.fit(case.graph, case.truth("val"))
    return system


def fitted_from(
    start: StartingPoint, case: HiddenGraph, config: TrainerConfig
) -> tuple[ServableSystem, list[EpochReport], float]:
    """A training that begins there, what it reported, and the share that fitted."""
    reports: list[EpochReport] = []
    shares: list[float] = []
    system = small_system(
        case.graph,
        config,
        TrainingRun(on_epoch=reports.append, start=lambda w: shares.append(start.assign_to(w))),
    )
    system.fit(case.graph, case.truth("val"))
    (share,) = shares
    return system, reports, share


def written(weights: list[Weight], path: Path) -> StartingPoint:
    write_starting_point(str(path), weights, Heritage({}, NOBODY))
    return read_starting_point(str(path))


@pytest.mark.parametrize("name", list(CONFIGS))
def test_a_training_on_the_same_data_begins_where_the_last_ended(name, tmp_path):
    case, config = two_communities(), CONFIGS[name](epochs=2)
    system = fitted(case, config)
    weights = system.named_weights()
    # Every weight has a name of its own, and is one of the network's.
    assert len({weight.name for weight in weights}) == len(weights)
    assert all(
        len(set(rows)) == variable.shape[0] for _, variable, rows in weights if rows is not None
    )
    unnamed = {variable.ref() for variable in system.fitted_network().variables}
    unnamed -= {getattr(w.variable, "_variable", w.variable).ref() for w in weights}
    assert {ref.deref().name for ref in unnamed} == CHOSEN_AT_THE_END.get(name, set())

    start = written(weights, tmp_path)
    again, reports, share = fitted_from(start, case, config)
    assert share == 1
    edges = case.graph.visible_edges("val")
    artists = case.graph.artists("val")
    before, after = (one.embed(case.graph, edges)[artists] for one in (system, again))
    assert [report.epoch for report in reports] == list(range(len(reports)))
    # What it begins with counts as well as any epoch: it can only become better.
    assert max(report.score for report in reports) == reports[-1].best >= reports[0].score
    if reports[-1].best == reports[0].score:
        np.testing.assert_allclose(after, before, atol=1e-6)


def test_what_it_begins_with_is_scored_as_the_last_training_ended(tmp_path):
    case, config = two_communities(), small_config()
    reports: list[EpochReport] = []
    system = small_system(case.graph, config, TrainingRun(on_epoch=reports.append))
    system.fit(case.graph, case.truth("val"))
    start = written(system.named_weights(), tmp_path)
    _, later, _ = fitted_from(start, case, config)
    assert later[0].epoch == 0 and np.isnan(later[0].loss)
    assert later[0].scores == pytest.approx({"connected": reports[-1].best})


def test_a_training_that_begins_anew_reports_no_epoch_before_the_first():
    case = two_communities()
    reports: list[EpochReport] = []
    run_of = TrainingRun(on_epoch=reports.append)
    small_system(case.graph, small_config(epochs=2), run_of).fit(case.graph, case.truth("val"))
    assert [report.epoch for report in reports] == [1, 2]


def named_artists(names: list[str], bags: list[dict[str, float]]) -> HiddenGraph:
    """Training artists in a ring, and two of val, with tags and a number each."""
    count = len(names)
    ring = [(i, (i + 1) % (count - 2)) for i in range(count - 2)]
    case = graph_of(
        [*ring, (0, count - 2), (1, count - 1), (count - 2, count - 1)],
        [0] * (count - 2) + [1, 1],
        {"level": vectors([[float(i)] for i in range(count)]), "tags": words(bags)},
    )
    graph = dataclasses.replace(case.graph, artist_id=np.array(names, object))
    return HiddenGraph(graph, case.hidden)


def test_rows_are_found_by_artist_and_word_whatever_their_order(tmp_path):
    bag = {"dub": 1.0, "polka": 2.0}
    before = named_artists(["b", "c", "d", "e", "y", "z"], [bag] * 6)
    # Another artist comes first, one has gone, and one word more comes before all others.
    after = named_artists(["a", "c", "e", "b", "y", "z"], [{"ambient": 1.0, **bag}] * 6)
    config = small_diffusion_config()
    system = fitted(before, config)
    start = written(system.named_weights(), tmp_path)
    anew = small_system(after.graph, config)
    network = anew.task(after.graph, sp.csr_matrix((6, 6), dtype=np.float32)).build()
    old = {w.name: w.variable.numpy() for w in system.named_weights()}
    weights = network.named_weights(anew.encoder.column_names)
    untrained = {w.name: w.variable.numpy().copy() for w in weights}
    share = start.assign_to(weights)
    new = {w.name: w.variable.numpy() for w in weights}

    for name in ("vectors", "gain"):
        for row, artist in enumerate(["a", "c", "e", "b"]):
            if artist == "a":
                np.testing.assert_array_equal(new[name][row], untrained[name][row])
            else:
                np.testing.assert_array_equal(new[name][row], old[name]["bcde".index(artist)])
    columns = {
        "before": ["level", "level?", "dub", "polka", "tags?"],
        "after": ["level", "level?", "ambient", "dub", "polka", "tags?"],
    }
    kernel = "content_0/kernel"
    for row, column in enumerate(columns["after"]):
        if column == "ambient":
            expected = untrained[kernel][row]
        else:
            expected = old[kernel][columns["before"].index(column)]
        np.testing.assert_array_equal(new[kernel][row], expected)
    for name in ("gamma", "gates", "log_scales", "content_1/kernel", "content_0/bias"):
        np.testing.assert_array_equal(new[name], old[name])
    fresh = untrained["vectors"][0].size + 1 + untrained[kernel][0].size
    assert share == pytest.approx(1 - fresh / sum(value.size for value in new.values()))


def test_words_of_attention_and_modalities_are_found_by_name(tmp_path):
    case, config = two_communities(), small_contrastive_config()
    system = fitted(case, config)
    start = written(system.named_weights(), tmp_path)
    # Modalities the other way round, and words that sort otherwise.
    content = dict(reversed(list(case.graph.content.items())))
    turned = dataclasses.replace(case.graph, content=content)
    statistics = statistics_of(turned)
    (tags,) = (entry for entry in statistics["modalities"] if entry["name"] == "tags")
    order = np.argsort(np.array(tags["vocabulary"]))[::-1]
    tags["vocabulary"] = [tags["vocabulary"][place] for place in order]
    tags["log_share"] = [tags["log_share"][place] for place in order]
    other = type(system)(config, statistics)
    other.fit(turned, case.truth("val"))
    weights = other.named_weights()
    assert start.assign_to(weights) == 1
    edges = case.graph.training_edges()
    np.testing.assert_allclose(
        other.embed(turned, edges), system.embed(case.graph, edges), atol=1e-5
    )


def test_another_shape_begins_anew(tmp_path):
    variable = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    start = written([Weight("w", variable, ["a", "b"]), Weight("v", variable)], tmp_path)
    wide, square, plain = (tf.Variable(tf.zeros(s)) for s in ([2, 3], [2, 2], [2, 2]))
    assert start.assign_to([Weight("w", wide, ["a", "b"])]) == 0
    # Without a word on its rows nobody knows which is which, and the other way round.
    assert start.assign_to([Weight("w", square), Weight("v", plain, ["a", "b"])]) == 0
    assert start.assign_to([Weight("v", tf.Variable(tf.zeros([3, 2])))]) == 0
    assert start.assign_to([Weight("of another network", square)]) == 0
    assert not np.any(wide) and not np.any(square) and not np.any(plain)
    assert start.assign_to([Weight("w", square, ["b", "c"])]) == 0.5
    np.testing.assert_array_equal(square, [[3, 4], [0, 0]])
    assert start.assign_to([]) == 0


def test_a_column_that_was_learnt_anew_is_another():
    """What the builder learns of each catalogue anew has no meaning beyond it."""

    def names(words_are: str, **entries) -> list[str]:
        vector = {"name": "audio", "kind": "vector", "dim": 2, "mean": [0, 0], "deviation": [1, 1]}
        tags = {"name": "tags", "kind": "categories", "vocabulary": ["dub"], "log_share": [0.0]}
        tags["factors"] = np.float32([[1.0]])
        modalities = [{**vector, **entries.get("audio", {})}, {**tags, **entries.get("tags", {})}]
        config = FeatureConfig(words=words_are)
        return ContentEncoder(config, {"modalities": modalities}).column_names

    plain = names("bag")
    assert len(set(plain)) == 5
    # The same number of another catalogue is centred otherwise, and is the same number.
    assert names("bag", audio={"mean": [1, 1]}) == plain
    components = {"components": np.float32([[1, 0]])}
    turned = {"components": np.float32([[0, 1]])}
    first, second = (names("bag", audio=one) for one in (components, turned))
    assert set(first) & set(second) == set(plain) - set(plain[:2])
    assert names("bag", audio=components) == first
    factors = names("factors")
    other = names("factors", tags={"factors": np.float32([[2.0]])})
    assert (factors[3] != other[3], factors[4] == other[4]) == (True, True)
    assert set(names("ppmi")) & set(plain) == {plain[2], plain[4]}
    listening = {"name": "listening"}
    assert (
        names("bag", audio=listening)[0] != names("bag", audio={**listening, "mean": [0.1, 0]})[0]
    )


def test_the_same_weights_give_the_same_bytes(tmp_path):
    case = two_communities()
    weights = small_system(case.graph, small_config()).task(case.graph, case.truth("val")).build()
    named = weights.named_weights(
        ContentEncoder(FeatureConfig(), statistics_of(case.graph)).column_names
    )
    heritage = heritage_of(small_config(), case.graph)
    files = []
    for folder in ("one", "two"):
        write_starting_point(str(tmp_path / folder), named, heritage)
        (file,) = (tmp_path / folder / "assets.extra").iterdir()
        files.append(file.read_bytes())
    assert files[0] == files[1]
    # Neither an artist nor a word is told to who reads the file.
    assert b"artist:0001" not in files[0] and b"dub" not in files[0]
    found = read_heritage(str(tmp_path / "one"))
    assert found.configuration == heritage.configuration
    np.testing.assert_array_equal(found.learnt.taught, heritage.learnt.taught)
    np.testing.assert_array_equal(found.learnt.chose, heritage.learnt.chose)
    assert (found.trainings, found.trained_in_full) == (1, None)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"no archive at all"),
        lambda file: file.write_bytes(file.read_bytes()[:-40]),
        lambda file: np.savez(file, told=np.frombuffer(b"[]", np.uint8)),
        lambda file: np.savez(file, told=np.frombuffer(b'{"format": 2}', np.uint8)),
        lambda file: np.savez(file, **{n: v for n, v in np.load(file).items() if n != "taught"}),
    ],
)
def test_a_broken_file_is_one_clause(tmp_path, spoil):
    write_starting_point(str(tmp_path), [Weight("w", tf.Variable(1.0))], Heritage({}, NOBODY))
    (file,) = (tmp_path / "assets.extra").iterdir()
    spoil(file)
    for read in (read_heritage, read_starting_point):
        with pytest.raises(NoStartingPointError, match="its starting_point.npz cannot be read"):
            read(str(tmp_path))


def test_other_models_have_none(tmp_path):
    with pytest.raises(NoStartingPointError, match="brings no weights to begin with"):
        read_heritage(str(tmp_path))
