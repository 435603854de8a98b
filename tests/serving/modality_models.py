"""Small served models that read a vector, words and plays, and all kinds of new artists."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import scipy.sparse as sp
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.client import Client
from serving.new_artist import NewArtist
from tests.serving.running_server import RunningServer
from tests.trainer.ego_graphs import spec_of
from tests.trainer.graphs import HiddenGraph, graph_of, vectors, words
from tests.trainer.signature_inputs import whole_graph
from tests.trainer.small_systems import (
    small_config,
    small_contrastive_config,
    small_diffusion_config,
    small_system,
    statistics_of,
    with_network,
)
from tests.trainer.test_listener_factors import factors_of
from trainer.batches import message_edges
from trainer.explorer_data import write_explorer_data
from trainer.export import ServedModel

FAN_OUT = 3
NOBODY_LISTENS = "127.0.0.1:1"
RNG = np.random.default_rng(3)
LISTENERS = factors_of(RNG.normal(size=(5, 4)))
PLAYS = dict(zip(LISTENERS.listener_id.tolist()[:3], (30.0, 2.0, 7.0)))
LISTENED = LISTENERS.fold_in(np.arange(3), np.array([*PLAYS.values()])).astype(np.float32)

CONTENT: dict[str, Any] = {
    "audio": [0.7, -1.2, 0.4],
    "tags": {"dub": 3.0, "live": 1.0},
    "listening": LISTENED.tolist(),
}
LENGTHS = {"audio": 3, "listening": 4}
SUBSETS = [
    {name: CONTENT[name] for name in names}
    for size in range(len(CONTENT) + 1)
    for names in itertools.combinations(CONTENT, size)
]
NEIGHBORS: dict[str, float] = {"artist:0002": 4.0, "artist:0000": 1.0}
ARTISTS = [
    NewArtist(f"new:{place}", content, neighbors)
    for place, (content, neighbors) in enumerate(
        itertools.product(SUBSETS, ({}, NEIGHBORS))  # type: ignore[arg-type]
    )
]
MAKERS: dict[str, Callable[..., Any]] = {
    "sage_mean": lambda **o: with_network(small_config(**o), modality_units=8),
    "gin": lambda **o: with_network(small_config(**o), modality_units=8, layer="gin"),
    "contrastive": small_contrastive_config,
    "diffusion": small_diffusion_config,
}


def case() -> HiddenGraph:
    """Twelve artists, a few of whom lack something, whose edges have weights."""
    pairs = [(u, v) for u in range(12) for v in range(u) if (u * v) % 3 == 1 or u - v == 1]
    weights = 1.0 + RNG.permutation(len(pairs))
    bags = [{"dub": 1.0 + i, "live": 2.0} if i % 2 else {"polka": 3.0} for i in range(12)]
    return graph_of(
        [(u, v, float(w)) for (u, v), w in zip(pairs, weights, strict=True)],
        [0] * 8 + [1, 1, 2, 2],
        {
            "audio": vectors([None if i == 3 else RNG.normal(size=3).tolist() for i in range(12)]),
            "tags": words([{} if i == 5 else bags[i] for i in range(12)]),
            "listening": vectors(
                [None if i in (3, 7) else RNG.normal(size=4).tolist() for i in range(12)]
            ),
        },
    )


def with_new(graph, artists: Sequence[NewArtist]):
    """The graph with the artists behind its own, and the edges that they and the others hear."""
    content = dict(graph.content)
    for name, length in LENGTHS.items():
        given = [artist.content.get(name) for artist in artists]
        rows = np.array([np.zeros(length) if one is None else one for one in given], np.float32)
        content[name] = dataclasses.replace(
            content[name],
            values=np.vstack([content[name].values, rows]),
            present=np.append(content[name].present, [one is not None for one in given]),
        )
    own = words([artist.content.get("tags", {}) for artist in artists])
    tags = content["tags"]
    content["tags"] = dataclasses.replace(
        tags,
        words=np.append(tags.words, own.words),
        weights=np.append(tags.weights, own.weights),
        offsets=np.append(tags.offsets, tags.offsets[-1] + own.offsets[1:]),
    )
    ids = np.array([artist.artist_id for artist in artists], object)
    more = dataclasses.replace(
        graph,
        artist_id=np.append(graph.artist_id, ids),
        name=np.append(graph.name, ids),
        popularity=np.append(graph.popularity, np.full(len(artists), np.nan, np.float32)),
        split=np.append(graph.split, np.full(len(artists), 2, np.int8)),
        content=content,
    )
    heard = np.zeros((len(artists), len(graph)), np.float32)
    for row, artist in enumerate(artists):
        for name, weight in artist.neighbors.items():
            heard[row, graph.artist_id.tolist().index(name)] = weight
    nobody = sp.csr_matrix((len(artists), len(artists)))
    edges = sp.bmat([[graph.served_edges(), None], [sp.csr_matrix(heard), nobody]])
    return more, edges.tocsr().astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Asked:
    """A served model, and what its `embed_graph` says of ARTISTS."""

    name: str
    server: RunningServer
    expected: np.ndarray

    def by_rest(self, body: Mapping[str, Any]):
        return self.server.address.predict({"signature_name": "embed_new", **body})

    def by_grpc(self, inputs: Mapping[str, np.ndarray]):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "artist_sim"
        request.model_spec.signature_name = "embed_new"
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        with grpc.insecure_channel(self.server.address.grpc) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            return stub.Predict(request, timeout=60).outputs

    def client(self, how: str) -> Client:
        address = self.server.address
        if how == "grpc":
            return Client(address.grpc, timeout=60, max_batch=5)
        return Client(NOBODY_LISTENS, rest_address=address.url(""), timeout=60, max_batch=5)


def serving(name: str, folder: Path) -> Iterator[Asked]:
    """Trains, saves and serves one of MAKERS."""
    path, one = folder / "artist_sim" / "1", case()
    config = MAKERS[name](epochs=2, fan_out=FAN_OUT)
    system = small_system(one.graph, config)
    system.fit(one.graph, one.truth("val"))
    model = ServedModel(system, one.graph, spec_of(one.graph), listeners=LISTENERS)
    model.save(str(path))
    write_explorer_data(
        str(path),
        one.graph,
        statistics_of(one.graph),
        list(one.graph.content),
        model.embedding,
        "pca",
    )
    more, edges = with_new(one.graph, ARTISTS)
    heard = message_edges(edges, True, FAN_OUT) if config.fan_out else edges
    embed = tf.saved_model.load(str(path)).signatures["embed_graph"]
    given = {name: tf.constant(value) for name, value in whole_graph(more, heard).items()}
    expected = embed(**given)["embedding"].numpy()[-len(ARTISTS) :]
    with RunningServer(path.parent, folder / "log.txt") as server:
        yield Asked(name, server, expected)
        assert "Traceback" not in server.log()


def inputs_of(artists: Sequence[NewArtist]) -> dict[str, np.ndarray]:
    """What a client without this project's Python sends: zeros and "" for what is not known."""
    num = len(artists)
    inputs = {
        "artist_id": np.array([artist.artist_id for artist in artists], object),
        "neighbor_id": np.full((num, 2), "", object),
        "neighbor_weight": np.zeros((num, 2), np.float32),
        "tags": np.full((num, 2), "", object),
        "tags_weight": np.zeros((num, 2), np.float32),
    }
    for name, length in LENGTHS.items():
        inputs[name] = np.zeros((num, length), np.float32)
        inputs[f"{name}_present"] = np.zeros(num, np.int64)
    for row, artist in enumerate(artists):
        for name in LENGTHS.keys() & artist.content.keys():
            inputs[name][row], inputs[f"{name}_present"][row] = artist.content[name], 1
        for texts, weights, given in (
            ("tags", "tags_weight", artist.content.get("tags", {})),
            ("neighbor_id", "neighbor_weight", artist.neighbors),
        ):
            inputs[texts][row, : len(given)] = [*given]
            inputs[weights][row, : len(given)] = [*given.values()]
    return inputs


def as_json(inputs: Mapping[str, np.ndarray]) -> dict[str, list]:
    return {name: value.tolist() for name, value in inputs.items()}


def as_rows(inputs: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    return [
        dict(zip(inputs, row, strict=True)) for row in zip(*as_json(inputs).values(), strict=True)
    ]
