"""The strongest neighbours are kept in bounded memory, however a runner bundles them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from components.catalogue_example_gen.edges import StrongestNeighbors

neighbor_lists = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=4), st.sampled_from([0.5, 1.0, 2.0]), max_size=40
).map(lambda weights: list(weights.items()))


def combined(combiner, bundles):
    accumulators = []
    for bundle in bundles:
        accumulator = combiner.create_accumulator()
        for neighbor in bundle:
            accumulator = combiner.add_input(accumulator, neighbor)
            assert len(accumulator[1]) < 2 * combiner._cap
        accumulators.append(accumulator)
    merged = combiner.merge_accumulators(accumulators)
    assert len(merged[1]) < 2 * combiner._cap
    return combiner.extract_output(merged)


@given(st.data(), neighbor_lists, st.integers(1, 8))
def test_order_and_bundles_change_nothing(data, neighbors, cap):
    expected = combined(StrongestNeighbors(cap), [neighbors])
    shuffled = data.draw(st.permutations(neighbors))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(neighbors)), max_size=5)))
    ends = [0, *cuts, len(neighbors)]
    bundles = [shuffled[start:end] for start, end in zip(ends, ends[1:], strict=False)]
    assert combined(StrongestNeighbors(cap), bundles) == expected


@given(neighbor_lists, st.integers(1, 8))
def test_the_strongest_are_kept_and_the_rest_counted(neighbors, cap):
    cut, kept = combined(StrongestNeighbors(cap), [neighbors])
    assert cut == max(0, len(neighbors) - cap)
    weights = [weight for _, weight in kept]
    assert weights == sorted((weight for _, weight in neighbors), reverse=True)[:cap]
    assert set(kept) <= set(neighbors)


def test_no_neighbor_at_all():
    combiner = StrongestNeighbors(3)
    assert combiner.extract_output(combiner.create_accumulator()) == (0, ())


def test_a_cut_among_equals_takes_no_alphabets_side():
    neighbors = [(f"{place:03}", 1.0) for place in range(200)]
    _, kept = combined(StrongestNeighbors(100), [neighbors])
    first_half = sum(name < "100" for name, _ in kept)
    assert 30 < first_half < 70
