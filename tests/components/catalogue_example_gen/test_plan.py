"""The plan counts what a network reads, and says which way a run gets and why."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogues.spec import load_catalogue
from components.catalogue_example_gen.config import AUTO, MEMORY, SUBGRAPHS, BuildConfig
from components.catalogue_example_gen.plan import (
    FILLED,
    in_bytes,
    plan_for,
    plan_of_size,
    size_of,
)
from components.catalogue_example_gen.training_cost import Size
from tests.components.catalogue_example_gen.building import write_catalogue
from tests.conftest import REPOSITORY
from trainer.config import FeatureConfig, NetworkConfig, TrainerConfig

SAMPLER = str(REPOSITORY / "catalogues" / "sampler")
GNN = TrainerConfig(system="gnn", network=NetworkConfig(convolutions=2))
# A smaller batch of subgraphs than the graph is.
LARGE = Size(10_000_000, 100_000_000, content_bytes=700.0, words=0.0, numbers=170)
# A batch's subgraphs hold each artist's content as often as it is heard.
WIDE = Size(100_000, 1_000_000, content_bytes=700.0, words=0.0, numbers=170)
GB = 10**9


def size_with(*modalities: str, **build) -> Size:
    trainer = dataclasses.replace(GNN, features=FeatureConfig(modalities, random_dim=64))
    return size_of(load_catalogue(SAMPLER), BuildConfig(**build), trainer)


def test_the_sampler_is_counted():
    """1,319 artists, 6,105 edges, 8,628 tags."""
    size = size_with("tags")
    assert (size.artists, size.edges) == (1319, 6105)
    assert size.words == pytest.approx(8628 / 1319)
    assert size.numbers == pytest.approx(8628 / 1319 + 1)
    assert size_with().words == pytest.approx(8628 / 1319 + 2)


def test_random_vectors_are_no_content():
    assert size_with("random") == Size(1319, 6105, 0, 0, 64)


FILES = {
    "catalogue.yaml": """
name: vectors
artists: {table: artists.csv, id: id}
content:
  moods: {columns: [calm, loud]}
  sound: {column: sound}
plays: {table: plays.csv, listener: listener, artist: id, plays: plays}
edges: {table: edges.csv, source: a, target: b}
""",
    "artists.csv": "id,calm,loud,sound\n1,0,1,\n2,1,0,1;2;3\n",
    "plays.csv": "listener,id,plays\nme,1,5\n",
    "edges.csv": "a,b\n1,2\n",
}


def test_vectors_count_by_their_width(tmp_path):
    """Two columns, a list of three, and 64 numbers of listening; each with one that says so."""
    catalogue = load_catalogue(write_catalogue(tmp_path / "vectors", FILES))
    size = size_of(catalogue, BuildConfig(), GNN)
    assert size == Size(2, 1, 4 * (2 + 3 + 64) + 3 * 8, 0, 2 + 3 + 64 + 3)
    reduced = size_of(catalogue, BuildConfig(pca_dim=2), GNN)
    assert reduced.numbers == size.numbers - 1
    sound = dataclasses.replace(GNN, features=FeatureConfig(("sound",)))
    assert size_of(catalogue, BuildConfig(), sound).numbers == 4


def test_a_graph_fits_up_to_its_share_of_the_memory():
    needed = plan_of_size(LARGE, BuildConfig(), GNN, GB).in_memory.memory
    for memory, chosen in ((1.001 * needed / 0.7, MEMORY), (0.999 * needed / 0.7, SUBGRAPHS)):
        assert plan_of_size(LARGE, BuildConfig(), GNN, memory).chosen == chosen


@given(st.integers(1, 300), st.sampled_from([AUTO, MEMORY, SUBGRAPHS]))
def test_a_run_gets_what_it_asks_for_and_else_what_fits(memory, sampling):
    plan = plan_of_size(LARGE, BuildConfig(sampling=sampling), GNN, memory * GB)
    fits = plan.in_memory.memory <= FILLED * memory * GB
    assert plan.chosen == ((MEMORY if fits else SUBGRAPHS) if sampling == AUTO else sampling)
    assert plan.streamed is not None and plan.unstreamed == ""
    assert plan.streamed.memory < plan.in_memory.memory
    assert (f"`graph.sampling: {sampling}` asks for it" in plan.why) == (sampling != AUTO)
    more = f"the graph may need more than 70% of {in_bytes(memory * GB)}"
    assert (more in plan.why) == (not fits and sampling != SUBGRAPHS)


@pytest.mark.parametrize(
    ("size", "trainer", "memory", "sampling", "chosen", "why"),
    [
        (LARGE, GNN, 500, AUTO, MEMORY, "the graph fits in 70% of 500 GB"),
        (LARGE, GNN, 20, AUTO, SUBGRAPHS, "the graph may need more than 70% of 20 GB"),
        (WIDE, GNN, 1, AUTO, MEMORY, "batches of subgraphs take no less, though the graph may"),
        (LARGE, TrainerConfig(), 20, AUTO, MEMORY, "there is no other way, though the graph may"),
        (LARGE, TrainerConfig(), 500, AUTO, MEMORY, "the graph fits in 70% of 500 GB"),
        (WIDE, GNN, 500, SUBGRAPHS, SUBGRAPHS, "`graph.sampling: subgraphs` asks for it"),
        (LARGE, GNN, 20, MEMORY, MEMORY, "`graph.sampling: memory` asks for it, though the graph"),
    ],
    ids=["fits", "streamed", "no less", "no choice", "no need", "asked for", "insisted on"],
)
def test_each_choice_has_its_reason(size, trainer, memory, sampling, chosen, why):
    plan = plan_of_size(size, BuildConfig(sampling=sampling), trainer, memory * GB)
    assert plan.chosen == chosen and plan.why.startswith(why)


@pytest.mark.parametrize(
    ("trainer", "why"),
    [
        (TrainerConfig(), "the walks of 'diffusion' go over the whole graph"),
        (TrainerConfig(system="contrastive"), "'contrastive' hears no neighbour"),
        (
            dataclasses.replace(GNN, pretrained="contrastive"),
            "the encoders of `trainer.pretrained`",
        ),
    ],
    ids=["walks", "content alone", "pretrained"],
)
def test_what_cannot_be_streamed_says_why(trainer, why):
    plan = plan_for(load_catalogue(SAMPLER), BuildConfig(), trainer, 8 * GB)
    assert plan.streamed is None and plan.unstreamed.startswith(why)


@pytest.mark.parametrize(
    ("number", "told"),
    [(12.34e9, "12 GB"), (1.25e9, "1.2 GB"), (99.7e6, "0.1 GB"), (5.3e6, "5 MB"), (1.0, "1 MB")],
)
def test_bytes_are_told_as_exactly_as_they_are_known(number, told):
    assert in_bytes(number) == told
