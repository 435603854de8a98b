"""A small music world day by day: artists arrive, tastes drift, some change their style.

Every artist has a hidden taste near the centre of its scene. Two artists are similar with a chance
that falls as their tastes part, and each pair has its own fixed luck, so that an edge comes or goes
only because tastes moved. An artist sounds as its taste was when it arrived or last changed scene.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Final

import numpy as np

from catalogues.synthetic.names import artist_name

NUM_DESCRIPTORS: Final = 8

_DIM: Final = 8
_SPREAD: Final = 0.6
"""How far the tastes of a scene's artists lie from its centre, in lengths of that."""
_AUDIO_NOISE: Final = 0.4
_SHARPNESS: Final = 7.0
"""How fast the chance of an edge falls as tastes part: exp(7 (cosine - 1))."""

# What each stream of random numbers is for.
_SCENES, _ARRIVALS, _DRIFT, _STYLE, _LUCK, _SOUND = range(6)


@dataclasses.dataclass(frozen=True)
class WorldSettings:
    """How large the world is, and how fast it changes.

    Attributes:
      seed: of everything.
      artists: on the first day.
      arrivals: artists who arrive in a step, on average.
      scenes: groups of like artists.
      density: the chance that two artists of the same taste are similar.
      drift: how far a scene's centre moves in a step, in lengths of the centre.
      restless: the share of artists who go over to another scene in a step, and sound like it.
    """

    seed: int = 0
    artists: int = 700
    arrivals: int = 8
    scenes: int = 14
    density: float = 0.8
    drift: float = 0.015
    restless: float = 0.003


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The whole truth of one step.

    Attributes:
      ids: [num_artists] text, in the order of arrival.
      names: [num_artists] text.
      scene: [num_artists] int64.
      taste: [num_artists, 8] float64 of unit length; no catalogue shows it.
      audio: [num_artists, 8] float64.
      edges: [num_edges, 2] int64 places in `ids`, each pair once, first > second, sorted.
    """

    ids: list[str]
    names: list[str]
    scene: np.ndarray
    taste: np.ndarray
    audio: np.ndarray
    edges: np.ndarray


class World:
    """Makes the same snapshots from the same settings, whatever is asked for first."""

    def __init__(self, settings: WorldSettings):
        self._settings = settings
        stream = self._stream(_SOUND)
        self._mixing = stream.standard_normal((_DIM, NUM_DESCRIPTORS))

    @functools.lru_cache(maxsize=2)  # noqa: B019, a world lives as long as its simulation
    def at(self, step: int) -> Snapshot:
        """The world after so many steps, 0 for how it begins."""
        settings = self._settings
        centres = _unit(self._stream(_SCENES).standard_normal((settings.scenes, _DIM)))
        scene, own = self._newcomers(0, settings.artists)
        audio = self._sound(0, centres, scene, own)
        for now in range(1, step + 1):
            moved = self._stream(_DRIFT, now).standard_normal(centres.shape)
            centres = _unit(centres + settings.drift * moved)
            scene, own, audio = self._restyled(now, centres, scene, own, audio)
            some = int(self._stream(_ARRIVALS, now).integers(2 * settings.arrivals + 1))
            new_scene, new_own = self._newcomers(now, some)
            new_audio = self._sound(now, centres, new_scene, new_own)
            scene, own = np.concatenate([scene, new_scene]), np.concatenate([own, new_own])
            audio = np.concatenate([audio, new_audio])
        taste = _unit(centres[scene] + _SPREAD * own)
        return Snapshot(
            ids=[f"artist-{number:05d}" for number in range(len(scene))],
            names=[artist_name(number) for number in range(len(scene))],
            scene=scene,
            taste=taste,
            audio=audio,
            edges=self._edges(taste),
        )

    def _newcomers(self, step: int, some: int) -> tuple[np.ndarray, np.ndarray]:
        """(scene, [some, 8] own direction) of those who arrive in a step."""
        stream = self._stream(_ARRIVALS, step, 1)
        scene = stream.integers(self._settings.scenes, size=some)
        return scene, stream.standard_normal((some, _DIM)) / np.sqrt(_DIM)

    def _restyled(
        self,
        step: int,
        centres: np.ndarray,
        scene: np.ndarray,
        own: np.ndarray,
        audio: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The artists that there are, after some of them have gone over to another scene."""
        stream = self._stream(_STYLE, step)
        chosen = stream.random(len(scene)) < self._settings.restless
        other = stream.integers(1, max(2, self._settings.scenes), size=len(scene))
        fresh = stream.standard_normal(own.shape) / np.sqrt(_DIM)
        scene = np.where(chosen, (scene + other) % self._settings.scenes, scene)
        own = np.where(chosen[:, None], fresh, own)
        sound = self._sound(step, centres, scene, own, of=1)
        return scene, own, np.where(chosen[:, None], sound, audio)

    def _sound(
        self, step: int, centres: np.ndarray, scene: np.ndarray, own: np.ndarray, of: int = 0
    ) -> np.ndarray:
        noise = self._stream(_SOUND, step, of).standard_normal((len(scene), NUM_DESCRIPTORS))
        taste = _unit(centres[scene] + _SPREAD * own)
        return taste @ self._mixing + _AUDIO_NOISE * noise

    def _edges(self, taste: np.ndarray) -> np.ndarray:
        chance = self._settings.density * np.exp(_SHARPNESS * (taste @ taste.T - 1))
        found = []
        for first in range(len(taste)):
            luck = self._stream(_LUCK, first).random(first)
            second = np.flatnonzero(luck < chance[first, :first])
            found.append(np.stack([np.full(len(second), first), second], axis=1))
        return np.concatenate(found)

    def _stream(self, *what: int) -> np.random.Generator:
        return np.random.default_rng([self._settings.seed, *what])


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
