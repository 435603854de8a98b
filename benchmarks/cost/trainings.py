"""Trainings of `gnn` and of PyTorch Geometric side by side: each a process, with what is kept."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.cost.numbers import short
from benchmarks.cost.records import Records, record_name
from benchmarks.cost.stages import FORMS
from benchmarks.cost.training import FIGURES, TRACED
from benchmarks.environments import own_environment
from benchmarks.processes import answer_of, module_answer

_HERE: Final = Path(__file__).parent
_PINS: Final = ("requirements-pyg.txt", "requirements-pyg-compiled.txt")
OLGA: Final = "OLGA"
_SCORED: Final = ("seconds", "cpu_seconds", "scores", "load", "process_seconds")
"""What is kept of a training that is scored."""


@dataclasses.dataclass(frozen=True)
class Trained:
    """A catalogue that is trained on.

    Attributes:
      name: OLGA, or a synthetic catalogue's number of artists.
      epochs: of a process that measures; the first, with whatever is made once, does not count.
      score_epochs: of a training that is scored.
    """

    name: str
    epochs: int
    score_epochs: int


def measure_trainings(
    catalogues: Sequence[tuple[Trained, Callable[[], Path]]],
    forms: Sequence[str],
    rounds: int,
    records: Records,
    folder: Path,
    tell: Callable[[str], None],
) -> None:
    """Trains each catalogue in each form, in turns, and keeps a record of each process.

    Args:
      catalogues: each with what makes its examples.
      forms: of FORMS.
      rounds: processes of each form and catalogue.
      records: keeps the records; what has one is not measured again.
      folder: keeps arrays and the other's environment.
      tell: told what is done.

    Raises:
      InputError: a process fails, or the other could not be installed.
    """
    for catalogue, examples in catalogues:
        for number in range(rounds):
            for form in forms:
                name = record_name("training", catalogue.name, form, number)
                what = "training" if form == TRACED else "others"
                if records.has(name, what):
                    continue
                record = _trained(form, examples(), catalogue.epochs, folder, tell)
                records.keep(name, what, record)
                spent = statistics.median(counted(record)["seconds"])
                tell(f"{form}, {catalogue.name}, round {number + 1}: {short(spent)} s an epoch")


def measure_scores(
    catalogues: Sequence[tuple[Trained, Callable[[], Path]]],
    forms: Sequence[str],
    records: Records,
    folder: Path,
    tell: Callable[[str], None],
) -> None:
    """Trains each catalogue in each form once, and scores it after each epoch; arguments as above.

    Args:
      catalogues: as above.
      forms: of FORMS.
      records: as above.
      folder: as above.
      tell: as above.
    """
    for catalogue, examples in catalogues:
        for form in forms:
            name = record_name("score", catalogue.name, form, 0)
            what = "score" if form == TRACED else "others"
            if records.has(name, what):
                continue
            record = _trained(form, examples(), catalogue.score_epochs, folder, tell, True)
            records.keep(name, what, record)
            reached = f"{max(record['scores']):.3f} after {short(sum(record['seconds']))} s"
            tell(f"{form}, {catalogue.name}: {reached}")


def counted(record: Mapping[str, Any]) -> dict[str, list[float]]:
    """Its figures without those of the first epoch, unless that is the only one."""
    return {name: record[name][1:] or record[name] for name in FIGURES}


def training_results(records: Records, catalogues: Sequence[Trained]) -> dict[str, Any]:
    """All that the page says of trainings, from the records that there are; plain values."""
    epochs, scores = [], []
    for catalogue in catalogues:
        for form in FORMS:
            found = records.find(record_name("training", catalogue.name, form, "*"))
            if found:
                rounds = [counted(one) for one in found]
                medians = [
                    {name: statistics.median(one[name]) for name in FIGURES if name != "loss"}
                    for one in rounds
                ]
                spread = sorted(one["seconds"] for one in medians)
                epochs.append(
                    {
                        "catalogue": catalogue.name,
                        "form": form,
                        **{n: statistics.median(one[n] for one in medians) for n in medians[0]},
                        "first": statistics.median(one["seconds"][0] for one in found),
                        "fastest": spread[0],
                        "slowest": spread[-1],
                        "rounds": len(found),
                        "parameters": found[0]["parameters"],
                        "peak_mib": statistics.median(one["peak_mib"] for one in found),
                        "load": statistics.median(one["load"] for one in found),
                    }
                )
        for form in FORMS:
            for one in records.find(record_name("score", catalogue.name, form, 0)):
                kept = {name: one[name] for name in _SCORED}
                scores.append({"catalogue": catalogue.name, "form": form, **kept})
    every = records.find("training-*")
    versions: dict[str, str] = next((one["versions"] for one in every if "versions" in one), {})
    return {"epochs": epochs, "scores": scores, "versions": versions}


def time_to_score(training: Mapping[str, Any], score: float) -> float | None:
    """Seconds of training until val's score is reached; None: it never is."""
    spent = 0.0
    for seconds, reached in zip(training["seconds"], training["scores"], strict=True):
        spent += seconds
        if reached >= score:
            return spent
    return None


def _trained(
    form: str,
    examples: Path,
    epochs: int,
    folder: Path,
    tell: Callable[[str], None],
    scored: bool = False,
) -> dict[str, Any]:
    started = time.time()
    if form == TRACED:
        record = own_process({"task": TRACED, "examples": str(examples), "epochs": epochs})
        record["process_seconds"] = round(time.time() - started, 1)
    else:
        arrays = folder / "arrays" / examples.name
        job = {"examples": str(examples), "arrays": str(arrays), "form": form, "epochs": epochs}
        given = own_process({"task": "job", **job})
        pins = [_HERE / name for name in _PINS]
        instead = "leave it out with --forms traced"
        # Without a compiler for GPUs torch-sparse would ask for one.
        settings = {"FORCE_ONLY_CPU": "1", "MAX_JOBS": str(os.cpu_count())}
        environment = own_environment(folder, "PyTorch", pins, instead, tell, settings)
        python = environment / "bin" / "python"
        embeddings = folder / f"embeddings-{form}"
        if scored:
            shutil.rmtree(embeddings, ignore_errors=True)
            embeddings.mkdir(parents=True)
            given["embeddings"] = str(embeddings)
        started = time.time()
        command = [str(python), str(_HERE / "others" / "sage.py"), json.dumps(given)]
        record = answer_of(command, f"Training ({form})")
        record["process_seconds"] = round(time.time() - started, 1)
        if scored:
            task = {"task": "scores", "examples": str(examples), "epochs": epochs}
            record |= own_process({**task, "embeddings": str(embeddings)})
            shutil.rmtree(embeddings)
    return record


def own_process(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a process of benchmarks.cost.training answers."""
    return module_answer("benchmarks.cost.training", given, f"Training ({given['task']})")
