"""What the walks of two artists have in common, beside the dot product of their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from trainer.coordinate_search import coordinate_search
from trainer.nearest_rows import dot_products
from trainer.network import EMBEDDING, Profile
from trainer.ranking.validation_sample import ValidationSample
from trainer.visits import shares

VISITED: Final = "visited"
VISITS: Final = "visits"
COUNT: Final = "count"

_OVERLAP_WEIGHTS: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
_COMMON_WEIGHTS: Final = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2)
_GAMMAS: Final = (-0.1, 0.0, 0.1, 0.2, 0.3, 0.4)
_ROUNDS: Final = 3

_PARALLEL: Final = 4
"""Queries whose candidates' walks are held at once."""


class PairwiseTerm(tf.Module):
    """score(u, v) = y_u . y_v + n_v^gamma (a overlap(u, v) + b sqrt(r_u . r_v)),

      overlap(u, v) = sum over w of sqrt(r_uw r_vw / (|r_u|_1 |r_v|_1))

    with r of trainer.visits. The overlap tells whether two artists' walks go to the same places
    (the Bhattacharyya coefficient), the second term also how often they get anywhere. A vector
    holds less than both, but is compared with millions; this with the best that vectors find.
    """

    def __init__(self):
        super().__init__(name="pairwise")
        self.constants = tf.Variable(tf.zeros([3]), trainable=False, name="constants")

    @property
    def is_zero(self) -> bool:
        """Whether it changes nothing, as before `choose`."""
        return not self.constants.numpy()[:2].any()

    def choose(
        self,
        embedding: np.ndarray,
        visited: sp.csr_matrix,
        count: np.ndarray,
        sample: ValidationSample,
    ) -> None:
        """Sets a, b and gamma, one after the other, to what validation scores best with.

        Args:
          embedding: [num, dim] float32, y of the validation artists.
          visited: [num, num_artists] CSR, r of them.
          count: [num] number of their neighbours.
          sample: of the split; without a query the term stays zero.
        """
        if not sample:
            return
        asked, place = sample.queries, sample.places()
        share = shares(visited)
        near = embedding[asked] @ embedding.T
        overlap = (share[asked] @ share.T).toarray()
        common = np.sqrt((visited[asked] @ visited.T).toarray())
        # A catalogue with more edges has smaller visits; an unusually common pair counts as 1.
        unit = float(np.quantile(common[common > 0], 0.99)) if (common > 0).any() else 1.0
        popularity = np.maximum(count, 1).astype(np.float32)

        def score(constants: tuple[float, ...]) -> float:
            a, b, gamma = constants
            both = near + popularity**gamma * (a * overlap + b / unit * common)
            return sample.score(lambda queries, candidates: both[place[queries]][:, candidates])

        options = (_OVERLAP_WEIGHTS, _COMMON_WEIGHTS, _GAMMAS)
        a, b, gamma = coordinate_search(score, options, (0.0, 0.0, 0.2), rounds=_ROUNDS)
        self.constants.assign([a, b / unit, gamma])

    def score(
        self,
        profile: Profile,
        query: tf.Tensor,
        candidate: tf.Tensor,
        near: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """The score of each query with each of its own candidates.

        Args:
          profile: of all artists: EMBEDDING [num_artists, dim] float32; VISITED [num_artists,
            reach] int32 rows; VISITS [num_artists, reach] float32, r, 0 where there are fewer;
            COUNT [num_artists] float32 numbers of neighbours.
          query: [num_queries] int64 rows.
          candidate: [num_queries, num_candidates] int64 rows.
          near: [num_queries, num_candidates] float32, their `dot_products`, where these are known
            already.

        Returns:
          [num_queries, num_candidates] float32. What a query gets does not depend on the others.
        """
        num_queries = tf.size(query)
        # One query also where there is none: map_fn has no shape to return otherwise.
        added = [[0, tf.cast(num_queries < 1, tf.int32)]]
        given = [tf.pad(query, added), tf.pad(candidate, [*added, [0, 0]])]
        if near is not None:
            given.append(tf.pad(near, [*added, [0, 0]]))
        a, b, gamma = tf.unstack(self.constants)
        num_artists = tf.shape(profile[COUNT])[0]

        # The profile is gathered from and nothing else: it is of the whole catalogue, and this is
        # done for each query.
        def of_query(asked: Sequence[tf.Tensor]) -> tf.Tensor:
            row, rows, *known = asked
            of_row = {name: tf.gather(part, row) for name, part in profile.items()}
            of_rows = {
                name: tf.gather(part, rows) for name, part in profile.items() if name != EMBEDDING
            }
            own = tf.math.unsorted_segment_sum(of_row[VISITS], of_row[VISITED], num_artists)
            # gather gives the same, and takes longer for single numbers.
            met_own = tf.gather_nd(own, of_rows[VISITED][..., tf.newaxis])
            product = met_own * of_rows[VISITS]
            total = tf.reduce_sum(of_row[VISITS]) * tf.reduce_sum(of_rows[VISITS], axis=1)
            met = tf.reduce_sum(tf.sqrt(product), axis=1)
            overlap = tf.math.divide_no_nan(met, tf.sqrt(total))
            common = tf.sqrt(tf.reduce_sum(product, axis=1))
            [dot] = known or [dot_products(tf.gather(profile[EMBEDDING], rows), of_row[EMBEDDING])]
            popularity = tf.maximum(of_rows[COUNT], 1.0) ** gamma
            return dot + popularity * (a * overlap + b * common)

        scores = tf.map_fn(
            of_query,
            tuple(given),
            fn_output_signature=tf.TensorSpec([None], tf.float32),
            parallel_iterations=_PARALLEL,
        )
        return scores[:num_queries]
