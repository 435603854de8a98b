"""The judged catalogue: found or imported, built into ego graphs once, and loaded."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from catalogues.errors import InputError
from catalogues.spec import SPEC_FILE, load_catalogue
from components.catalogue_example_gen.config import Reach
from pipeline.config import PipelineConfig
from trainer.graph import ArtistGraph

CONDITIONS = ("connected", "cold")


@dataclasses.dataclass(frozen=True)
class JudgedCatalogue:
    """A catalogue in memory, with what is hidden in it.

    Attributes:
      digest: of the tables and of how ego graphs are built from them.
      graph: without any hidden edge.
      statistics: `content.json`.
      split: the judged one.
      validation: [num_artists, num_artists] CSR, hidden edges inside val.
      truth: [num_artists, num_artists] CSR, hidden edges inside the judged split.
      examples: the folder that it was loaded from; None where it was not.
    """

    digest: str
    graph: ArtistGraph
    statistics: Mapping[str, Any]
    split: str
    validation: sp.csr_matrix
    truth: sp.csr_matrix
    examples: Path | None = None

    def edges(self, condition: str, split: str) -> sp.csr_matrix:
        """What is visible while a split is judged in a condition."""
        if condition == "connected":
            return self.graph.visible_edges(split)
        return self.graph.training_edges()

    def has_content(self) -> np.ndarray:
        """[num_artists] bool: whether any modality of the artist is known."""
        known = np.zeros(len(self.graph), bool)
        for content in self.graph.content.values():
            known |= content.present
        return known


def catalogue_digest(config: PipelineConfig) -> str | None:
    """Identifies what the examples are made of, 12 hex digits; None if the catalogue is not there.

    Raises:
      InputError: the path is a pattern, or the catalogue's description is wrong.
    """
    folder = Path(config.catalogue.path)
    if "{" in config.catalogue.path:
        raise InputError(
            f"A benchmark needs one catalogue, but `catalogue.path` is the pattern "
            f"'{config.catalogue.path}'; name one folder."
        )
    if not folder.exists() and config.catalogue.imported_from:
        return None
    catalogue = load_catalogue(folder)
    tables = {catalogue.artists.table, catalogue.edges.table}
    tables |= {modality.table for modality in catalogue.content}
    tables |= {catalogue.plays.table} if catalogue.plays else set()
    paths = sorted({path for table in tables for path in catalogue.files(table)})
    build = dataclasses.asdict(config.graph)
    # How many files they lie in changes nothing, nor what is made of them afterwards.
    del build["shards"], build["sampling"], build["fan_outs"]
    if not (catalogue.plays and config.graph.listening.enabled):
        del build["listening"]
    digest = hashlib.sha256(json.dumps(build, sort_keys=True).encode())
    for path in [folder / SPEC_FILE, *paths]:
        digest.update(f"\n{path.relative_to(folder).as_posix()}\n".encode())
        with path.open("rb") as file:
            for block in iter(lambda file=file: file.read(1 << 20), b""):  # type: ignore[misc]
                digest.update(block)
    return digest.hexdigest()[:12]


def make_catalogue(config: PipelineConfig, tell: Callable[[str], None]) -> str:
    """Imports the catalogue if it is not there; returns its digest."""
    digest = catalogue_digest(config)
    if digest is None:
        from catalogues.importers import import_catalogue

        wanted = config.catalogue.imported_from
        assert wanted is not None
        folder = Path(config.catalogue.path)
        tell(f"Importing {wanted.format} into {folder.name} …")
        import_catalogue(wanted.format, Path(wanted.source), folder)
        digest = catalogue_digest(config)
        assert digest is not None
    return digest


def make_examples(
    config: PipelineConfig, digest: str, folder: Path, tell: Callable[[str], None]
) -> Path:
    """Builds the ego graphs, unless `folder` has them already.

    They are built in a folder beside and renamed, so that they are there whole or not at all.

    Raises:
      InputError: the catalogue has bad rows while they are errors, or a split is empty.
    """
    target = folder / f"examples-{digest}"
    if target.exists():
        return target
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from components.catalogue_example_gen.build import build
    from components.catalogue_example_gen.executor import check_summary
    from components.catalogue_example_gen.summary import SUMMARY_FILE
    from components.direct_runner import mend_direct_runner
    from pipeline.beam_runner import choose_runner

    tell("Building ego graphs …")
    mend_direct_runner()
    folder.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".examples-", dir=folder))
    try:
        beam_config = choose_runner(config.beam, config.catalogue.path).beam
        options = PipelineOptions(beam_config.arguments(), save_main_session=False)
        with beam.Pipeline(options=options) as pipeline:
            build(pipeline, load_catalogue(config.catalogue.path), config.graph, str(partial))
        check_summary(json.loads((partial / SUMMARY_FILE).read_text()), config.on_bad_rows)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def load_judged(examples: Path, digest: str, split: str) -> JudgedCatalogue:
    """Loads built examples."""
    from trainer.loading import load_graph, load_hidden_edges, read_content_statistics

    graph = load_graph(str(examples))
    return JudgedCatalogue(
        digest,
        graph,
        read_content_statistics(str(examples)),
        split,
        load_hidden_edges(str(examples), "val", graph.artist_id),
        load_hidden_edges(str(examples), split, graph.artist_id),
        examples,
    )


def make_subgraphs(examples: Path, reach: Reach) -> Path:
    """The same examples with subgraphs, in a folder beside; made unless they are there.

    Args:
      examples: of `make_examples`.
      reach: how far they go, and what they hold of each artist.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from components.catalogue_example_gen.conserved import check_sampled
    from components.catalogue_example_gen.staging import Workplace
    from components.catalogue_example_gen.subgraphs import SAMPLED_FILE, sample_subgraphs
    from components.catalogue_example_gen.summary import SUMMARY_FILE
    from trainer.subgraph_files import SUBGRAPH_SPLITS

    hops = "-".join(map(str, reach.fan_outs))
    of = "-".join(reach.modalities or ["ids"]) if reach.modalities is not None else "all"
    target = examples.with_name(f"{examples.name}-subgraphs-{hops}-{of}")
    if target.exists():
        return target
    partial = Path(tempfile.mkdtemp(prefix=".subgraphs-", dir=examples.parent))
    try:
        shutil.copytree(examples, partial, dirs_exist_ok=True, copy_function=os.link)
        options = PipelineOptions(["--runner=DirectRunner"], save_main_session=False)
        with beam.Pipeline(options=options) as pipeline:
            sample_subgraphs(pipeline, Workplace.here(partial), reach, 8)
        summary = json.loads((partial / SUMMARY_FILE).read_text())
        sampled = json.loads((partial / SAMPLED_FILE).read_text())
        check_sampled(sampled, summary, SUBGRAPH_SPLITS)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target
