"""The two joins of edges against a reference that looks at all rows for each pair."""

from __future__ import annotations

import collections

import apache_beam as beam
from hypothesis import given
from hypothesis import strategies as st

from components.catalogue_example_gen.edges import HIDDEN, KEPT, KIND, JoinFirst, JoinSecond
from components.catalogue_example_gen.packed import pack
from components.catalogue_example_gen.rows import REJECTS, Edge
from trainer.graph import SPLITS

IDS = "abcde"
ends = st.lists(st.sampled_from(IDS), min_size=2, max_size=2, unique=True)
tables = st.lists(st.tuples(ends, st.sampled_from([1.0, 2.0])), max_size=14).map(
    lambda found: [Edge("e.csv", n + 1, *pair, weight) for n, (pair, weight) in enumerate(found)]
)
split_tables = st.dictionaries(st.sampled_from(IDS), st.sampled_from(SPLITS))


def outputs(do_fn, grouped):
    """{tag: elements} of one bundle; the main output's tag is None."""
    found = collections.defaultdict(list)
    do_fn.start_bundle()
    yielded = [one for element in grouped.items() for one in do_fn.process(element)]
    for one in [*yielded, *(do_fn.finish_bundle() or ())]:
        tag, value = (
            (one.tag, one.value) if isinstance(one, beam.pvalue.TaggedOutput) else (None, one)
        )
        found[tag].append(getattr(value, "value", value))
    return found


def joined(edges, splits, directed, order):
    """What both steps make of the rows, which reach them in some order."""
    marks = [(artist, bytes([SPLITS.index(split)])) for artist, split in splits.items()]

    def grouped(records):
        found = collections.defaultdict(list)
        for key, record in order(marks + records):
            found[key].append(record)
        return found

    rows = [(min(edge.source, edge.target), pack((tuple(edge),))) for edge in edges]
    first = outputs(JoinFirst(directed), grouped(rows))
    second = outputs(JoinSecond(), grouped(first[None]))
    second[REJECTS] += first[REJECTS]
    return second


def expected(edges, splits, directed):
    found = collections.defaultdict(list)
    kinds, num_kept = collections.Counter(), 0
    by_pair = collections.defaultdict(list)
    for edge in edges:
        by_pair[tuple(sorted((edge.source, edge.target)))].append(edge)
    for (first, second), rows in by_pair.items():
        kept = []
        for edge in rows:
            same = [one for one in rows if not directed or one.source == edge.source]
            if len({one.weight for one in same}) > 1:
                found[REJECTS].append((edge.row, "contradicting edge"))
            elif edge != same[0]:
                found[REJECTS].append((edge.row, "duplicate edge"))
            elif first not in splits or second not in splits:
                found[REJECTS].append((edge.row, "dangling edge"))
            else:
                kept.append(edge)
        if not kept:
            continue
        num_kept += len(kept)
        kinds["-".join(sorted((splits[first], splits[second]), key=SPLITS.index))] += 1
        weight = max(edge.weight for edge in kept)
        for artist, other in ((first, second), (second, first)):
            if splits[other] == "train":
                found[None].append((artist, (other, weight)))
            elif splits[artist] == splits[other]:
                found[HIDDEN].append((splits[artist], (artist, (other, weight))))
    found[KIND] = list(kinds.items())
    found[KEPT] = [("edges", num_kept)] if num_kept else []
    return found


@given(tables, split_tables, st.booleans(), st.randoms(use_true_random=False))
def test_each_row_is_used_or_rejected_as_by_the_reference(edges, splits, directed, random):
    def shuffled(records):
        return random.sample(records, len(records))

    found, wanted = joined(edges, splits, directed, shuffled), expected(edges, splits, directed)
    for tag in (None, HIDDEN, KIND, KEPT):
        assert sorted(found[tag]) == sorted(wanted[tag])
    rejects = [(reject.row, reject.kind) for reject in found[REJECTS]]
    assert sorted(rejects) == sorted(wanted[REJECTS])


def test_a_row_of_two_unknown_artists_is_rejected_once():
    found = joined([Edge("e.csv", 7, "z", "b", 1.0)], {}, False, list)
    (reject,) = found[REJECTS]
    assert (reject.key, reject.reason) == ("z - b", "dangling edge: no artist 'b'")
