"""TF-GNN's sampler gives each artist what it hears, the same everywhere, and no hidden edge."""

import json
from pathlib import Path

import numpy as np
import pytest

from components.catalogue_example_gen.config import BuildConfig, Reach
from components.catalogue_example_gen.subgraphs import SAMPLED_FILE, _Encode
from tests.trainer.graphs import graph_of, vectors, words
from tests.trainer.subgraph_examples import (
    looped,
    read,
    records_of,
    sampled,
    values_of,
)
from trainer.graph import SPLITS, TRAIN, VAL
from trainer.subgraph_files import SUBGRAPH_SPLITS, subgraph_files


def small_case():
    """A weighted graph whose subgraphs can be seen by eye.

    0 -3- 1 -2- 2 -1- 3      train
    0 -1- 2                  train
    4 -5- 1, 5 -4- 1         val hears train
    4 -9- 5                  hidden, inside val
    6 -7- 1                  test
    7                        train, alone
    """
    edges = [
        (0, 1, 3.0),
        (1, 2, 2.0),
        (2, 3, 1.0),
        (0, 2, 1.0),
        (4, 1, 5.0),
        (5, 1, 4.0),
        (4, 5, 9.0),
        (6, 1, 7.0),
    ]
    split = [TRAIN] * 4 + [VAL, VAL, SPLITS.index("test"), TRAIN]
    content = {
        "audio": vectors([[i, 2.0 * i] if i != 3 else None for i in range(8)]),
        "tags": words([{f"tag {i}": float(i), "all": 1.0} if i % 2 else {} for i in range(8)]),
    }
    return graph_of(edges, split, content)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    graph = small_case().graph
    folder = tmp_path_factory.mktemp("subgraphs") / "examples"
    uri = sampled(graph, folder, Reach((2, 1)))
    return {split: [read(one) for one in records_of(uri, split)] for split in SUBGRAPH_SPLITS}, uri


def numbers(subgraphs):
    """By root what was read, artists as numbers."""

    def number(name):
        return int(name.removeprefix("artist:"))

    return {
        number(root): (
            {number(one) for one in artists},
            {(number(u), number(v)): weight for (u, v), weight in edges.items()},
            [number(one) for one in known],
        )
        for root, artists, edges, known in subgraphs
    }


def test_subgraphs_of_training_artists_by_hand(small):
    """Two strongest neighbours of the root, of each of them the strongest one."""
    found = numbers(small[0]["train"])
    assert found == {
        0: ({0, 1, 2}, {(0, 1): 3, (0, 2): 1, (1, 0): 3, (2, 1): 2}, [1, 2]),
        1: ({0, 1, 2}, {(1, 0): 3, (1, 2): 2, (0, 1): 3, (2, 1): 2}, [0, 2]),
        # 2 hears 1 first; of 0 and 3, which are as strong, whom the hash of the pair prefers.
        2: found[2],
        3: ({1, 2, 3}, {(3, 2): 1, (2, 1): 2}, [2]),
        7: ({7}, {}, []),
    }
    artists, edges, known = found[2]
    assert known == [0, 1, 3]
    assert edges in (
        {(2, 1): 2, (1, 0): 3, (2, 0): 1, (0, 1): 3},
        {(2, 1): 2, (1, 0): 3, (2, 3): 1, (3, 2): 1},
    )
    assert artists == {v for edge in edges for v in edge}


def test_subgraphs_of_validation_artists_go_both_ways_and_know_nothing(small):
    """1 is as near to 4 as may be: when val is judged, 1 hears 4 (5), then 5 (4), then 0 (3)."""
    assert numbers(small[0]["val"]) == {
        4: ({1, 4}, {(4, 1): 5, (1, 4): 5}, []),
        5: ({1, 4, 5}, {(5, 1): 4, (1, 4): 5}, []),
    }


def test_the_sampler_writes_what_plain_loops_write(small, tmp_path):
    """To the byte; the trainer's tests rely on it."""
    expected = looped(small_case().graph, tmp_path / "examples", Reach((2, 1)))
    for split in SUBGRAPH_SPLITS:
        assert records_of(small[1], split) == records_of(expected, split)


def test_the_subgraphs_in_the_files_are_counted(small):
    assert json.loads(Path(small[1], SAMPLED_FILE).read_text()) == {"train": 5, "val": 2}


@pytest.mark.parametrize(
    "found",
    [
        {"sampled": [], "known": [[]]},
        {"sampled": [1, 2], "known": [[]]},
        {"sampled": [1], "known": []},
    ],
    ids=str,
)
def test_what_is_lost_or_doubled_on_the_way_to_a_subgraph_is_not_counted(found):
    assert list(_Encode().process((b"a", found))) == []


def test_no_hidden_edge_and_no_test_artist_is_in_any_subgraph(small):
    for split, allowed in (("train", {0, 1, 2, 3, 7}), ("val", {0, 1, 2, 3, 4, 5, 7})):
        for artists, edges, known in numbers(small[0][split]).values():
            assert artists <= allowed
            assert not {(4, 5), (5, 4)} & edges.keys()
            assert set(known) <= {0, 1, 2, 3, 7}


def test_content_goes_with_each_artist(small):
    graph = small_case().graph
    seen = 0
    for record in records_of(small[1], "train"):
        values = values_of(record)
        rows = [int(key.decode().removeprefix("artist:")) for key in values["nodes/artist.id"]]
        audio, tags = graph.content["audio"], graph.content["tags"]
        np.testing.assert_array_equal(
            np.reshape(values["nodes/artist.audio"], (-1, 2)), audio.values[rows]
        )
        assert values["nodes/artist.audio_present"] == audio.present[rows].astype(int).tolist()
        spans = [range(tags.offsets[row], tags.offsets[row + 1]) for row in rows]
        assert values["nodes/artist.tags.d1"] == [len(span) for span in spans]
        places = [place for span in spans for place in span]
        assert [one.decode() for one in values["nodes/artist.tags"]] == tags.words[places].tolist()
        np.testing.assert_array_equal(
            np.float32(values["nodes/artist.tags_weight"]), tags.weights[places]
        )
        seen += len(rows)
    assert seen > 10


def test_the_same_subgraphs_by_several_workers_into_several_files(small, tmp_path):
    workers = ["--direct_num_workers=3", "--direct_running_mode=multi_threading"]
    reach = Reach((2, 1), ("audio",))
    several = sampled(small_case().graph, tmp_path / "examples", reach, 3, workers)
    for split in SUBGRAPH_SPLITS:
        assert len(subgraph_files(several, split)) == 3
        again = [values_of(record) for record in records_of(several, split)]
        first = [values_of(record) for record in records_of(small[1], split)]
        # These hold no more of an artist than is read.
        for values in first:
            for key in [key for key in values if "tags" in key]:
                del values[key]

        def root(values):
            return values["nodes/artist.id"][0]

        assert sorted(again, key=root) == sorted(first, key=root)


@pytest.mark.parametrize(
    "wrong",
    [{"fan_outs": ()}, {"fan_outs": (5, 0)}, {"fan_outs": (5, 10)}, {"sampling": "none"}],
    ids=str,
)
def test_what_cannot_be_sampled_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        BuildConfig(**wrong)
