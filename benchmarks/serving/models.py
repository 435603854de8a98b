"""The models that are served: of the default system's sizes, and not trained."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import tensorflow_gnn as tfgnn

from benchmarks.serving.catalogue import content_statistics, synthetic_graph
from catalogues.spec import ArtistTable, Catalogue, EdgeTable, Modality
from components.catalogue_example_gen.ego_graphs import catalogue_schema
from trainer.config import DiffusionConfig, TrainerConfig
from trainer.content import raw_content
from trainer.diffusion_network import DiffusionNetwork
from trainer.export import ServedModel
from trainer.graph import TRAIN, ArtistGraph, VectorContent
from trainer.systems.diffusion import DiffusionSystem

NAME: Final = "artist_sim"

_SEED: Final = 0
_PAIRWISE: Final = (0.5, 0.1, 0.1)
"""a, b and gamma, which validation would choose; zeros would leave the term out."""
_CODE: Final = (
    "benchmarks/serving/catalogue.py",
    "benchmarks/serving/models.py",
    "catalogues/synthetic/*.py",
    "trainer/**/*.py",
)


def make_model(
    num_artists: int, folder: Path, sizes: DiffusionConfig, tell: Callable[[str], None]
) -> Path:
    """The folder of a model's versions, with one version; made unless it is there.

    Args:
      num_artists: of the catalogue.
      folder: that keeps models.
      sizes: of the network.
      tell: told in a sentence that a model is made.
    """
    path = folder / f"{num_artists}-{_digest(sizes)}" / NAME
    if not (path / "1" / "saved_model.pb").exists():
        tell(f"making a model of {num_artists:,} artists …")
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=folder))
        try:
            _save(synthetic_graph(num_artists, _SEED), sizes, beside / "1")
            shutil.rmtree(path, ignore_errors=True)
            beside.rename(path)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return path


def _save(graph: ArtistGraph, sizes: DiffusionConfig, path: Path) -> None:
    system = DiffusionSystem(TrainerConfig(diffusion=sizes), content_statistics(graph))
    features = system.encoder(raw_content(graph))
    system.network = DiffusionNetwork(
        sizes, graph.artist_id[graph.split == TRAIN], features.shape[1], _SEED
    )
    if sizes.pairwise:
        system.network.pairwise.constants.assign(_PAIRWISE)
    model = ServedModel(system, graph, _spec(graph))
    model.keep_answers(system.config.kept_answers)
    model.save(str(path))


def _spec(graph: ArtistGraph) -> tfgnn.GraphTensorSpec:
    vectors = {
        name: content.values.shape[1]
        for name, content in graph.content.items()
        if isinstance(content, VectorContent)
    }
    content = tuple(
        Modality(name, "vector" if name in vectors else "categories", "artists", "artist_id", ())
        for name in graph.content
    )
    catalogue = Catalogue(
        folder=Path(),
        name="synthetic",
        description="",
        artists=ArtistTable("artists", "artist_id"),
        content=content,
        edges=EdgeTable("edges", "source", "target"),
    )
    return tfgnn.create_graph_spec_from_schema_pb(catalogue_schema(catalogue, vectors))


def _digest(sizes: DiffusionConfig) -> str:
    """Of the sizes and of the code that a model is made by."""
    found = hashlib.sha256(repr(dataclasses.astuple(sizes)).encode())
    root = Path(__file__).parents[2]
    for path in sorted(path for part in _CODE for path in root.glob(part)):
        found.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:12]
