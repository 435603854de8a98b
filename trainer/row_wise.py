"""What a model says of itself: which signatures may answer the rows of several requests as one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Final

import tensorflow as tf

ROW_WISE: Final[Mapping[str, Sequence[str]]] = {
    "serving_default": ("artist_id",),
    "similar": ("artist_id",),
    "similar_filtered": ("artist_id", "exclude_id"),
    "nearest": ("embedding", "exclude_id"),
}
"""Signatures by name, with their inputs that have a row for each of the outputs' rows.

The bits of a row of their outputs depend on nothing but that row of these inputs, and the other
inputs. Not so `embed_new`: the dense layers' products add in another order for more rows."""

_PATH: Final = ("assets.extra", "row_wise.json")


def write_row_wise(path: str) -> None:
    """Adds ROW_WISE to a SavedModel, as JSON; servers that do not know it do not see it.

    Args:
      path: of the SavedModel.
    """
    folder = os.path.join(path, _PATH[0])
    tf.io.gfile.makedirs(folder)
    with tf.io.gfile.GFile(os.path.join(folder, _PATH[1]), "w") as file:
        file.write(json.dumps(ROW_WISE, indent=2) + "\n")
