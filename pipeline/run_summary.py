"""What became of a run, in a few plain values that a webhook can be posted."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from catalogues.errors import InputError
from components.judged_scores import METRIC, scores_of
from components.retrieval_evaluator.metrics_file import METRICS_FILE, read_metrics
from pipeline.home import PIPELINE_NAME
from pipeline.runs import Run

Outcome = Literal["pushed", "unchanged", "nothing_to_do", "refused", "taken_back", "failed"]
_WORDS: Final = {
    "pushed": "pushed version {version}",
    "unchanged": "nothing has changed",
    "nothing_to_do": "nothing to do",
    "refused": "not pushed",
    "taken_back": "pushed and taken back",
    "failed": "failed",
}
_FORMAT: Final = 1


@dataclasses.dataclass(frozen=True)
class RunSummary:
    """What became of a run.

    Attributes:
      pipeline: its name.
      run: the run's id or number.
      outcome: 'pushed'; 'unchanged', the cache answered all of it; 'nothing_to_do', it ended before
        training; 'refused' by the gate; 'taken_back', pushed, and then the smoke test failed;
        'failed' before.
      reason: one sentence.
      step: that failed, as the console or Kubeflow Pipelines calls it; None where none did.
      span: of the catalogue, None where it is not known.
      version: that was pushed and stayed, None otherwise.
      scores: nDCG@200 by 'model' and 'blessed_model', then by condition: [value, low, high].
        Empty where the run did not come so far.
      seconds: that it took, None where it is not known.
      start: where its training began and why, as `training {start}`; None where each begins anew,
        and where the step that ends the run does not know.
    """

    pipeline: str
    run: str
    outcome: Outcome
    reason: str
    step: str | None = None
    span: int | None = None
    version: int | None = None
    scores: Mapping[str, Mapping[str, list[float]]] = dataclasses.field(default_factory=dict)
    seconds: float | None = None
    start: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values; `text` is what Slack and Mattermost show."""
        told = dataclasses.asdict(self)
        if self.seconds is not None:
            told["seconds"] = round(self.seconds)
        return {"format": _FORMAT, "text": self.text(), **told}

    def text(self) -> str:
        """The summary in a line or two."""
        span = f", span {self.span}" if self.span is not None else ""
        what = _WORDS[self.outcome].format(version=self.version)
        if self.outcome == "failed" and self.step:
            what = f"failed in '{self.step}'"
        colon = ":" if self.outcome == "nothing_to_do" else "."
        lines = [f"{self.pipeline}, run {self.run}{span}: {what}{colon} {self.reason}"]
        for condition, (value, low, high) in self.scores.get("model", {}).items():
            line = f"{METRIC} {condition}: {value:.3f} [{low:.3f}, {high:.3f}]"
            before = self.scores.get("blessed_model", {}).get(condition)
            if before:
                line += f", before {before[0]:.3f} [{before[1]:.3f}, {before[2]:.3f}]"
            lines.append(line)
        if self.start:
            lines.append(f"training {self.start}")
        if self.seconds is not None:
            lines.append(f"took {self.seconds:.0f} s")
        return "\n".join(lines)


def judged(evaluation: Path | None) -> tuple[dict[str, dict[str, list[float]]], str]:
    """(scores, reason of the verdict) of the judge's artifact; empty where nothing was judged."""
    if evaluation is None or not (evaluation / METRICS_FILE).exists():
        return {}, ""
    metrics = read_metrics(evaluation / METRICS_FILE)
    scores = {name: scores_of(metrics, name) for name in ("model", "blessed_model")}
    verdict = json.loads((evaluation / "verdict.json").read_text(encoding="utf-8"))
    reason = f"{verdict['reason'].rstrip('.')}."
    return {name: found for name, found in scores.items() if found}, reason


def local_summary(
    run: Run, seconds: float, error: InputError | None, stage: str | None
) -> RunSummary:
    """The summary of a run on this machine.

    Args:
      run: as the metadata store has it.
      seconds: that it took.
      error: that ended it, None where it went well.
      stage: at which it ended, as people call it.
    """
    scores, reason = judged(run.evaluation)
    outcome: Outcome
    version = None
    if error is not None:
        outcome, reason = failure(error)
    elif run.ended_early:
        outcome, reason = "nothing_to_do", f"{run.reason}."
    elif not run.verdict().get("blessed") or not run.pushed:
        outcome = "refused"
    else:
        outcome = "unchanged" if run.states.get("LedgerPusher") == "CACHED" else "pushed"
        version = int(run.pushed.name) if run.pushed.exists() else None
    return RunSummary(
        pipeline=PIPELINE_NAME,
        run=str(run.number),
        outcome=outcome,
        reason=reason,
        step=stage,
        span=run.lineage.span,
        version=version,
        scores=scores,
        seconds=seconds,
        start=run.start,
    )


def failure(error: BaseException) -> tuple[Outcome, str]:
    """(outcome, sentence) of what ended a step."""
    from components.smoke_test.component import VersionTakenBack

    if isinstance(error, VersionTakenBack):
        return "taken_back", str(error)
    if isinstance(error, InputError):
        return "failed", str(error)
    lines = str(error).strip().splitlines() or [""]
    cause = lines[0].strip()[:300].rstrip(" .")
    return "failed", f"{type(error).__name__}{f': {cause}' if cause else ''}."
