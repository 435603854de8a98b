"""Whether all that came in is accounted for: no runner's word is taken for it.

Beam's direct runner with worker processes has lost records on the way between two steps, without
an error (docs/decisions/0024). So what goes into a step that joins is counted, and so is what comes
out and what is in the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from components.catalogue_example_gen.rows import ARTISTS
from components.catalogue_example_gen.written_examples import (
    ARTISTS_SUFFIX,
    HIDDEN_PREFIX,
    JUDGED,
    NEIGHBORS,
)
from trainer.graph import SPLITS, TRAIN

_TRAIN: Final = SPLITS[TRAIN]


class LostRecordsError(RuntimeError):
    """Records are missing, or there are too many; the examples are of no use."""


def check_conserved(summary: Mapping[str, Any]) -> None:
    """Raises LostRecordsError unless the counts of a summary agree.

    - Of each table, the rows that were read are those kept and those rejected.
    - Each artist that is kept has a split, and an ego graph in that split's files.
    - An edge between two training artists is listed by both, one between a training artist and
      another by the other one; or else it was cut.
    - An edge inside val or test is in the hidden edges of both, whose records are in the files.

    Args:
      summary: of the graph builder.
    """
    _compare(_counts(summary))


def check_sampled(
    sampled: Mapping[str, int], summary: Mapping[str, Any], splits: Iterable[str]
) -> None:
    """Raises LostRecordsError unless each artist of the splits that are sampled has a subgraph.

    Args:
      sampled: by split, how many subgraphs are in its files.
      summary: of the graph builder.
      splits: that are sampled.
    """
    _compare(
        (f"subgraphs of {split}", summary["artists"].get(split, 0), sampled.get(split, 0))
        for split in splits
    )


def _compare(counts: Iterable[tuple[str, int, int]]) -> None:
    for what, expected, found in counts:
        if expected != found:
            raise LostRecordsError(
                f"{what}: {expected:,} were expected and {found:,} found; Beam lost records, or "
                "doubled some, between two steps of the graph builder, and nothing of this is used"
            )


def _counts(summary: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """What is counted, how many there should be, how many there are."""
    kept, artists, edges = summary["kept"], summary["artists"], summary["edges"]
    listed, written = summary["listed"], summary["written"]
    for table, num_read in summary["read"].items():
        rejected = sum(summary["rejected"].get(table, {}).values())
        yield f"{table}, rows kept or rejected", num_read, kept.get(table, 0) + rejected
    yield "artists in all splits", kept.get(ARTISTS, 0), sum(artists.values())
    for split in SPLITS:
        yield f"ego graphs in {split}", artists.get(split, 0), written.get(split, 0)
    seen = 2 * edges.get(f"{_TRAIN}-{_TRAIN}", 0)
    seen += sum(edges.get(f"{_TRAIN}-{split}", 0) for split in JUDGED)
    found = listed.get(NEIGHBORS, 0) + summary["cut"].get(NEIGHBORS, 0)
    yield "neighbours listed or cut", seen, found
    for split in JUDGED:
        name, inside = HIDDEN_PREFIX + split, 2 * edges.get(f"{split}-{split}", 0)
        yield f"hidden edges of {split}", inside, listed.get(name, 0)
        artists_listing = listed.get(name + ARTISTS_SUFFIX, 0)
        yield f"artists with hidden edges in {split}", artists_listing, written.get(name, 0)
