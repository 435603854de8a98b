"""From an artist's raw content to the features that a network reads.

Words become numbers in one of three ways (FeatureConfig.words):
  bag      log(1 + weight) of each word of the vocabulary, l2-normalised;
  ppmi     what each says beyond how common it is, max(0, log((c_il / c_i) / p(l))), c_i over the
           vocabulary, p(l) of the training artists;
  factors  the same, times the right singular vectors V_d of the training artists' matrix (003,
           section 2.2).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import tensorflow as tf

from catalogues.errors import InputError, nearest
from catalogues.spec import LISTENING
from trainer.config import AUTO, BAG, FACTORS, RANDOM, FeatureConfig
from trainer.graph import ArtistGraph, CategoryContent, VectorContent

_GOLDEN_GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
# A sum of such weights is still a number in 32 bits.
_LARGEST_WEIGHT: Final = 1e30


RawContent = Mapping[str, tf.Tensor]
"""By name: '<vector>' [batch, dim] float32 and '<vector>_present' [batch] int64; '<categories>' and
'<categories>_weight', [batch, (words)] ragged string and float32; 'id' [batch] string."""


class FeatureColumns(NamedTuple):
    """Where a modality stands among the features.

    Attributes:
      name: of the modality; RANDOM for the random vectors.
      start: its first column.
      width: the number of its columns, without the flag; they are zeros where it is missing.
      flag: the column that is 1 where the artist has the modality and 0 where it has not; None for
        the random vectors, which every artist has.
    """

    name: str
    start: int
    width: int
    flag: int | None


class ContentEncoder(tf.Module):
    """x_v: each modality's numbers, standardised (and reduced where principal components were
    fitted), or its words, side by side, each with a flag that tells a missing modality from a zero.

    Args:
      config: which modalities, and how words become numbers; 'auto' is 'bag', unless a system says
        otherwise before (TrainerConfig.content).
      statistics: `content.json` of the examples, with the matrices of `content.npz`: see
        `trainer.loading.read_content_statistics`.
      random: whether random vectors are features too; without, 'random' alone leaves none.

    Raises:
      InputError: a modality that the catalogue does not have; or words are wanted as the examples,
        which an older version built, do not say.
    """

    def __init__(self, config: FeatureConfig, statistics: Mapping[str, Any], random: bool = True):
        super().__init__(name="content_encoder")
        self._config = config
        self._how = BAG if config.words == AUTO else config.words
        known = {entry["name"]: entry for entry in statistics["modalities"]}
        self._modalities: list[dict[str, Any]] = []
        self.uses_random = random and (
            RANDOM in config.modalities or not (config.modalities or known)
        )
        for name in config.modalities or known:
            if name != RANDOM:
                if name not in known:
                    raise InputError(
                        f"trainer.features: the catalogue has no modality '{name}'"
                        f"{nearest(name, [*known, RANDOM])}; it has {', '.join(known) or 'none'}."
                    )
                self._modalities.append(known[name])
        for entry in self._modalities:
            if entry["kind"] == "categories" and self._word_matrices() - entry.keys():
                raise InputError(
                    f"trainer.features.words: '{self._how}' needs the word statistics of "
                    f"'{entry['name']}', which these examples lack; build them again."
                )
        self._tables = {
            entry["name"]: tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(
                    # A table cannot be empty; a vocabulary is, where no training artist has a word.
                    tf.constant(entry["vocabulary"] or [""], tf.string),
                    tf.constant([*range(len(entry["vocabulary"]))] or [-1], tf.int64),
                ),
                default_value=-1,
            )
            for entry in self._modalities
            if entry["kind"] == "categories"
        }

    @property
    def modalities(self) -> Sequence[Mapping[str, Any]]:
        """The entries of `content.json` that are read, in their order."""
        return tuple(self._modalities)

    @property
    def layout(self) -> tuple[FeatureColumns, ...]:
        """Which columns of what `__call__` returns are whose, in their order."""
        found, start = [], 0
        for entry in self._modalities:
            width = self._width(entry)
            found.append(FeatureColumns(entry["name"], start, width, start + width))
            start += width + 1
        if self.uses_random:
            found.append(FeatureColumns(RANDOM, start, self._config.random_dim, None))
        return tuple(found)

    @property
    def num_features(self) -> int:
        """Width of what `__call__` returns."""
        return sum(part.width + (part.flag is not None) for part in self.layout)

    @property
    def column_names(self) -> list[str]:
        """What each column of what `__call__` returns is about; equal names mean equal things.

        A word is itself in every catalogue, and a number of a vector its place. What the builder
        learnt anew (principal components, factors of words, listening vectors) means the same only
        where it learnt the same: a digest of that is part of the name.
        """
        found: list[str] = []
        for entry in self._modalities:
            name, learnt = entry["name"], self._learnt(entry)
            about: Sequence[Any] = range(self._width(entry))
            if entry["kind"] != "vector" and not learnt:
                about = entry["vocabulary"]
            found += [json.dumps([name, self._how, learnt, one]) for one in about]
            found.append(json.dumps([name]))
        if self.uses_random:
            found += [json.dumps([RANDOM, place]) for place in range(self._config.random_dim)]
        return found

    def _learnt(self, entry: Mapping[str, Any]) -> str:
        """A digest of what a modality's columns are by, '' where they are the content itself."""
        if entry["kind"] != "vector":
            matrices = [entry["factors"]] if self._how == FACTORS else []
        elif "components" in entry:
            matrices = [entry["components"], entry["mean"], entry["deviation"]]
        else:
            # Of the factorisation itself nothing is here; another has another mean.
            matrices = [entry["mean"], entry["deviation"]] if entry["name"] == LISTENING else []
        if not matrices:
            return ""
        parts = [np.asarray(matrix, np.float32).tobytes() for matrix in matrices]
        return hashlib.sha256(b"".join(parts)).hexdigest()[:16]

    def _word_matrices(self) -> set[str]:
        """What an entry must have for words to become numbers as configured."""
        if self._how == BAG:
            return set()
        return {"log_share", "factors"} if self._how == FACTORS else {"log_share"}

    def _width(self, entry: Mapping[str, Any]) -> int:
        if entry["kind"] == "vector":
            return len(entry["components"]) if "components" in entry else entry["dim"]
        if self._how == FACTORS:
            return entry["factors"].shape[1]
        return len(entry["vocabulary"])

    def __call__(self, raw: RawContent) -> tf.Tensor:
        """Encodes a batch of artists.

        Args:
          raw: the content; 'id' is needed for random vectors, and where nothing is read.

        Returns:
          [batch, num_features] float32.
        """
        parts = []
        for entry in self._modalities:
            encode = self._vector if entry["kind"] == "vector" else self._words
            parts += encode(entry, raw)
        if self.uses_random:
            parts.append(random_vectors(raw["id"], self._config.random_dim, self._config.seed))
        return tf.concat(parts, axis=1) if parts else tf.zeros([tf.size(raw["id"]), 0])

    def _vector(self, entry: Mapping[str, Any], raw: RawContent) -> list[tf.Tensor]:
        present = raw[f"{entry['name']}_present"][:, tf.newaxis] > 0
        mean = tf.constant(entry["mean"], tf.float32)
        deviation = tf.constant(entry["deviation"], tf.float32)
        # Not a product with the flag: a client may send NaN for what it does not know.
        numbers = tf.where(present, (raw[entry["name"]] - mean) / deviation, 0.0)
        if "components" in entry:
            numbers = tf.matmul(numbers, tf.constant(entry["components"]), transpose_b=True)
        return [numbers, tf.cast(present, tf.float32)]

    def _words(self, entry: Mapping[str, Any], raw: RawContent) -> list[tf.Tensor]:
        words, weights = raw[entry["name"]], raw[f"{entry['name']}_weight"]
        column = self._tables[entry["name"]].lookup(words.flat_values)
        known = column >= 0
        weight = tf.clip_by_value(weights.flat_values, 0.0, _LARGEST_WEIGHT)
        bag = tf.scatter_nd(
            tf.boolean_mask(tf.stack([words.value_rowids(), column], axis=1), known),
            tf.boolean_mask(tf.math.log1p(weight) if self._how == BAG else weight, known),
            tf.stack([words.nrows(), tf.constant(len(entry["vocabulary"]), tf.int64)]),
        )
        present = tf.cast(words.row_lengths() > 0, tf.float32)[:, tf.newaxis]
        if self._how == BAG:
            return [tf.math.l2_normalize(bag, axis=1), present]
        numbers = positive_pmi(bag, entry["log_share"])
        if self._how == FACTORS:
            numbers = tf.matmul(numbers, tf.constant(entry["factors"]))
        return [numbers, present]


