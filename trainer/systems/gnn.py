"""The graph neural network of 000; without convolutions it is the DNN baseline."""

from __future__ import annotations

import scipy.sparse as sp

from trainer.content import raw_content
from trainer.graph import ArtistGraph
from trainer.network import ArtistNetwork
from trainer.systems.servable import ServableSystem
from trainer.tasks.triplet import TripletTask


class GnnSystem(ServableSystem):
    """Graph convolutions and dense layers, trained with triplets."""

    def task(self, graph: ArtistGraph, validation: sp.csr_matrix) -> TripletTask:
        """Triplets of pseudo-evaluation batches."""
        return TripletTask(
            lambda: ArtistNetwork(self.config.network),
            self.encoder(raw_content(graph)),
            graph,
            self.config.training,
        )
