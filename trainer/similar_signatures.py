"""The signatures that rank the catalogue: `similar`, `similar_filtered` and `nearest`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import tensorflow as tf

from trainer.kept_answers import KeptAnswers
from trainer.nearest_rows import nearest_rows
from trainer.network import EMBEDDING, PairScore, Profile, graph_function
from trainer.systems.base import SHORTLIST

Tensors = Mapping[str, tf.Tensor]

_LEFT_OUT: Final = -float("inf")
"""The score of whom an answer must not have: below that of anybody else."""

_LONGEST_QUOTE: Final = 40
"""Characters of a client's text in an error: more than 8 KB do not fit into a status of gRPC."""

_FILTERS: Final = (
    tf.TensorSpec([None], tf.string, "modality"),
    tf.TensorSpec([], tf.float32, "min_popularity"),
    tf.TensorSpec([None, None], tf.string, "exclude_id"),
)


@dataclasses.dataclass(frozen=True)
class Candidates:
    """The artists that answers are made of.

    Attributes:
      artist_id: [num_artists] string.
      artist_name: [num_artists] string.
      row: a table, artist_id -> row int64, -1 for all others.
      profile: reads what is known of each; EMBEDDING [num_artists, dim] float32. A signature reads
        it once.
      dim: of the embeddings.
      longest: [] float32, the length of the longest embedding.
      pair_score: what ranks pairs better than the dot product, if there is any.
      modalities: [num_modalities] names of the catalogue's content.
      present: [num_artists, num_modalities] bool: whether the artist has content of it.
      popularity: [num_artists] float32 in the catalogue's unit, NaN where unknown.
    """

    artist_id: tf.Variable
    artist_name: tf.Variable
    row: tf.lookup.StaticHashTable
    profile: Callable[[], Profile]
    dim: int
    longest: tf.Variable
    pair_score: PairScore | None
    modalities: Sequence[str]
    present: tf.Variable
    popularity: tf.Variable


