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
        layout, config = self.encoder.layout, self.config
        return TripletTask(
            lambda: ArtistNetwork(config.network, layout, config.training.fan_out),
            self.encoder(raw_content(graph)),
            layout,
            graph,
            config.training,
        )
