"""The graph neural network of 000; without convolutions it is the DNN baseline."""

from __future__ import annotations

import scipy.sparse as sp

from trainer.content import raw_content
from trainer.graph import ArtistGraph
from trainer.network import ArtistNetwork
from trainer.systems.servable import ServableSystem
from trainer.tasks.streamed_triplet import StreamedTripletTask
from trainer.tasks.triplet import TripletTask


class GnnSystem(ServableSystem):
    """Graph convolutions and dense layers, trained with triplets."""

    def task(self, graph: ArtistGraph, validation: sp.csr_matrix) -> TripletTask:
        """Triplets of pseudo-evaluation batches, of the graph in memory or of subgraphs."""
        layout, config = self.encoder.layout, self.config

        def network() -> ArtistNetwork:
            return ArtistNetwork(config.network, layout, config.training.fan_out)

        if self._run.subgraphs:
            return StreamedTripletTask(
                network, self.encoder, layout, graph, config.training, self._run.subgraphs
            )
        return TripletTask(
            network,
            self.encoder(raw_content(graph)),
            layout,
            graph,
            config.training,
        )