class SimilarSignatures:
    """The signatures' graphs.

    What they answer to a row has the same bits in a batch of any others.

    Args:
      candidates: whom they rank.
      kept: the first answers to `similar`, if they were found already; the same, to the bit.
    """

    def __init__(self, candidates: Candidates, kept: KeptAnswers | None = None):
        self._candidates, self._kept = candidates, kept

    def similar(self) -> Any:
        """artist_id, k -> similar_id, name, score, known; the artist itself is left out.

        The best of one matrix product; where the network scores pairs, the best of those that are
        first by that, which are at least SHORTLIST.
        """

        def similar(artist_id: tf.Tensor, k: tf.Tensor) -> Tensors:
            row = self._candidates.row.lookup(artist_id)
            known, query, count = self._asked(row, k)

            def computed() -> tuple[tf.Tensor, tf.Tensor]:
                return self.rank(row, count, row[:, None])

            if self._kept is None:
                best, found = computed()
            else:
                kept = self._kept
                best, found = tf.cond(
                    count <= kept.num_kept, lambda: kept.first(query, count), computed
                )
            return {**self._shown(known, best, found), "known": known}

        return graph_function(
            similar,
            input_signature=[
                tf.TensorSpec([None], tf.string, "artist_id"),
                tf.TensorSpec([], tf.int32, "k"),
            ],
        )

    def similar_filtered(self) -> Any:
        """`similar` among those that pass: also modality, min_popularity, exclude_id.

        The short list of a network that scores pairs is taken among those that pass. Where they
        are fewer than k, the rest of the answer is "" and 0.

        Inputs of the filters:
          modality: [m] string; who passes has content of all of them, "" asks for nothing.
          min_popularity: [] float32; not above 0, it asks for nothing. Who passes is known to be
            as popular.
          exclude_id: [batch, n] string, padded with "": who is left out of each answer. Ids that
            are not known say nothing.

        Raises, when it is asked, InvalidArgumentError: the catalogue has no such modality,
        min_popularity is NaN, or exclude_id has another number of rows than there are artists.
        """

        def similar_filtered(
            artist_id: tf.Tensor,
            k: tf.Tensor,
            modality: tf.Tensor,
            min_popularity: tf.Tensor,
            exclude_id: tf.Tensor,
        ) -> Tensors:
            row = self._candidates.row.lookup(artist_id)
            passes, excluded = self._filters(modality, min_popularity, exclude_id, tf.size(row))
            left_out = tf.concat([row[:, None], excluded], axis=1)
            known, _, count = self._asked(row, k)
            best, found = self.rank(row, count, left_out, passes)
            return {**self._shown(known, best, found), "known": known}

        return graph_function(
            similar_filtered,
            input_signature=[
                tf.TensorSpec([None], tf.string, "artist_id"),
                tf.TensorSpec([], tf.int32, "k"),
                *_FILTERS,
            ],
        )

    def nearest(self) -> Any:
        """embedding [batch, dim] float32, k, filters -> similar_id, name, score.

        By dot product alone: nothing else is known of an artist that the catalogue does not have.
        The filters are those of `similar_filtered`.

        Raises, when it is asked, InvalidArgumentError: as `similar_filtered`; or an embedding has
        numbers that are NaN, infinite or so large that its square is.
        """

        def nearest(
            embedding: tf.Tensor,
            k: tf.Tensor,
            modality: tf.Tensor,
            min_popularity: tf.Tensor,
            exclude_id: tf.Tensor,
        ) -> Tensors:
            num_asked = tf.shape(embedding)[0]
            passes, excluded = self._filters(modality, min_popularity, exclude_id, num_asked)
            # By Cauchy and Schwarz no product with a catalogue's vector overflows either then.
            square = tf.reduce_sum(embedding**2, axis=1)
            finite = _require(
                tf.reduce_all(tf.math.is_finite(square)),
                "An embedding has numbers that are NaN, infinite or too large; give it as "
                "embed_new or serving_default gave it.",
            )
            with tf.control_dependencies([finite]):
                embedding = tf.identity(embedding)
            catalogue = self._candidates.profile()[EMBEDDING]
            count = tf.clip_by_value(k, 0, tf.shape(catalogue)[0])
            asked = tf.fill([num_asked], True)
            best, found = self._best(catalogue, embedding, count, excluded, passes)
            return self._shown(asked, best, found)

        return graph_function(
            nearest,
            input_signature=[
                tf.TensorSpec([None, self._candidates.dim], tf.float32, "embedding"),
                tf.TensorSpec([], tf.int32, "k"),
                *_FILTERS,
            ],
        )

    def rank(
        self,
        row: tf.Tensor,
        count: tf.Tensor,
        left_out: tf.Tensor,
        passes: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Who is most similar to artists of the catalogue, as `similar` ranks.

        Args:
          row: [batch] int64, negative for unknown artists, whose answers mean nothing.
          count: [] int32 of artists in an answer, at most the others that there are.
          left_out: [batch, n] int64 rows, negative ones say nothing.
          passes: [num_artists] bool, who may be in an answer; all by default.

        Returns:
          Score [batch, count] float32, highest first, -inf where nobody is left; row [batch, count]
          int32.
        """
        profile, pair_score = self._candidates.profile(), self._candidates.pair_score
        catalogue, query = profile[EMBEDDING], tf.maximum(row, 0)
        embedding = tf.gather(catalogue, query)
        if pair_score is None:
            return self._best(catalogue, embedding, count, left_out, passes)
        shortlist = tf.minimum(tf.maximum(count, SHORTLIST), tf.shape(catalogue)[0] - 1)
        return self._best(
            catalogue,
            embedding,
            count,
            left_out,
            passes,
            shortlist,
            lambda rows, near: pair_score(profile, query, rows, near),
        )

    def _asked(self, row: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Which of [batch] rows are known, rows that can be gathered, and how many to answer."""
        most = tf.size(self._candidates.artist_id) - 1
        return row >= 0, tf.maximum(row, 0), tf.clip_by_value(k, 0, most)

    def _best(
        self,
        catalogue: tf.Tensor,
        embedding: tf.Tensor,
        count: tf.Tensor,
        left_out: tf.Tensor,
        passes: tf.Tensor | None = None,
        shortlist: tf.Tensor | None = None,
        exact: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Score and row, as `rank` returns them.

        Args:
          catalogue: [num_artists, dim] float32 of all artists.
          embedding: [batch, dim] float32 of those who are asked for.
          count: [] int32 of artists in an answer.
          left_out: [batch, n] int64 rows, negative ones say nothing.
          passes: [num_artists] bool, who may be in an answer; all by default.
          shortlist: [] int32 of artists with the nearest vectors that `exact` scores; at least
            count.
          exact: [batch, shortlist] int64 rows, and their dot products -> their scores, float32.
        """
        # The other way round, TensorFlow lays the whole catalogue out anew for each product.
        score = tf.transpose(tf.matmul(catalogue, embedding, transpose_b=True))
        if passes is not None:
            score = tf.where(passes, score, _LEFT_OUT)
        place = tf.where(left_out >= 0)  # [num_left_out, 2]: batch, column
        pair = tf.stack([place[:, 0], tf.gather_nd(left_out, place)], axis=1)
        score = tf.tensor_scatter_nd_update(
            score, pair, tf.fill([tf.shape(pair)[0]], tf.constant(_LEFT_OUT))
        )
        near, found = nearest_rows(
            catalogue,
            self._candidates.longest,
            embedding,
            score,
            count if shortlist is None else shortlist,
        )
        if exact is None:
            return near, found
        again = exact(tf.cast(found, tf.int64), near)
        best, column = tf.math.top_k(tf.where(near > _LEFT_OUT, again, _LEFT_OUT), count)
        return best, tf.gather(found, column, batch_dims=1)

    def _shown(self, known: tf.Tensor, best: tf.Tensor, found: tf.Tensor) -> dict[str, tf.Tensor]:
        """similar_id, name and score, [batch, count] each, "" and 0 where nobody is left.

        Args:
          known: [batch] bool; the answer to the others is empty.
          best: [batch, count] float32.
          found: [batch, count] int32 rows.
        """
        candidates = self._candidates
        shown = known[:, None] & (best > _LEFT_OUT)
        return {
            "similar_id": tf.where(shown, tf.gather(candidates.artist_id, found), ""),
            "name": tf.where(shown, tf.gather(candidates.artist_name, found), ""),
            "score": tf.where(shown, best, 0.0),
        }

    def _filters(
        self,
        modality: tf.Tensor,
        min_popularity: tf.Tensor,
        exclude_id: tf.Tensor,
        num_asked: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Who passes, [num_artists] bool; and the rows that are excluded, [batch, n] int64."""
        candidates = self._candidates
        names = tf.constant(list(candidates.modalities), tf.string, [len(candidates.modalities)])
        equal = tf.equal(modality[:, None], names)  # [m, num_modalities]
        checks = [
            _no_unknown(
                tf.boolean_mask(modality, ~tf.reduce_any(equal, axis=1) & (modality != "")),
                candidates.modalities,
            ),
            _require(
                ~tf.math.is_nan(min_popularity), "min_popularity is NaN; give a number, or 0."
            ),
            _require(
                tf.equal(tf.shape(exclude_id)[0], num_asked),
                'exclude_id must have a row for each artist that is asked for, [""] for none.',
            ),
        ]
        with tf.control_dependencies(checks):
            wanted = tf.reduce_any(equal, axis=0)  # [num_modalities]
            has_content = tf.reduce_all(candidates.present | ~wanted, axis=1)
            # NaN, an unknown popularity, is never as large.
            popular = (min_popularity <= 0.0) | (candidates.popularity >= min_popularity)
            return has_content & popular, candidates.row.lookup(exclude_id)


def _no_unknown(unknown: tf.Tensor, modalities: Sequence[str]) -> tf.Operation:
    """Refuses unknown modalities, [num_unknown] string, naming the first and those there are."""
    first = tf.strings.unicode_transcode(
        tf.strings.reduce_join(unknown[:1]), "UTF-8", "UTF-8", replace_control_characters=True
    )
    quoted = tf.strings.substr(first, 0, _LONGEST_QUOTE, unit="UTF8_CHAR")
    # Without quotation marks, which an assertion would write with a backslash before.
    there_are = f"; it has: {', '.join(modalities)}." if modalities else "; it has none."
    return _require(
        tf.equal(tf.size(unknown), 0),
        tf.strings.join(["The model has no modality ", quoted, there_are]),
    )


def _require(condition: tf.Tensor, sentence: str | tf.Tensor) -> tf.Operation:
    """An assertion in the graph; every server answers INVALID_ARGUMENT with the sentence."""
    return tf.debugging.Assert(condition, [sentence])
