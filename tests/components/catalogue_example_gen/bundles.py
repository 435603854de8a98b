"""Runs a combiner over bundles as a runner would."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Sequence
from typing import Any

import apache_beam as beam


def combined(combiner: beam.CombineFn, inputs: Sequence[Any], cuts: Iterable[int] = ()) -> Any:
    """What a combiner makes of inputs that are cut into bundles at these places.

    Accumulators travel as bytes, and are merged two by two and then all at once.
    """
    ends = [0, *sorted(cuts), len(inputs)]
    parts = []
    for start, end in zip(ends, ends[1:], strict=False):
        part = combiner.create_accumulator()
        for one in inputs[start:end]:
            part = combiner.add_input(part, one)
        parts.append(pickle.loads(pickle.dumps(combiner.compact(part))))
    first = combiner.merge_accumulators(parts[:2])
    return combiner.extract_output(combiner.merge_accumulators([first, *parts[2:]]))
