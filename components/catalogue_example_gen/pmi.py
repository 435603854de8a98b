"""What words tell of an artist beyond how common they are: positive PMI, factorised.

With c_il the weight of word l with artist i, over the words of the vocabulary, and over training
artists alone,
  p(l) = sum_i c_il / sum_il c_il,  PPMI(i, l) = max(0, log((c_il / sum_l c_il) / p(l))),
and the factors are the right singular vectors V_d of the matrix of all PPMI rows. An artist's
vector is its row times V_d, so that a new artist has one by its own words alone. Item x label PPMI
with SVD is that of Oramas et al. 2017, which 003 (section 2.2) embeds tags by.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import apache_beam as beam
import numpy as np

from components.catalogue_example_gen.artists import WholeArtist
from components.catalogue_example_gen.eigenvectors import leading_eigenvectors

# Every float is a whole number of these, so that integers add floats up without any rounding.
_UNITS: Final = 1 << 1074
# An int64 holds sums below 2**63; one bit is for what rounding adds.
_SUM_BITS: Final = 62
_MOST_HALF_BITS: Final = 22


class WordRow(NamedTuple):
    """An artist's words of the vocabulary.

    Attributes:
      num_words: size of the vocabulary.
      columns: places in the vocabulary, each once.
      weights: of each, above zero.
    """

    num_words: int
    columns: tuple[int, ...]
    weights: tuple[float, ...]


class WordShares(NamedTuple):
    """How common words are.

    Attributes:
      num_artists: with a word of the vocabulary.
      log_share: [num_words] float64, log p(l).
    """

    num_artists: int
    log_share: np.ndarray


def positive_pmi(row: WordRow, log_share: np.ndarray) -> np.ndarray:
    """PPMI of a row's words, in its order: [len(columns)] float64."""
    weights = np.array(row.weights)
    return np.maximum(np.log(weights / weights.sum()) - log_share[list(row.columns)], 0.0)


class WordTotals(beam.CombineFn):
    """WordRows of one modality -> WordShares.

    Weights are added up as whole numbers, so that the order does not touch the last bit: half a
    vocabulary of equally strong directions has no other basis to be found again by. An accumulator
    is one number a word, 150 bytes.
    """

    def create_accumulator(self) -> tuple[int, list[int]]:
        """(artists, each word's weight in _UNITS)."""
        return 0, []

    def add_input(self, accumulator, row: WordRow):
        """Adds one artist."""
        num_artists, totals = accumulator
        totals = totals or [0] * row.num_words
        for column, weight in zip(row.columns, row.weights, strict=True):
            numerator, denominator = weight.as_integer_ratio()
            totals[column] += numerator * (_UNITS // denominator)
        return num_artists + 1, totals

    def merge_accumulators(self, accumulators: Iterable[tuple[int, list[int]]]):
        """Merges partial totals."""
        num_artists, totals = self.create_accumulator()
        for number, part in accumulators:
            num_artists += number
            if part:
                totals = totals or [0] * len(part)
                totals = [one + other for one, other in zip(totals, part, strict=True)]
        return num_artists, totals

    def extract_output(self, accumulator) -> WordShares:
        """Returns the shares; of whole numbers, so each division is rounded once."""
        num_artists, totals = accumulator
        total = sum(totals)
        return WordShares(num_artists, np.array([math.log(part / total) for part in totals]))


class Gram(beam.CombineFn):
    """(num_words, columns, scaled PPMI) of one modality -> sum of row^T row, [V, V] float64.

    Products are added up as int64 whole numbers, in any order the same to the bit. The memory of an
    accumulator is 8 V^2 bytes: 2 MB for 500 words, whatever the number of artists.
    """

    def create_accumulator(self) -> np.ndarray:
        """[0, 0] until the first row tells how many words there are."""
        return np.zeros((0, 0), np.int64)

    def add_input(self, accumulator: np.ndarray, row: tuple[int, np.ndarray, np.ndarray]):
        """Adds one artist."""
        num_words, columns, values = row
        if not len(accumulator):
            accumulator = np.zeros((num_words, num_words), np.int64)
        products = np.rint(np.outer(values, values)).astype(np.int64)
        accumulator[np.ix_(columns, columns)] += products
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[np.ndarray]) -> np.ndarray:
        """Merges partial sums."""
        total = self.create_accumulator()
        for part in accumulators:
            if len(part):
                total = total + part if len(total) else part
        return total

    def extract_output(self, accumulator: np.ndarray) -> np.ndarray:
        """Returns the sum; its unit is as the rows were scaled, which turns no eigenvector."""
        return accumulator.astype(np.float64)


def half_bits(shares: WordShares) -> int:
    """h, so that the Gram matrix of rows times 2^h has whole numbers that an int64 holds.

    No PPMI exceeds -log p of the rarest word. Up to a million artists products keep 2^-34 or finer.
    """
    largest = max(1.0, -float(shares.log_share.min()))
    return min(_MOST_HALF_BITS, int((_SUM_BITS - math.log2(shares.num_artists * largest**2)) // 2))


class FactorizedWords(beam.PTransform):
    """{'artists': training artists, 'statistics': one dictionary} -> ('<modality>.<name>', array).

    For each modality of words that a training artist has: `log_share` [V] float32, and `factors`
    [V, min(word_factors, rank)] float32, orthonormal columns, the strongest first.

    Args:
      word_factors: the most factors.
    """

    def __init__(self, word_factors: int):
        super().__init__("Word factors")
        self._word_factors = word_factors

    def expand(self, inputs):
        """Returns the named arrays."""
        vocabularies = inputs["statistics"] | "Vocabularies" >> beam.Map(_vocabularies)
        rows = inputs["artists"] | "Word rows" >> beam.FlatMap(
            _rows, beam.pvalue.AsSingleton(vocabularies)
        )
        shares = rows | "Word totals" >> beam.CombinePerKey(WordTotals())
        gram = (
            rows
            | "PPMI" >> beam.FlatMap(_scaled, beam.pvalue.AsDict(shares))
            | "Gram" >> beam.CombinePerKey(Gram())
        )
        return (
            {"shares": shares, "gram": gram}
            | "Shares and Gram" >> beam.CoGroupByKey()
            | "Factorise" >> beam.FlatMap(_factorised, self._word_factors)
        )


def _vocabularies(statistics: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {
        entry["name"]: {word: column for column, word in enumerate(entry["vocabulary"])}
        for entry in statistics["modalities"]
        if entry["kind"] == "categories"
    }


def _rows(keyed: tuple[str, WholeArtist], vocabularies: dict[str, dict[str, int]]) -> Iterator[Any]:
    for name, columns in vocabularies.items():
        value = keyed[1].content.get(name, ())
        known = [(columns[word], weight) for word, weight in value if word in columns]
        if known:
            yield name, WordRow(len(columns), *zip(*known, strict=True))


def _scaled(keyed: tuple[str, WordRow], shares: dict[str, WordShares]) -> Iterator[Any]:
    name, row = keyed
    values = positive_pmi(row, shares[name].log_share)
    yield name, (row.num_words, np.array(row.columns), np.ldexp(values, half_bits(shares[name])))


def _factorised(joined: tuple[str, dict[str, Any]], word_factors: int) -> Iterator[Any]:
    name, found = joined
    (shares,), (gram,) = found["shares"], found["gram"]
    yield f"{name}.log_share", shares.log_share.astype(np.float32)
    yield f"{name}.factors", leading_eigenvectors(gram, word_factors).astype(np.float32)
