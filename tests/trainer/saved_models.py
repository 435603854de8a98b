"""Systems that were trained for a moment and saved, as other tests serve and judge them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from tests.trainer.ego_graphs import spec_of
from tests.trainer.graphs import HiddenGraph, graph_of, vectors, words
from tests.trainer.small_systems import small_config, small_system
from trainer.export import ServedModel
from trainer.graph import ArtistGraph

FAN_OUT = 3
NUM_ARTISTS = 14


def weighted_case() -> HiddenGraph:
    """Fourteen artists with weights that are all different; artist 0 knows more than the fan-out.

    The last artist knows nobody. Some content is missing; artist 13's tags are unknown words.
    """
    rng = np.random.default_rng(5)
    pairs = [(0, v) for v in (1, 2, 3, 4, 5, 10)]
    pairs += [(u, u + 1) for u in range(1, 12)] + [(10, 3), (11, 2), (12, 4), (11, 12)]
    weights = rng.permutation(len(pairs)) + 1.0
    tags = [{"dub": 1.0 + i, "live": 2.0} if i % 3 else {"polka": 1.0} for i in range(13)]
    return graph_of(
        [(u, v, float(w)) for (u, v), w in zip(pairs, weights, strict=True)],
        [0] * 10 + [1, 1, 2, 2],
        {
            "audio": vectors(
                [None if i in (3, 11) else rng.normal(size=3).tolist() for i in range(14)]
            ),
            "tags": words([*tags[:6], {}, *tags[7:], {"unheard": 1.0}]),
        },
    )


@dataclasses.dataclass(frozen=True)
class Served:
    """A trained system, what it was trained on, and where it was saved."""

    case: HiddenGraph
    system: object
    model: ServedModel
    path: str

    @property
    def graph(self) -> ArtistGraph:
        return self.case.graph

    def listed(self, row: int) -> list[tuple[str, float]]:
        """An artist's neighbours as a service knows them, strongest first."""
        edges = self.graph.served_edges()[row]
        order = np.argsort(-edges.data, kind="stable")
        return [(self.graph.artist_id[edges.indices[i]], float(edges.data[i])) for i in order]


def save(
    case: HiddenGraph,
    folder: Path,
    make_config=small_config,
    pairwise=(0, 0, 0),
    num_kept=0,
    **options,
) -> Served:
    config = make_config(epochs=1, fan_out=FAN_OUT, **options)
    system = small_system(case.graph, config)
    system.fit(case.graph, case.truth("val"))
    if config.system == "diffusion":
        system.network.pairwise.constants.assign(pairwise)
    model = ServedModel(system, case.graph, spec_of(case.graph))
    model.keep_answers(num_kept)
    model.save(str(folder))
    return Served(case, system, model, str(folder))
