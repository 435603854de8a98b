"""What is shown of an artist: names, audio, tags; each with noise, and not for everybody."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from catalogues.synthetic.names import artist_name
from catalogues.synthetic.world import TASTE_DIM, Community, World

DESCRIPTORS: Final = (
    "danceability",
    "energy",
    "valence",
    "tempo",
    "loudness",
    "acousticness",
    "instrumentalness",
    "liveness",
    "speechiness",
    "brightness",
    "key_clarity",
    "rhythm_strength",
    "duration_s",
)

_NEURAL_AUDIO_DIM: Final = 32

# Each modality sees other coordinates of the taste, so that none alone tells everything.
_SEEN_BY_AUDIO: Final = slice(0, 10)
_SEEN_BY_NEURAL_AUDIO: Final = slice(4, TASTE_DIM)
_AUDIO_NOISE: Final = 0.8
_NEURAL_AUDIO_NOISE: Final = 0.5

_CENTRE: Final = {"tempo": 120.0, "loudness": -9.0, "duration_s": 230.0}
_SPREAD: Final = {"tempo": 22.0, "loudness": 3.5, "duration_s": 45.0}

_STYLES_A_GENRE: Final = 8
_NUM_MOODS: Final = 24
_LARGEST_NUM_TAGS: Final = 8
_NUM_COUNTRIES: Final = 30
_DECADES: Final = tuple(range(1950, 2030, 10))


class ContentMaker:
    """Makes the content of one community after another."""

    def __init__(self, world: World):
        """Draws what all artists have in common: how taste turns into sound and tags."""
        stream = world.stream("content")
        self._world = world
        self._to_audio = _mixing(stream, _SEEN_BY_AUDIO, len(DESCRIPTORS))
        self._to_neural_audio = _mixing(stream, _SEEN_BY_NEURAL_AUDIO, _NEURAL_AUDIO_DIM)
        self._styles = stream.standard_normal((world.num_genres, _STYLES_A_GENRE, TASTE_DIM))
        self._moods = stream.standard_normal((_NUM_MOODS, TASTE_DIM))
        self._home_countries = stream.integers(_NUM_COUNTRIES, size=(world.num_genres, 4))
        self._era = stream.uniform(1, len(_DECADES) - 1, size=world.num_genres)

    def artists(self, community: Community) -> dict[str, Any]:
        """The columns of the artists' table; what an artist lacks is null there."""
        import pyarrow as pa

        stream = self._world.stream("artists", community.place)
        size = community.size
        countries = np.where(
            stream.random(size) < 0.7,
            self._home_countries[community.genre][stream.integers(4, size=size)],
            stream.integers(_NUM_COUNTRIES, size=size),
        )
        era = np.rint(self._era[community.genre] + 1.3 * stream.standard_normal(size))
        decades = np.array(_DECADES)[np.clip(era, 0, len(_DECADES) - 1).astype(int)]
        columns: dict[str, Any] = {
            "artist_id": community.ids,
            "name": [artist_name(number) for number in community.numbers.tolist()],
            "popularity": _popularity(community),
            "country": [f"country-{country:02d}" for country in countries.tolist()],
            "decade": decades,
        }
        audio = community.taste[:, _SEEN_BY_AUDIO] @ self._to_audio
        audio = np.tanh(audio + _AUDIO_NOISE * stream.standard_normal(audio.shape))
        missing = _missing(community, stream, share=0.25)
        for place, descriptor in enumerate(DESCRIPTORS):
            value = _CENTRE.get(descriptor, 0.5) + _SPREAD.get(descriptor, 0.25) * audio[:, place]
            columns[descriptor] = pa.array(value.astype(np.float32), mask=missing)
        neural = community.taste[:, _SEEN_BY_NEURAL_AUDIO] @ self._to_neural_audio
        neural = neural + _NEURAL_AUDIO_NOISE * stream.standard_normal(neural.shape)
        missing = _missing(community, stream, share=0.4)
        columns["neural_audio"] = [
            None if gap else vector
            for gap, vector in zip(missing.tolist(), neural.astype(np.float32))
        ]
        return columns

    def tags(self, community: Community) -> dict[str, Any]:
        """The columns of the tags' table: no pair of artist and tag twice."""
        stream = self._world.stream("tags", community.place)
        tagged = np.flatnonzero(~_missing(community, stream, share=0.35))
        taste = community.taste[tagged].astype(np.float64)
        # The genre's own styles and the moods compete; strays come in through the noise.
        styles = taste @ self._styles[community.genre].T + 0.6
        moods = taste @ self._moods.T
        genre = np.full((len(tagged), 1), 3.0)
        score = np.concatenate([genre, styles, moods], axis=1)
        score = score + 0.7 * stream.gumbel(size=score.shape)
        num_tags = np.clip(
            np.rint(3 + 1.5 * community.fame[tagged] + stream.standard_normal(len(tagged))),
            1,
            _LARGEST_NUM_TAGS,
        ).astype(int)
        best = np.argsort(-score, axis=1)[:, :_LARGEST_NUM_TAGS]
        rank = np.arange(_LARGEST_NUM_TAGS)
        rows, ranks = np.nonzero(rank[None, :] < num_tags[:, None])
        names = self._tag_names(community.genre)
        level = 2.5 + 1.2 * community.fame[tagged][rows] - 0.45 * ranks
        count = 1 + np.floor(np.exp(level + 0.4 * stream.standard_normal(len(rows))))
        return {
            "artist_id": community.ids[tagged[rows]],
            "tag": names[best[rows, ranks]],
            "count": count.astype(np.int64),
        }

    def _tag_names(self, genre: int) -> npt.NDArray[np.object_]:
        return np.array(
            [
                f"genre-{genre:02d}",
                *(f"style-{genre:02d}-{style}" for style in range(_STYLES_A_GENRE)),
                *(f"mood-{mood:02d}" for mood in range(_NUM_MOODS)),
            ],
            dtype=object,
        )


def _mixing(stream: np.random.Generator, seen: slice, outputs: int) -> npt.NDArray[np.float64]:
    inputs = len(range(*seen.indices(TASTE_DIM)))
    # Taste coordinates are about 1 / sqrt(TASTE_DIM): this gives outputs of about one.
    return stream.standard_normal((inputs, outputs)) * np.sqrt(TASTE_DIM / inputs)


def _missing(
    community: Community, stream: np.random.Generator, *, share: float
) -> npt.NDArray[np.bool_]:
    """Who lacks a modality: about `share` of all, far more of the unknown than of the famous."""
    odds = np.log(share / (1 - share)) - 1.0 * community.fame
    return stream.random(community.size) < 1 / (1 + np.exp(-odds))


def _popularity(community: Community) -> npt.NDArray[np.int64]:
    popularity: npt.NDArray[np.int64] = np.exp(7.0 + 1.6 * community.fame).astype(np.int64)
    return popularity
