"""A small catalogue with names that a search and a page can trip over, and its pushed model."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from tests.trainer.ego_graphs import spec_of
from tests.trainer.graphs import HiddenGraph, graph_of, vectors, words
from tests.trainer.saved_models import FAN_OUT
from tests.trainer.small_systems import small_diffusion_config, small_system, statistics_of
from trainer.explorer_data import write_explorer_data
from trainer.export import ServedModel

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'

# Three scenes; an artist's popularity falls along its scene.
SCENES = {
    "jazz": (
        ["Nina Simone", "Beyoncé", "Esbjörn Svensson", "Miles Davis", "Fela Kuti", "Etta James"]
        + ["Umm Kulthum", "The Roots", "Tony Allen", HOSTILE, "Norah Jones", "Chet Baker"]
    ),
    "metal": (
        ["Metallica", "Motörhead", "Slayer", "Anthrax", "Megadeth", "Testament", "Kreator"]
        + ["Blue Öyster Cult", "Mötley Crüe", "Queensrÿche", "Sepultura", "Death"]
    ),
    "electronic": (
        ["Björk", "Daft Punk", "Portishead", "Tricky", "Sigur Rós", "Röyksopp", "Justice", "Air"]
        + ["Massive Attack", "Étienne de Crécy", "Vitalic", "Mr. Oizo"]
    ),
}
NAMES = [name for scene in SCENES.values() for name in scene]
WORDS = {
    "jazz": {"jazz": 3.0, "soul": 2.0, "piano": 1.0},
    "metal": {"metal": 3.0, "thrash": 2.0, "guitar": 1.0},
    "electronic": {"electronic": 3.0, "trip hop": 2.0, "piano": 1.0},
}


def artist_id(name: str) -> str:
    """Ids that an address has to write otherwise, in the order of the rows."""
    return f"artist/{NAMES.index(name):02d} ü?#"


def named_case() -> HiddenGraph:
    """36 artists: each is linked with the four after it in its scene; every third has no audio."""
    rng = np.random.default_rng(11)
    edges = []
    bags = []
    audio: list[list[float] | None] = []
    popularity = []
    for scene, (tag, names) in enumerate(SCENES.items()):
        for place in range(len(names)):
            row = len(bags)
            later = [(place + step) % len(names) for step in (1, 2, 3, 4)]
            edges += [(row, scene * len(names) + one) for one in later]
            bags.append(dict(WORDS[tag]))
            center = np.eye(3)[scene] * 3
            audio.append(None if row % 3 == 2 else (center + rng.normal(size=3)).tolist())
            popularity.append(100.0 - 7 * place - scene)
    edges.append((0, len(SCENES["jazz"])))
    case = graph_of(
        edges,
        [0] * len(NAMES),
        {"audio": vectors(audio), "tags": words(bags)},
        popularity,
    )
    graph = dataclasses.replace(
        case.graph,
        artist_id=np.array([artist_id(name) for name in NAMES], object),
        name=np.array(NAMES, object),
    )
    return dataclasses.replace(case, graph=graph)


def push_named(folder: Path) -> None:
    """Saves a small trained model of the catalogue, with the explorer's data."""
    graph = named_case().graph
    config = small_diffusion_config(epochs=1, fan_out=FAN_OUT)
    system = small_system(graph, config)
    system.fit(graph, named_case().truth("val"))
    model = ServedModel(system, graph, spec_of(graph))
    model.save(str(folder))
    write_explorer_data(
        str(folder), graph, statistics_of(graph), ["audio", "tags"], model.embedding, "pca"
    )
