"""Plays: listeners at home in a community, who listen around it by taste and by fame."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from catalogues.synthetic.world import TASTE_DIM, World

_ARTISTS_A_LISTENER: Final = 8
"""One listener for so many artists."""

_LARGEST_NUM_PLAYED: Final = 120
_MEDIAN_NUM_PLAYED: Final = 30.0


def sample_plays(world: World, place: int) -> dict[str, Any]:
    """The plays of a community's listeners, who also hear artists of its partners.

    Args:
        world: the world.
        place: which community.

    Returns:
        Columns `listener_id`, `artist_id` (ids) and `plays` (at least 1); no pair twice.
    """
    home = world.community(place)
    stream = world.stream("plays", place)
    around = [home, *(world.community(partner) for partner in world.partners(place))]
    ids = np.concatenate([community.ids for community in around])
    taste = np.concatenate([community.taste for community in around]).astype(np.float64)
    fame = np.concatenate([community.fame for community in around])
    num_listeners = max(1, home.size // _ARTISTS_A_LISTENER)
    models = stream.integers(home.size, size=num_listeners)
    listeners = home.taste[models] + 0.5 / np.sqrt(TASTE_DIM) * stream.standard_normal(
        (num_listeners, TASTE_DIM)
    )
    listeners /= np.linalg.norm(listeners, axis=1, keepdims=True)
    liking = 5.0 * (listeners @ taste.T) + 1.0 * fame[None, :]
    # The largest of Gumbel-disturbed logits are a draw without replacement.
    appeal = liking + stream.gumbel(size=liking.shape)
    most = min(_LARGEST_NUM_PLAYED, len(ids))
    heard = np.argpartition(-appeal, most - 1, axis=1)[:, :most]
    heard = np.take_along_axis(
        heard, np.argsort(-np.take_along_axis(appeal, heard, 1), axis=1, kind="stable"), 1
    )
    num_played = np.clip(
        np.rint(_MEDIAN_NUM_PLAYED * np.exp(0.6 * stream.standard_normal(num_listeners))), 1, most
    )
    rows, ranks = np.nonzero(np.arange(most)[None, :] < num_played[:, None])
    plays = np.exp(5.0 - 0.03 * ranks + 1.0 * stream.standard_normal(len(rows)))
    names = np.array(
        [f"listener-{place:06d}-{number:03d}" for number in range(num_listeners)], dtype=object
    )
    return {
        "listener_id": names[rows],
        "artist_id": ids[heard[rows, ranks]],
        "plays": 1 + np.floor(plays).astype(np.int64),
    }
