"""Artists as what their random walks visit, and as their own content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn

from trainer.config import DiffusionConfig
from trainer.layer_steps import WalkSteps
from trainer.layers.diffusion import Hops, Visits, all_visits, hop, hop_edges, shares
from trainer.layers.graph_convolution import ARTIST, MESSAGE, NEIGHBOR, SIMILAR, UnitLength
from trainer.layers.mean_convolution import MeanConvolution
from trainer.named_weights import Weight, dense_weights
from trainer.network import EMBEDDING, PairScore, Profile
from trainer.network_graphs import Neighbors, WholeGraph, bipartite
from trainer.pairwise import COUNT, VISITED, VISITS, PairwiseTerm
from trainer.row_blocks import in_row_blocks

# Adam moves every variable by about the learning rate; gains and exponents need longer steps.
_PACE: Final = 5.0

INITIAL_SCALE: Final = 20.0
"""Of the logits, before training."""
_SCALES: Final = ("walks", "content", "content with walks")
"""What each of `log_scales` is about."""


class DiffusionNetwork(tf.Module):
    """y_v = n_v^gamma * l2norm(l2norm(sum of x_vw exp(b_w) z_w over visited w) + g_v c_v),

      c_v = l2norm(f(content_v)),   g_v = g_0 (1 + n_v)^g_1

    with x_v of trainer.visits, a vector z_w and a gain b_w learnt for each training artist, a dense
    network f, and n_v the number of v's neighbours (1 for none in the first formula). c_v is zero
    without content. Ranking by the dot product is ranking by cosine times popularity^gamma.

    The gate g_0, g_1 is no trainable variable: content learns the training artists by heart, so
    that only artists which training does not know can tell how much to trust it.

    Args:
      config: sizes.
      artist_id: [num_training] str, the training artists; only they are counted as visited.
      num_features: width of the content; 0 for none.
      seed: of the first vectors.
    """

    def __init__(
        self, config: DiffusionConfig, artist_id: np.ndarray, num_features: int, seed: int
    ):
        super().__init__(name="diffusion_network")
        self.config = config
        self._artist_id = artist_id
        vectors = tf.random.stateless_normal([len(artist_id), config.embedding_dim], [seed, 0])
        self.vectors = tf.Variable(vectors / np.sqrt(config.embedding_dim), name="vectors")
        self._gain = tf.Variable(tf.zeros([len(artist_id), 1]), name="gain")
        self._gamma = tf.Variable(0.25 / _PACE, name="gamma")
        initial = tf.fill([3 if num_features else 1], np.float32(np.log(INITIAL_SCALE) / _PACE))
        self.gates = tf.Variable([0.2, 0.0], trainable=False, name="gates")
        self.pairwise = PairwiseTerm()
        self._log_scales = tf.Variable(initial, name="log_scales")
        self._place = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(artist_id.astype(str) if len(artist_id) else [""]),
                tf.range(max(1, len(artist_id)), dtype=tf.int64),
            ),
            default_value=-1,
        )
        self.tables: Sequence[tf.lookup.StaticHashTable] = (self._place,)
        # float32 also under mixed precision: only the dense layers of the content are large.
        self._aggregate = MeanConvolution(1, dtype="float32")
        self._unit = UnitLength(dtype="float32")
        self._content: tf.keras.Sequential | None = None
        if num_features:
            hidden = [tf.keras.layers.Dense(units, "elu") for units in config.content_units]
            last = tf.keras.layers.Dense(config.embedding_dim, dtype="float32")
            self._content = tf.keras.Sequential(hidden + [last], name="content")
            self._content.build([None, num_features])
        self._next_state = _Combined()
        self._combine = tfgnn.keras.layers.GraphUpdate(
            node_sets={
                ARTIST: tfgnn.keras.layers.NodeSetUpdate(
                    {SIMILAR: self._aggregate}, self._next_state
                )
            },
            name="combine",
        )

    @property
    def scales(self) -> tf.Tensor:
        """[1 or 3] float32, of logits: walks with walks, content with content and with walks."""
        return tf.exp(_PACE * self._log_scales)

    @property
    def gamma(self) -> tf.Tensor:
        """The exponent of popularity, scalar float32."""
        return _PACE * self._gamma

    @property
    def has_content(self) -> bool:
        """Whether the network reads any content."""
        return self._content is not None

    def named_weights(self, columns: Sequence[str]) -> list[Weight]:
        """All its weights by what they mean but the pairwise term, which is chosen at the end.

        Args:
          columns: what each column of the content is about.
        """
        found = [
            Weight("vectors", self.vectors, self._artist_id.tolist()),
            Weight("gain", self._gain, self._artist_id.tolist()),
            Weight("gamma", self._gamma),
            Weight("gates", self.gates),
            Weight("log_scales", self._log_scales, _SCALES[: self._log_scales.shape[0]]),
        ]
        inputs: Sequence[str] | None = columns
        for place, layer in enumerate(self._content.layers if self._content else ()):
            found += dense_weights(f"content_{place}", layer, inputs)
            inputs = None
        return found

    @property
    def num_stages(self) -> int:
        """How often `memory` reports: after each hop but the last."""
        return self.config.hops - 1

    def messages(self) -> tf.Tensor:
        """What each training artist says to those whose walks visit it, [num_training, dim]."""
        return tf.exp(_PACE * self._gain) * self.vectors

    def own(self, features: tf.Tensor) -> tf.Tensor:
        """c, [num_artists, dim] float32, of length 1, or 0 without content."""
        if self._content is None:
            return tf.zeros([tf.shape(features)[0], self.config.embedding_dim])
        # Each modality has a flag among the features, so that content is never all zero.
        present = tf.reduce_any(tf.not_equal(features, 0.0), axis=1, keepdims=True)
        return tf.where(present, self._unit(self._content(features)), 0.0)

    def gate(self, count: tf.Tensor) -> tf.Tensor:
        """g, [num, 1] float32, how much own content weighs, from [num] numbers of neighbours."""
        known = 1.0 + tf.cast(count, tf.float32)
        return (self.gates[0] * known ** self.gates[1])[:, None]

    def direction(
        self,
        target: tf.Tensor,
        source: tf.Tensor,
        share: tf.Tensor,
        messages: tf.Tensor,
        own: tf.Tensor,
        count: tf.Tensor,
    ) -> tf.Tensor:
        """The embedding without popularity.

        Args:
          target: [num_visits] int64, the artist.
          source: [num_visits] int64, the visited.
          share: [num_visits] float32, x.
          messages: [num_visited, dim] float32.
          own: [num_artists, dim] float32, from `own`.
          count: [num_artists] numbers of neighbours.

        Returns:
          [num_artists, dim] float32, l2-normalised.
        """
        num_artists = tf.shape(own, out_type=tf.int64)[0]
        num_visited = tf.shape(messages, out_type=tf.int64)[0]
        graph = bipartite(target, source, share, num_artists, num_visited)
        graph = graph.replace_features(
            node_sets={
                ARTIST: {tfgnn.HIDDEN_STATE: self.gate(count) * own},
                NEIGHBOR: {MESSAGE: messages},
            }
        )
        return self._combine(graph).node_sets[ARTIST][tfgnn.HIDDEN_STATE]

    def with_content(self, walked: tf.Tensor, own: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """`direction` from what it is without content, [num_artists, dim], and the content."""
        return self._next_state((self.gate(count) * own, {SIMILAR: walked}, None))

    def popularity(self, count: tf.Tensor) -> tf.Tensor:
        """[num] float32 factors of the vectors from [num] numbers of neighbours."""
        return tf.maximum(tf.cast(count, tf.float32), 1.0) ** self.gamma

    def embed_graph(self, given: WholeGraph) -> Profile:
        """EMBEDDING, [num_artists, dim] float32, and what `pair_score` reads, of a whole graph."""
        return self.memory(given)[1]

    @property
    def pair_score(self) -> PairScore | None:
        """PairwiseTerm.score, unless it is the dot product."""
        return None if self.pairwise.is_zero else self.pairwise.score

    def memory(
        self, given: WholeGraph, on_stage: Callable[[], None] = lambda: None
    ) -> tuple[list[tf.Tensor], Profile]:
        """What the walks of a new artist go on from.

        Returns:
          Visits after all hops but the last ([num_artists, reach] int32 and float32), degrees
          [num_artists] float32, messages [num_artists, dim] float32 and whether they are known
          [num_artists] bool; and what `embed_graph` returns.
        """
        num_artists = tf.shape(given.features, out_type=tf.int64)[0]
        degree = tf.math.unsorted_segment_sum(given.weight, given.target, num_artists)
        edges = hop_edges(
            given.target, given.source, given.weight, degree, degree, self.config.decay
        )
        hops, reach = self.config.hops, self.config.reach
        visited = all_visits(edges, num_artists, hops - 1, reach, on_stage)
        place = self._place.lookup(given.artist_id)
        known = place >= 0
        messages = tf.where(known[:, None], tf.gather(self.messages(), tf.maximum(place, 0)), 0.0)
        memory = [visited.column, visited.value, degree, messages, known]
        return memory, self._embed(edges, num_artists, given.features, memory)

    def steps(self) -> WalkSteps:
        """The trained network as steps."""

        def last(features: tf.Tensor, walked: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
            direction = self.with_content(walked, self.own(features), count)
            return direction * self.popularity(count)[:, None]

        read = [self.gates, self._gamma, *(self._content.variables if self._content else ())]
        config = self.config
        return WalkSteps(
            config.hops, config.reach, config.decay, config.embedding_dim, last, read, 3, 4
        )

    def embed_new(
        self, features: tf.Tensor, neighbors: Neighbors, memory: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """[num_new, dim] float32, as `embed_graph` would embed artists that nobody lists."""
        num_new = tf.shape(features, out_type=tf.int64)[0]
        degree = tf.math.unsorted_segment_sum(neighbors.weight, neighbors.target, num_new)
        edges = hop_edges(
            neighbors.target,
            neighbors.row,
            neighbors.weight,
            degree,
            tf.convert_to_tensor(memory[2]),
            self.config.decay,
        )
        return self._embed(edges, num_new, features, memory)[EMBEDDING]

    def _embed(
        self, edges: Hops, num_artists: tf.Tensor, features: tf.Tensor, memory: Sequence[tf.Tensor]
    ) -> Profile:
        column, value, _, messages, known = (tf.convert_to_tensor(part) for part in memory)
        visited = Visits(column, value)
        num_columns = tf.shape(known, out_type=tf.int64)[0]
        visits = hop(edges, num_artists, num_columns, self.config.reach, visited, known)
        ones = tf.ones_like(edges.target, tf.float32)
        count = tf.math.unsorted_segment_sum(ones, edges.target, num_artists)

        def embedding(first: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
            found = shares(Visits(visits.column[first:end], visits.value[first:end]))
            used = tf.where(found.value > 0.0)  # [num_visits, 2]: artist, place
            source = tf.cast(tf.gather_nd(found.column, used), tf.int64)
            share = tf.gather_nd(found.value, used)
            own, known = self.own(features[first:end]), count[first:end]
            direction = self.direction(used[:, 0], source, share, messages, own, known)
            return direction * self.popularity(known)[:, None]

        # Places of visits are 64 bits wide, several times over; the visits themselves 8 bytes.
        profile = {EMBEDDING: in_row_blocks(embedding, num_artists)}
        if self.config.pairwise:
            most = self.config.pairwise_reach  # Of visits that fall.
            profile |= {VISITED: visits.column[:, :most], VISITS: visits.value[:, :most]}
            profile[COUNT] = count
        return profile


class _Combined(tf.keras.layers.Layer):
    """l2norm(l2norm(visits) + own), the next state of an artist."""

    def __init__(self):
        super().__init__(dtype="float32")
        self._unit = UnitLength(dtype="float32")

    def call(self, inputs):
        """(own, {edge set: visits}, context) -> [num_artists, dim]."""
        own, visits, _ = inputs
        return self._unit(self._unit(visits[SIMILAR]) + own)
