"""The learning rate's way up and down."""

import numpy as np

from trainer.training import WarmupCosine


def rates(schedule, steps):
    return [float(schedule(step)) for step in steps]


def test_it_rises_linearly_and_falls_as_a_cosine():
    schedule = WarmupCosine(0.8, warmup_steps=4, total_steps=12)
    np.testing.assert_allclose(rates(schedule, range(4)), [0.2, 0.4, 0.6, 0.8], rtol=1e-6)
    # Eight steps of decay: at a quarter (1 + cos 45 deg) / 2, half-way one half, at the end zero.
    np.testing.assert_allclose(
        rates(schedule, [4, 6, 8, 12, 50]), [0.8, 0.8 * (2 + 2**0.5) / 4, 0.4, 0, 0], atol=1e-6
    )


def test_without_warm_up_it_starts_at_the_peak():
    assert rates(WarmupCosine(0.5, 0, 10), [0, 1]) == [0.5, 0.5]


def test_warm_up_may_take_the_whole_training():
    np.testing.assert_allclose(rates(WarmupCosine(1.0, 4, 4), range(4)), [0.25, 0.5, 0.75, 1])


def test_its_configuration_makes_it_again():
    schedule = WarmupCosine(0.8, 4, 12)
    again = WarmupCosine.from_config(schedule.get_config())
    assert rates(again, range(12)) == rates(schedule, range(12))
