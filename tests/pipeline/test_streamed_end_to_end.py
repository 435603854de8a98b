"""Subgraphs through the pipeline: trained without the graph in memory, judged and pushed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.catalogue_example_gen.config import SUBGRAPHS
from components.catalogue_example_gen.subgraphs import SAMPLED_FILE
from pipeline.config import PipelineConfig
from pipeline.home import pipeline_root
from pipeline.runs import Run
from tests.pipeline.communities import COMMUNITY_SIZE, NUM_COMMUNITIES, write_communities
from tests.pipeline.running import STAGES, home_in, run_pipeline, small_config, stages_in, versions
from trainer.systems import gnn


@dataclasses.dataclass(frozen=True)
class History:
    """Two runs of one configuration, the versions after each, and how often one was streamed."""

    first: Run
    again: Run
    versions: tuple[list[str], list[str]]
    streamed: int


def streamed(catalogue: Path) -> PipelineConfig:
    """A network with one convolution, which hears up to six neighbours of a subgraph."""
    config = small_config(catalogue)
    graph = dataclasses.replace(config.graph, sampling=SUBGRAPHS, fan_outs=(6,), shards=2)
    return dataclasses.replace(config, graph=graph)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    made = []

    class Task(gnn.StreamedTripletTask):
        def __init__(self, *args: Any, **options: Any):
            made.append(args)
            super().__init__(*args, **options)

    with home_in(tmp_path_factory.mktemp("streamed")) as folder, pytest.MonkeyPatch.context() as p:
        p.setattr(gnn, "StreamedTripletTask", Task)
        config = streamed(write_communities(folder / "communities"))
        first, after = run_pipeline(config), versions()
        again = run_pipeline(config)
        yield History(first, again, (after, versions()), len(made))


def test_it_is_trained_on_subgraphs_judged_and_pushed(history):
    assert stages_in(history.first, "COMPLETE") == STAGES
    assert history.streamed == 1
    verdict = history.first.verdict()
    assert verdict["blessed"], verdict["reason"]
    assert history.versions[0] == [history.first.pushed.name]


def test_each_artist_of_the_two_splits_has_a_subgraph(history):
    (counts,) = pipeline_root().rglob(SAMPLED_FILE)
    everyone = NUM_COMMUNITIES * COMMUNITY_SIZE
    assert json.loads(counts.read_text()) == {"train": 3 * everyone // 5, "val": everyone // 5}
    for split in ("train", "val"):
        files = sorted(path.name for path in (counts.parent / f"Subgraphs-{split}").iterdir())
        assert files == [f"data_tfrecord-0000{shard}-of-00002.gz" for shard in range(2)]


def test_the_same_again_samples_and_trains_nothing(history):
    assert stages_in(history.again, "CACHED") >= {"CatalogueExampleGen", "Trainer"}
    assert history.versions[1] == history.versions[0]
