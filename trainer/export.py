"""The SavedModel: all that serving needs, and nothing of this project's Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn

from catalogues.spec import LISTENING
from trainer.bulk_model import write_bulk_model
from trainer.graph import ArtistGraph
from trainer.kept_answers import KeptAnswers, find_answers
from trainer.layers.graph_convolution import NEIGHBOR
from trainer.listener_factors import ListenerFactors
from trainer.listening_signature import ListeningSignature
from trainer.network import EMBEDDING, PairScore, graph_function
from trainer.network_graphs import Neighbors, WholeGraph
from trainer.new_artist_checks import checked, checked_embedding
from trainer.row_wise import write_row_wise
from trainer.similar_signatures import Candidates, SimilarSignatures, Tensors
from trainer.systems.servable import ServableSystem, encoded
from trainer.warm_up import WARMED, write_warm_up


class ServedModel(tf.Module):
    """The trained network with the catalogue's ids, names, embeddings and memory.

    Memory and embeddings are computed over all edges that no split hides. An artist that is given
    with its content and neighbours is embedded from what is remembered of the neighbours, exactly
    as the network would embed it as a node that is not listed back by its neighbours.

    With `listeners` of the examples, a network that reads what plays become is asked for that, too.
    `keep_answers` makes `similar` faster.
    """

    def __init__(
        self,
        system: ServableSystem,
        graph: ArtistGraph,
        spec: tfgnn.GraphTensorSpec,
        on_stage: Callable[[], None] = lambda: None,
        listeners: ListenerFactors | None = None,
    ):
        super().__init__(name="artist_sim")
        network = system.fitted_network()
        memory, profile = system.memory(graph, graph.served_edges(), on_stage)
        if network.pair_score is None:
            profile = {EMBEDDING: profile[EMBEDDING]}
        self._encoder = system.encoder
        self._variables, self._tables = list(network.variables), list(network.tables)
        self._memory = [tf.Variable(part, trainable=False) for part in memory]
        self._profile = {name: tf.Variable(part, trainable=False) for name, part in profile.items()}
        self.artist_id = tf.Variable(graph.artist_id.astype(str), trainable=False)
        self.artist_name = tf.Variable(graph.name.astype(str), trainable=False)
        self._row = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(graph.artist_id.astype(str)),
                tf.range(len(graph), dtype=tf.int64),
            ),
            default_value=-1,
        )
        # For the judge: what it is judged with on another day.
        self.fan_out = tf.Variable(system.config.fan_out, trainable=False, dtype=tf.int64)
        # Of all content of the catalogue, whatever the network reads of it.
        present = [content.present for content in graph.content.values()]
        self._present = tf.Variable(
            np.reshape(present, (len(present), len(graph))).astype(bool).T, trainable=False
        )
        self._popularity = tf.Variable(graph.popularity.astype(np.float32), trainable=False)
        lengths = np.linalg.norm(profile[EMBEDDING], axis=1)
        self._longest = tf.Variable(np.max(lengths, initial=0).astype(np.float32), trainable=False)
        candidates = Candidates(
            self.artist_id,
            self.artist_name,
            self._row,
            self.profile,
            self._profile[EMBEDDING].shape[1],
            self._longest,
            network.pair_score,
            tuple(graph.content),
            self._present,
            self._popularity,
        )
        self._candidates = candidates
        self._kept: KeptAnswers | None = None
        # A network that does not read what plays become has no use for plays.
        reads = any(entry["name"] == LISTENING for entry in system.encoder.modalities)
        self._listening = ListeningSignature(listeners) if listeners and reads else None
        dim = self._profile[EMBEDDING].shape[1]
        self._bulk = system, spec, dim, listeners if reads else None
        fan_out = system.config.fan_out if graph.weighted else 0
        self._functions = _Functions(self, system, spec, fan_out)

    @property
    def _similar(self) -> SimilarSignatures:
        return SimilarSignatures(self._candidates, self._kept)

    def keep_answers(
        self, num_kept: int, on_artists: Callable[[int], None] = lambda more: None
    ) -> None:
        """Finds each artist's first answers to `similar`, which are looked up from then on.

        Args:
          num_kept: of each artist; 0 for none.
          on_artists: told how many more artists are done.
        """
        if not num_kept:
            self._kept = None
            return
        similar = SimilarSignatures(self._candidates)
        self._kept = find_answers(
            int(self.artist_id.shape[0]),
            num_kept,
            lambda row, count: similar.rank(row, count, row[:, None]),
            on_artists,
        )

    def profile(self) -> dict[str, tf.Tensor]:
        """All that is known of each artist, as tensors that share the variables' memory.

        To be read once at the head of a signature and gathered from. A gather from a variable
        itself makes TensorFlow copy it whole at every later read, of whichever signature.
        """
        return {name: part.read_value() for name, part in self._profile.items()}

    @property
    def embedding(self) -> np.ndarray:
        """[num_artists, dim] float32 of the catalogue."""
        return self._profile[EMBEDDING].numpy()

    # The functions hold Keras layers, whose calls take GraphTensors: those cannot be saved as
    # Keras layers, and need not be. The variables and tables are tracked above.
    def _trackable_children(self, save_type="checkpoint", **kwargs):
        children = super()._trackable_children(save_type, **kwargs)
        children.pop("_functions", None)
        children.pop("_bulk", None)
        return children

    def save(self, path: str) -> None:
        """Writes the SavedModel with its signatures; loads without this project."""
        functions = self._functions
        signatures: dict[str, Any] = {
            "serving_default": functions.serving_default(),
            "similar": self._similar.similar(),
            "similar_filtered": self._similar.similar_filtered(),
            "nearest": self._similar.nearest(),
            "embed_new": functions.embed_new(),
            "examples": functions.examples(),
            "embed_graph": functions.embed_graph(),
        }
        if self._listening is not None:
            signatures[LISTENING] = self._listening.listening()
        if functions.pair_score is not None:
            signatures["score"] = functions.score(functions.pair_score)
        tf.saved_model.save(self, path, signatures=signatures)
        write_row_wise(path)
        write_bulk_model(path, *self._bulk)
        warmed: dict[str, Any] = {name: signatures[name] for name in WARMED if name in signatures}
        write_warm_up(path, warmed, self.artist_id.numpy()[:1])


class _Functions:
    """The signatures' graphs."""

    def __init__(
        self, model: ServedModel, system: ServableSystem, spec: tfgnn.GraphTensorSpec, fan_out: int
    ):
        self._model, self._network, self._spec = model, system.fitted_network(), spec
        self.pair_score = self._network.pair_score
        self._fan_out = fan_out
        self._modalities = system.encoder.modalities

    def serving_default(self):
        """artist_id -> embedding, known."""

        def serving_default(artist_id: tf.Tensor) -> Tensors:
            row, known = self._lookup(artist_id)
            embedding = tf.gather(self._model.profile()[EMBEDDING], row)
            return {"embedding": tf.where(known[:, None], embedding, 0.0), "known": known}

        return graph_function(
            serving_default, input_signature=[tf.TensorSpec([None], tf.string, "artist_id")]
        )

    def embed_new(self):
        """Content, neighbor_id, neighbor_weight -> embedding, known_neighbors."""
        signature = {
            "artist_id": tf.TensorSpec([None], tf.string, "artist_id"),
            "neighbor_id": tf.TensorSpec([None, None], tf.string, "neighbor_id"),
            "neighbor_weight": tf.TensorSpec([None, None], tf.float32, "neighbor_weight"),
            **self._content_signature([None, None]),
        }

        def embed_new(**given: tf.Tensor) -> Tensors:
            def ragged(name: str, part: str) -> tf.RaggedTensor:
                return tf.ragged.boolean_mask(given[part], tf.not_equal(given[name], ""))

            given = checked(given, self._modalities)
            raw = self._raw_content(given, ragged)
            found = self._embed(raw, given["neighbor_id"], given["neighbor_weight"])
            return {**found, EMBEDDING: checked_embedding(found[EMBEDDING])}

        return graph_function(embed_new).get_concrete_function(**signature)

    def examples(self):
        """Serialized ego graphs -> embedding, known_neighbors."""

        def examples(examples: tf.Tensor) -> Tensors:
            graphs = tfgnn.parse_example(self._spec, examples)
            # One ego graph has one artist, so that the batch is the artists.
            flat = graphs.merge_batch_to_components()
            artist = flat.node_sets["artist"].features
            neighbors = graphs.node_sets[NEIGHBOR]["id"].to_tensor(default_value="")
            weights = graphs.edge_sets["similar"]["weight"].to_tensor()
            return self._embed(artist, neighbors, weights)

        return graph_function(
            examples, input_signature=[tf.TensorSpec([None], tf.string, "examples")]
        )

    def embed_graph(self):
        """A whole graph: content of its artists, edges -> embedding; the judge's way in."""
        signature = {
            "artist_id": tf.TensorSpec([None], tf.string, "artist_id"),
            "source": tf.TensorSpec([None], tf.int64, "source"),
            "target": tf.TensorSpec([None], tf.int64, "target"),
            "weight": tf.TensorSpec([None], tf.float32, "weight"),
            **self._content_signature([None]),
        }
        for entry in self._modalities:
            if entry["kind"] != "vector":
                length = f"{entry['name']}_length"
                signature[length] = tf.TensorSpec([None], tf.int64, length)

        def embed_graph(**given: tf.Tensor) -> Tensors:
            def ragged(name: str, part: str) -> tf.RaggedTensor:
                return tf.RaggedTensor.from_row_lengths(given[part], given[f"{name}_length"])

            raw = self._raw_content(given, ragged)
            graph = WholeGraph(
                given["artist_id"],
                encoded(self._model._encoder, raw, tf.size(given["artist_id"])),
                given["source"],
                given["target"],
                given["weight"],
            )
            profile = self._network.embed_graph(graph)
            return {name: profile[name] for name in self._model._profile}

        return graph_function(embed_graph).get_concrete_function(**signature)

    def score(self, pair_score: PairScore):
        """What embed_graph returns, query, candidate -> score of each query's own candidates."""
        signature = {
            name: tf.TensorSpec([None, *part.shape[1:]], part.dtype, name)
            for name, part in self._model._profile.items()
        }
        signature["query"] = tf.TensorSpec([None], tf.int64, "query")
        signature["candidate"] = tf.TensorSpec([None, None], tf.int64, "candidate")

        def score(query: tf.Tensor, candidate: tf.Tensor, **profile: tf.Tensor) -> Tensors:
            return {"score": pair_score(profile, query, candidate)}

        return graph_function(score).get_concrete_function(**signature)

    def _content_signature(self, words: Sequence[int | None]) -> dict[str, tf.TensorSpec]:
        """The inputs of content; those of words and their weights have the shape `words`."""
        signature = {}
        for entry in self._modalities:
            name = entry["name"]
            if entry["kind"] == "vector":
                present = f"{name}_present"
                signature[name] = tf.TensorSpec([None, entry["dim"]], tf.float32, name)
                signature[present] = tf.TensorSpec([None], tf.int64, present)
            else:
                weight = f"{name}_weight"
                signature[name] = tf.TensorSpec(words, tf.string, name)
                signature[weight] = tf.TensorSpec(words, tf.float32, weight)
        return signature

    def _raw_content(
        self, given: Tensors, ragged: Callable[[str, str], tf.RaggedTensor]
    ) -> dict[str, Any]:
        """The inputs of content as the encoder takes them.

        Args:
          given: the inputs.
          ragged: (a modality of words, it or its weights) -> [num_artists, (words)].
        """
        raw: dict[str, Any] = {"id": given["artist_id"]}
        for entry in self._modalities:
            name = entry["name"]
            if entry["kind"] == "vector":
                raw[name], raw[f"{name}_present"] = given[name], given[f"{name}_present"]
            else:
                for part in (name, f"{name}_weight"):
                    raw[part] = ragged(name, part)
        return raw

    def _lookup(self, artist_id: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        row = self._model._row.lookup(artist_id)
        return tf.maximum(row, 0), row >= 0

    def _embed(self, raw: Mapping[str, Any], neighbor_id: tf.Tensor, weight: tf.Tensor) -> Tensors:
        """raw content and [batch, most_neighbors] neighbours, padded with '' -> the outputs."""
        row = self._model._row.lookup(neighbor_id)
        known = row >= 0
        # Weights of zero mean that the client has none to give; those of padding say nothing.
        unweighted = tf.reduce_all(~known | (weight <= 0.0), axis=1, keepdims=True)
        weight = tf.where(known, tf.where(unweighted, 1.0, tf.maximum(weight, 0.0)), 0.0)
        if self._fan_out:
            strongest = tf.math.top_k(weight, tf.minimum(self._fan_out, tf.shape(weight)[1]))
            row = tf.gather(row, strongest.indices, batch_dims=1)
            weight = strongest.values
        used = tf.where(weight > 0.0)  # [num_edges, 2]: batch, place
        neighbors = Neighbors(used[:, 0], tf.gather_nd(row, used), tf.gather_nd(weight, used))
        return {
            "embedding": self._network.embed_new(
                self._model._encoder(raw), neighbors, self._model._memory
            ),
            "known_neighbors": tf.reduce_sum(tf.cast(known, tf.int64), axis=1),
        }
