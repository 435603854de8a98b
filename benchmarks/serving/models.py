"""The models that are served: of the default system's sizes, and not trained."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import scipy.sparse as sp
import tensorflow as tf
import tensorflow_gnn as tfgnn

from benchmarks.serving.catalogue import content_statistics, synthetic_graph
from catalogues.spec import ArtistTable, Catalogue, EdgeTable, Modality
from components.catalogue_example_gen.ego_graphs import catalogue_schema
from trainer.config import DiffusionConfig, TrainerConfig
from trainer.content import raw_content
from trainer.diffusion_network import DiffusionNetwork
from trainer.export import ServedModel
from trainer.graph import TRAIN, ArtistGraph, VectorContent
from trainer.network import EMBEDDING, Profile, WholeGraph
from trainer.pairwise import COUNT, VISITED, VISITS
from trainer.systems.diffusion import DiffusionSystem
from trainer.visits import shares, strongest, walk_matrix

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


class SparseWalks(DiffusionNetwork):
    """The same network, with the walks of the catalogue computed as sparse products.

    The pipeline computes them in TensorFlow, densely, some rows at a time: their time grows with
    the square of the artists. These are trainer.visits', which the training uses.
    """

    def embed_graph(self, given: WholeGraph) -> Profile:
        """As DiffusionNetwork.embed_graph: its signature is saved as the pipeline saves it."""
        return DiffusionNetwork.memory(self, given)[1]

    def memory(
        self, given: WholeGraph, on_stage: Callable[[], None] = lambda: None
    ) -> tuple[list[tf.Tensor], Profile]:
        """As DiffusionNetwork.memory; takes tensors with values, not a graph's."""
        num_artists, config = len(given.artist_id), self.config
        edges = sp.csr_matrix(
            (given.weight.numpy(), (given.target.numpy(), given.source.numpy())),
            shape=(num_artists, num_artists),
        )
        place = self._place.lookup(given.artist_id)
        known = place.numpy() >= 0
        step = walk_matrix(edges) * np.float32(config.decay)
        start = sp.identity(num_artists, np.float32, format="csr")
        before = sp.csr_matrix(edges.shape, dtype=np.float32)
        for _ in range(config.hops - 1):
            before = strongest(step @ (start + before), config.reach)
            on_stage()
        found = (step @ (start + before)).tocsr()
        found.data[~known[found.indices]] = 0
        found = strongest(found, config.reach)
        messages = tf.where(known[:, None], tf.gather(self.messages(), tf.maximum(place, 0)), 0.0)
        count = np.diff(edges.indptr).astype(np.float32)
        share = shares(found)
        target = np.repeat(np.arange(num_artists), np.diff(share.indptr))
        source, own = share.indices.astype(np.int64), self.own(given.features)
        direction = self.direction(target, source, share.data, messages, own, count)
        degree = np.asarray(edges.sum(axis=1), np.float32).ravel()
        visited, value = padded(found, config.reach)
        profile = {
            EMBEDDING: direction * self.popularity(count)[:, None],
            VISITED: visited[:, : config.pairwise_reach],
            VISITS: value[:, : config.pairwise_reach],
            COUNT: count,
        }
        memory = [*padded(before, config.reach), degree, messages, known]
        return (
            [tf.convert_to_tensor(part) for part in memory],
            {name: tf.convert_to_tensor(part) for name, part in profile.items()},
        )


def padded(matrix: sp.csr_matrix, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns [num, reach] int32 and values [num, reach] float32, falling, then zeros."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, row))
    place = np.arange(matrix.nnz) - matrix.indptr[row]
    column = np.zeros((matrix.shape[0], reach), np.int32)
    value = np.zeros((matrix.shape[0], reach), np.float32)
    column[row, place], value[row, place] = matrix.indices[order], matrix.data[order]
    return column, value


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
    system.network = SparseWalks(
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
