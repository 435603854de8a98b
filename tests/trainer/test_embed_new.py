"""A new artist is embedded from what is remembered exactly as from the whole graph."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf

from tests.trainer.graphs import rows_of, two_communities
from tests.trainer.small_systems import small_config, small_system, with_network
from trainer.config import LAYERS
from trainer.content import raw_content
from trainer.network import EMBEDDING
from trainer.network_graphs import Neighbors

FAN_OUT = 3


def untrained(case, config):
    """A system with weights all of which are away from zero, as after training."""
    system = small_system(case.graph, config)
    tf.keras.utils.set_random_seed(4)
    system.network = system.task(case.graph, case.truth("val")).build()
    rng = np.random.default_rng(4)
    for variable in system.network.trainable_variables:
        variable.assign_add(0.1 * rng.standard_normal(variable.shape))
    return system


@pytest.mark.parametrize("convolutions", [1, 2, 4])
@pytest.mark.parametrize("units", [0, 8])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_new_artist_is_a_node_that_nobody_lists(layer, units, convolutions):
    case = two_communities()
    config = with_network(
        small_config(convolutions, fan_out=FAN_OUT), layer=layer, modality_units=units
    )
    system, graph = untrained(case, config), case.graph
    edges = graph.served_edges()
    memory, _ = system.memory(graph, edges)
    # One with more neighbours than the fan-out, one with a few, one with none; two lack content.
    known = {0: [1, 4, 5, 12, 16], 2: [8, 0], 23: []}
    row = np.array([v for own in known.values() for v in own], np.int64)
    target = np.repeat(np.arange(3), [len(own) for own in known.values()])
    features = system.encoder(raw_content(graph, np.array(list(known))))
    neighbors = Neighbors(tf.constant(target), tf.constant(row), tf.ones([len(row)]))
    found = system.network.embed_new(features, neighbors, memory).numpy()
    rows = np.append(np.arange(len(graph)), list(known))
    more = dataclasses.replace(
        graph,
        artist_id=np.append(graph.artist_id, ["new:1", "new:2", "new:3"]),
        name=graph.name[rows],
        popularity=graph.popularity[rows],
        split=graph.split[rows],
        content={name: rows_of(content, rows) for name, content in graph.content.items()},
    )
    own = sp.csr_matrix((np.ones(len(row)), (target, row)), shape=(3, len(graph)))
    all_edges = sp.bmat([[edges, None], [own, sp.csr_matrix((3, 3))]]).tocsr().astype(np.float32)
    expected = system.profile(more, all_edges)[EMBEDDING].numpy()[-3:]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    # What the neighbours say does count.
    alone = system.network.embed_new(features, Neighbors(*(part[:0] for part in neighbors)), memory)
    assert np.abs(alone.numpy() - found)[:2].max() > 1e-3
