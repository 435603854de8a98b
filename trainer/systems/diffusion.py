"""Artists are similar when short random walks from them visit the same artists."""

from __future__ import annotations

import scipy.sparse as sp

from trainer.content import raw_content
from trainer.graph import ArtistGraph
from trainer.systems.servable import ServableSystem
from trainer.tasks.diffusion import DiffusionTask


class DiffusionSystem(ServableSystem):
    """Walks and content, trained as a softmax over the hidden edges of a fold.

    `features.modalities: [random]` leaves the graph alone: random vectors are where every training
    artist's own vector starts, and say nothing of an artist without neighbours.
    """

    random_features = False

    def task(self, graph: ArtistGraph, validation: sp.csr_matrix) -> DiffusionTask:
        """Folds of training artists."""
        return DiffusionTask(
            self.config.diffusion,
            self.config.training,
            self.encoder(raw_content(graph)),
            graph,
            validation,
        )
