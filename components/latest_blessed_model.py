"""Resolves the model that a new one is compared with."""

from __future__ import annotations

from typing import Final

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver

from components.served_versions import ServedVersions

BLESSED: Final = "blessed"
CURRENT_MODEL_ID: Final = "current_model_id"


class LatestBlessedOtherModelStrategy(resolver.ResolverStrategy):
    """The latest blessed model that is not the model at hand.

    TFX's own strategy would return a model that was blessed a moment ago as its own predecessor
    when nothing has changed, and so have an unchanged run judge and push it again.
    Inputs: `model` and `model_blessing`, all that there are; `current_model`, the one at hand.

    Args:
      serving_root: the push destination; a model whose newest version was taken back from it does
        not count.
    """

    def __init__(self, serving_root: str):
        self._served = ServedVersions(serving_root)

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: dict[str, list[types.Artifact]]
    ) -> dict[str, list[types.Artifact]]:
        """Returns at most one model with its blessing, under the same keys."""
        current = {model.id for model in input_dict["current_model"]}
        blessings = {
            blessing.get_int_custom_property(CURRENT_MODEL_ID): blessing
            for blessing in sorted(input_dict["model_blessing"], key=lambda artifact: artifact.id)
            if blessing.get_int_custom_property(BLESSED) == 1
        }
        gone = self._taken_back()
        models = {model.id: model for model in input_dict["model"] if model.uri not in gone}
        # A model that is trained again is an older artifact with a newer blessing: the blessing
        # tells which one was pushed last.
        candidates = [
            (blessing.id, model_id)
            for model_id, blessing in blessings.items()
            if model_id in models and model_id not in current
        ]
        if not candidates:
            return {key: [] for key in input_dict}
        _, latest = max(candidates)
        return {
            "model": [models[latest]],
            "model_blessing": [blessings[latest]],
            "current_model": input_dict["current_model"],
        }

    def _taken_back(self) -> set[str]:
        """URIs of the models whose newest version was taken back."""
        pushes = self._served.entries()
        newest = {push.model: version for version, push in sorted(pushes.items())}
        gone = self._served.taken_back()
        return {model for model, version in newest.items() if version in gone}