def positive_pmi(bags: tf.Tensor, log_share: np.ndarray) -> tf.Tensor:
    """How much more an artist has of each word than artists have on the whole.

    Args:
      bags: [batch, num_words] float32, weights of words, zero or more.
      log_share: [num_words] float32, log of each word's share of all weights.

    Returns:
      [batch, num_words] float32, max(0, log(share / p)); zeros for words that are not there.
    """
    # By the largest first, so that no sum of large weights is infinite, of small ones zero.
    relative = tf.math.divide_no_nan(bags, tf.reduce_max(bags, axis=1, keepdims=True))
    share = tf.math.divide_no_nan(relative, tf.reduce_sum(relative, axis=1, keepdims=True))
    there = share > 0
    information = tf.math.log(tf.where(there, share, 1.0)) - tf.constant(log_share, tf.float32)
    return tf.where(there, tf.maximum(information, 0.0), 0.0)


def random_vectors(artist_id: tf.Tensor, dim: int, seed: int) -> tf.Tensor:
    """Uniform random vectors of mean 0 and variance 1 that an id always gets again.

    SplitMix64 over a fingerprint of the id, so that neither the order nor the number of the artists
    matters and a new artist has one too.

    Args:
      artist_id: [batch] string.
      dim: width.
      seed: another seed gives other vectors.

    Returns:
      [batch, dim] float32.
    """
    fingerprint = tf.fingerprint(artist_id, method="farmhash64")
    state = tf.bitcast(fingerprint, tf.uint64)[:, tf.newaxis]
    start = np.uint64((seed * 0x2545F4914F6CDD1D + 1) % 2**64)
    with np.errstate(over="ignore"):
        steps = (np.arange(1, dim + 1, dtype=np.uint64) * _GOLDEN_GAMMA) ^ start
    mixed = state + tf.constant(steps)[tf.newaxis, :]
    for shift, factor in ((30, _MIX_1), (27, _MIX_2)):
        mixed = tf.bitwise.bitwise_xor(mixed, _shifted(mixed, shift)) * tf.constant(factor)
    mixed = tf.bitwise.bitwise_xor(mixed, _shifted(mixed, 31))
    # The upper 24 bits are what a float32 holds exactly.
    unit = tf.cast(tf.cast(_shifted(mixed, 40), tf.int64), tf.float32) * (2.0**-24)
    return (unit - 0.5) * np.float32(np.sqrt(12.0))


def raw_content(graph: ArtistGraph, rows: np.ndarray | None = None) -> dict[str, tf.Tensor]:
    """The graph's content as `ContentEncoder` takes it, for all artists or some rows."""
    raw: dict[str, Any] = {"id": tf.constant(graph.artist_id.astype(str))}
    for name, content in graph.content.items():
        if isinstance(content, VectorContent):
            raw[name] = tf.constant(content.values)
            raw[f"{name}_present"] = tf.constant(content.present.astype(np.int64))
        elif isinstance(content, CategoryContent):
            raw[name] = tf.RaggedTensor.from_row_splits(
                tf.constant(content.words.tolist(), tf.string), content.offsets
            )
            raw[f"{name}_weight"] = tf.RaggedTensor.from_row_splits(
                tf.constant(content.weights, tf.float32), content.offsets
            )
    return raw if rows is None else {name: tf.gather(value, rows) for name, value in raw.items()}


def _shifted(value: tf.Tensor, bits: int) -> tf.Tensor:
    return tf.bitwise.right_shift(value, tf.constant(bits, tf.uint64))
