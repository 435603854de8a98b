"""Questions to a version of the model, and whether it answers them as another copy of it does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from serving.answers import Outputs

TOLERANCE: Final = 0.01
"""How far two answers may lie apart, as a share of the largest number in them: another processor
adds in another order, and layers may be of bfloat16."""
_RANKED: Final = "similar_id"
_SCORE: Final = "score"


@dataclasses.dataclass(frozen=True, eq=False)
class Question:
    """A request and what is to be answered.

    Attributes:
      signature: its name.
      inputs: name -> array; texts are objects.
      answer: name -> array, of the model that was judged.
    """

    signature: str
    inputs: Mapping[str, NDArray[Any]]
    answer: Mapping[str, NDArray[Any]]


def fault(question: Question, found: Outputs) -> str | None:
    """What is wrong with an answer, as the end of a sentence; None where it is right.

    Args:
      question: with the right answer.
      found: the answer, as arrays or nested lists.
    """
    asked = f"'{question.signature}'"
    arrays: dict[str, NDArray[Any]] = {}
    for name, wanted in question.answer.items():
        try:
            arrays[name] = np.asarray(found[name], wanted.dtype)
        except (KeyError, TypeError, ValueError):
            return f"the output '{name}' of {asked} is missing or of another type"
        if arrays[name].shape != wanted.shape:
            shapes = f"{list(arrays[name].shape)}, not {list(wanted.shape)}"
            return f"the output '{name}' of {asked} has the shape {shapes}"
    for name, wanted in question.answer.items():
        if wanted.dtype.kind == "f":
            wrong = _numbers_fault(arrays[name], wanted)
        elif wanted.dtype.kind == "O":
            wrong = None  # Names go with ids; ids are looked at below.
        else:
            wrong = None if np.array_equal(arrays[name], wanted) else "is another"
        if wrong:
            return f"the output '{name}' of {asked} {wrong}"
    if _RANKED in arrays:
        return _ranking_fault(question, arrays[_RANKED])
    return None


def _numbers_fault(found: NDArray[Any], wanted: NDArray[Any]) -> str | None:
    if not np.isfinite(found).all():
        return "has numbers that are not finite"
    apart = float(np.max(np.abs(found - wanted), initial=0.0))
    if apart > _allowed(wanted):
        return f"is up to {apart:.3g} away from what the judged model answers"
    return None


def _allowed(wanted: NDArray[Any]) -> float:
    return TOLERANCE * float(np.max(np.abs(wanted), initial=0.0))


def _ranking_fault(question: Question, found: NDArray[Any]) -> str | None:
    wanted, score = question.answer[_RANKED], question.answer[_SCORE]
    own = question.inputs["artist_id"] if question.signature == "similar" else [None] * len(found)
    for row, ids in enumerate(found.tolist()):
        real = [one for one in ids if one]
        if own[row] in real:
            return f"'{question.signature}' of '{own[row]}' has that artist itself"
        if len(set(real)) < len(real):
            return f"'{question.signature}' has an artist twice"
        places = {one: place for place, one in enumerate(wanted[row].tolist())}
        for place, one in enumerate(ids):
            # Those with (nearly) equal scores may come in any order, and the last be left out.
            theirs = score[row, places.get(one, -1)]
            if abs(theirs - score[row, place]) > _allowed(score):
                return f"'{question.signature}' has '{one}' in another place than the judged model"
    return None


def write_questions(questions: Sequence[Question], path: Path) -> None:
    """Writes them to a file of NumPy arrays, nothing pickled."""
    arrays: dict[str, Any] = {}
    for place, question in enumerate(questions):
        arrays[f"{place}/signature"] = np.array(question.signature)
        for kind, values in (("inputs", question.inputs), ("answer", question.answer)):
            for name, value in values.items():
                stored = value.astype(str) if value.dtype.kind == "O" else value
                arrays[f"{place}/{kind}/{name}"] = stored
    with path.open("wb") as file:
        np.savez(file, **arrays)


def read_questions(path: Path) -> list[Question]:
    """Reads what `write_questions` wrote."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}

    def values(place: int, kind: str) -> dict[str, NDArray[Any]]:
        prefix = f"{place}/{kind}/"
        return {
            name.removeprefix(prefix): array.astype(object) if array.dtype.kind == "U" else array
            for name, array in arrays.items()
            if name.startswith(prefix)
        }

    number = sum(name.endswith("/signature") for name in arrays)
    return [
        Question(str(arrays[f"{i}/signature"]), values(i, "inputs"), values(i, "answer"))
        for i in range(number)
    ]
