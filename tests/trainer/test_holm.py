"""Holm's correction: by hand, against the procedure as it is told, and what it always does."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.ranking.holm import holm


def rejected(p_values: list[float], level: float) -> set[int]:
    """The step-down procedure in Holm's own words: stop at the first that is not rejected."""
    found: set[int] = set()
    for place in sorted(range(len(p_values)), key=lambda i: p_values[i]):
        if p_values[place] > level / (len(p_values) - len(found)):
            break
        found.add(place)
    return found


def test_worked_by_hand():
    # Ordered 0.01, 0.02, 0.03, 0.04: 4 * 0.01, 3 * 0.02, then 2 * 0.03 and 1 * 0.04 are no less.
    np.testing.assert_allclose(holm(np.array([0.02, 0.01, 0.04, 0.03])), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm(np.array([0.6, 0.7])), [1, 1])
    np.testing.assert_allclose(holm(np.array([0.05])), [0.05])
    assert len(holm(np.zeros(0))) == 0


# Whole thousandths, and a level between them, so that rounding decides nothing.
P_VALUES = st.lists(st.integers(0, 1000).map(lambda n: n / 1000), max_size=12)


@given(P_VALUES, st.integers(1, 300))
def test_it_rejects_what_the_procedure_rejects(p_values, level):
    level = (level + 0.0371) / 1000
    adjusted = holm(np.array(p_values))
    assert set(np.flatnonzero(adjusted <= level)) == rejected(p_values, level)


@given(P_VALUES, st.randoms())
def test_it_keeps_order_and_lies_between_one_test_and_bonferroni(p_values, random):
    adjusted = holm(np.array(p_values))
    given_values = np.array(p_values)
    assert (adjusted >= given_values).all() and (adjusted <= 1).all()
    assert (adjusted <= np.minimum(1, len(p_values) * given_values + 1e-12)).all()
    assert (np.diff(adjusted[np.argsort(given_values, kind="stable")]) >= 0).all()
    order = random.sample(range(len(p_values)), len(p_values))
    np.testing.assert_array_equal(holm(given_values[order]), adjusted[order])
