"""`python -m serving.fresh_answers`: what a SavedModel answers in a process of its own.

A process that trained or served a model has its graph in memory; only a fresh one shows that the
files hold all of it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from serving.new_artist import NewArtist, padded, tensors_of
from serving.questions import Question, read_questions, write_questions

_ROOT: Final = Path(__file__).resolve().parents[1]
_NUM_ARTISTS: Final = 8
_K: Final = 5
_NUM_WORDS: Final = 10
_NUM_NEIGHBORS: Final = 10


class NoAnswers(Exception):
    """A SavedModel does not load or does not answer; the text is the end of a sentence."""


def fresh_answers(
    model: str, seconds: float, questions: Sequence[Question] | None = None
) -> list[Question]:
    """Asks a SavedModel in a process of its own.

    Args:
      model: its folder, or a URI that TensorFlow can read.
      seconds: that the process may take.
      questions: to be asked; those that `questions_to` the model are if None.

    Returns:
      The questions with its answers.

    Raises:
      NoAnswers: it does not load, does not answer, or not in time.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "asked.npz"), Path(folder, "answered.npz")
        command = [sys.executable, "-m", "serving.fresh_answers", model, str(answered)]
        if questions is not None:
            write_questions(questions, asked)
            command.append(str(asked))
        try:
            ended = subprocess.run(
                command,
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NoAnswers(f"it does not load and answer within {seconds:.0f} s") from None
        if ended.returncode:
            lines = ended.stderr.strip().splitlines() or [f"status {ended.returncode}"]
            raise NoAnswers(f"it does not load and answer ({lines[-1].strip()[:200].rstrip('.')})")
        return read_questions(answered)


def questions_to(model: Any, version: Path) -> list[Question]:
    """What a model is asked: known artists, who is similar, and each of them as a new one.

    Args:
      model: loaded.
      version: its folder, for the content that it brings along for the explorer.
    """
    ids = [artist.decode() for artist in model.artist_id.numpy()]
    rows = np.unique(np.linspace(0, len(ids) - 1, min(_NUM_ARTISTS, len(ids))).astype(int))
    asked = np.array([ids[row] for row in rows], object)
    k = np.array(min(_K, max(1, len(ids) - 1)), np.int32)
    new = _new_artists(model, version, asked.tolist())
    questions = [
        _answered(model, "serving_default", {"artist_id": asked}),
        _answered(model, "similar", {"artist_id": asked, "k": k}),
        _answered(model, "embed_new", new),
    ]
    nobody, _ = padded("ids", [{}] * len(asked))
    nearest = {
        "embedding": questions[-1].answer["embedding"],
        "k": k,
        "modality": np.array([""], object),
        "min_popularity": np.array(0, np.float32),
        "exclude_id": nobody,
    }
    return [*questions, _answered(model, "nearest", nearest)]


def _new_artists(model: Any, version: Path, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The inputs of `embed_new` for artists as if they were new, with what is known of them."""
    from serving.explorer.data import BrokenData, Words, read_explorer_data

    try:
        data = read_explorer_data(version)
    except BrokenData:
        data = None
    inputs = model.signatures["embed_new"].structured_input_signature[1]
    modalities = {
        name: None if f"{name}_weight" in inputs else spec.shape[-1]
        for name, spec in inputs.items()
        if f"{name}_weight" in inputs or f"{name}_present" in inputs
    }
    artists = []
    for artist in ids:
        neighbors, content = [artist], dict[str, Any]()
        if data is not None:
            row = data.row[artist]
            neighbors = [data.artist_id[other] for other in data.neighbors(row)[:_NUM_NEIGHBORS]]
            for name, modality in data.modalities.items():
                if name in modalities and isinstance(modality, Words):
                    words = list(modality.of(row).items())[:_NUM_WORDS]
                    content[name] = {modality.vocabulary[word]: weight for word, weight in words}
        for name, length in modalities.items():
            if length is not None:
                # Any vector will do: both copies of the model are given the same.
                content[name] = np.linspace(-1, 1, length, dtype=np.float32)
        artists.append(NewArtist(artist, content, neighbors))
    return tensors_of(artists, modalities)


def _answered(model: Any, signature: str, inputs: Mapping[str, NDArray[Any]]) -> Question:
    import tensorflow as tf

    function = model.signatures[signature]
    specs = function.structured_input_signature[1]
    outputs = function(**{name: tf.constant(v, specs[name].dtype) for name, v in inputs.items()})
    answer = {}
    for name, value in outputs.items():
        array = value.numpy()
        if array.dtype.kind == "O":
            decoded = [text.decode(errors="replace") for text in array.flat]
            array = np.array(decoded, object).reshape(array.shape)
        answer[name] = array
    return Question(signature, inputs, answer)


def main(arguments: Sequence[str]) -> int:
    """MODEL ANSWERED [ASKED]: asks the model, and writes the questions with its answers."""
    import tensorflow as tf

    path, answered, *asked = arguments
    model = tf.saved_model.load(path)
    if asked:
        questions = [
            _answered(model, one.signature, one.inputs) for one in read_questions(Path(asked[0]))
        ]
    else:
        questions = questions_to(model, Path(path))
    write_questions(questions, Path(answered))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
