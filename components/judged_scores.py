"""The scores that a judgement comes down to, as the ledger and a run's summary have them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from components.retrieval_evaluator.metrics_file import METRICS_FILE, read_metrics

METRIC: Final = "ndcg@200"


def judged_scores(evaluation: str) -> dict[str, list[float]]:
    """nDCG@200 of the model in the judge's artifact.

    Args:
      evaluation: the folder of the ModelEvaluation.

    Returns:
      Condition -> [value, low, high], the ends of the 95% interval; without those that could not
      be measured. Empty where nothing was judged.
    """
    path = Path(evaluation, METRICS_FILE)
    return scores_of(read_metrics(path), "model") if path.exists() else {}


def scores_of(metrics: Mapping[str, Any], system: str) -> dict[str, list[float]]:
    """nDCG@200 of a system in `metrics.json`.

    Args:
      metrics: as `read_metrics` gives them.
      system: 'model' or 'blessed_model'.

    Returns:
      As `judged_scores`; empty where the system was not judged.
    """
    found = {}
    for condition, systems in metrics.get("scores", {}).items():
        entry = systems.get(system, {}).get(METRIC, {})
        values = [entry.get(name) for name in ("value", "low", "high")]
        if all(isinstance(value, (int, float)) and math.isfinite(value) for value in values):
            found[condition] = [float(value) for value in values]
    return found
