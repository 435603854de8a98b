"""Training rows of random plays, without what a test of the builder has to import."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from components.catalogue_example_gen.listening import TrainingRow
from trainer.listener_factors import texts


def random_rows(
    num_artists: int, num_listeners: int, density: float
) -> tuple[list[TrainingRow], np.ndarray]:
    """Rows of artists, a share of whose listeners played each; and the listeners' ids."""
    plays = sp.random(
        num_artists, num_listeners, density, "csr", random_state=np.random.default_rng(8)
    )
    rows = [
        TrainingRow(
            f"artist {row:04d}",
            plays[[row]].indices.astype(np.int32).tobytes(),
            (1 + 50 * plays[[row]].data).tobytes(),
        )
        for row in range(num_artists)
    ]
    return rows, texts(f"listener {place:04d}" for place in range(num_listeners))
