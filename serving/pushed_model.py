"""A pushed version of the model, asked in this process."""

from __future__ import annotations

import dataclasses
import difflib
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from catalogues.errors import InputError


@dataclasses.dataclass(frozen=True)
class SimilarArtist:
    """One answer to "who sounds like X?".

    Attributes:
      artist_id: its id in the catalogue.
      name: for people.
      score: what the list is ordered by: the dot product of the embeddings, for some models with
        what their pairs are scored by beside.
    """

    artist_id: str
    name: str
    score: float


def newest_version(serving_root: Path) -> Path:
    """The folder of the newest pushed version.

    Raises:
      InputError: nothing has been pushed yet.
    """
    folders = serving_root.iterdir() if serving_root.is_dir() else ()
    # Pusher copies saved_model.pb last: without it a version is not there yet.
    versions = [
        path for path in folders if path.name.isdecimal() and (path / "saved_model.pb").is_file()
    ]
    if not versions:
        raise InputError("No model has been pushed yet; start with `make run`.")
    return max(versions, key=lambda path: int(path.name))


class PushedModel:
    """A SavedModel with its signatures.

    Args:
      path: of the version's folder.

    Raises:
      InputError: there is no such folder, it does not load, or holds another kind of model.
    """

    def __init__(self, path: Path):
        if not path.is_dir():
            raise InputError(f"There is no model '{path.name}'; check the path that was given.")
        import tensorflow as tf

        self._tf = tf
        try:
            self._model = tf.saved_model.load(str(path))
            self._ids = [name.decode() for name in self._model.artist_id.numpy()]
            self._names = [name.decode() for name in self._model.artist_name.numpy()]
            self._similar = self._model.signatures["similar"]
        # Broken files, and models that are not ours, raise many kinds.
        except Exception as error:
            raise InputError(
                f"The model '{path.name}' cannot be loaded ({type(error).__name__}); if the "
                "pipeline pushed it, remove its folder and run the pipeline again."
            ) from error

    def find(self, artist: str) -> tuple[str, str]:
        """Finds an artist by id or name; case, accents and punctuation do not matter.

        Returns:
          (id, name).

        Raises:
          InputError: no such artist; the message has the nearest name.
        """
        if artist in self._ids:
            return artist, self._names[self._ids.index(artist)]
        by_name: dict[str, int] = {}
        for row, name in enumerate(self._names):
            by_name.setdefault(folded(name), row)
        row = by_name.get(folded(artist), -1)
        if row < 0:
            close = difflib.get_close_matches(folded(artist), by_name, n=1)
            meant = f" (did you mean '{self._names[by_name[close[0]]]}'?)" if close else ""
            raise InputError(f"The catalogue has no artist '{artist}'{meant}.")
        return self._ids[row], self._names[row]

    def similar(self, artist_id: str, k: int) -> Sequence[SimilarArtist]:
        """The k most similar artists of the catalogue, the most similar first."""
        tf = self._tf
        answer = self._similar(
            artist_id=tf.constant([artist_id]), k=tf.constant(min(k, len(self._ids)), tf.int32)
        )
        columns = (answer[key].numpy()[0] for key in ("similar_id", "name", "score"))
        return [
            SimilarArtist(key.decode(), name.decode(), float(score))
            for key, name, score in zip(*columns, strict=True)
        ]


def folded(name: str) -> str:
    """A name without case, accents and punctuation: 'Sigur Rós' -> 'sigur ros'."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    kept = (c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return " ".join("".join(kept).split()) or name
