"""About what a training takes, from how large its catalogue is.

It is known before anything is read but the number of rows of each table, so that it costs nothing;
and that is how exact it is. Every coefficient was measured, on one machine of two cores;
docs/results/plan.md sets estimates beside measurements.

Nothing heavy is imported here.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Final

from components.catalogue_example_gen.config import BuildConfig
from components.catalogue_example_gen.sampling import num_hops, reach_of
from trainer.batches import num_batches
from trainer.config import CONTRASTIVE, TrainerConfig
from trainer.systems.registry import STREAMED

# Bytes.
PROCESS: Final = 0.85e9
"""A process with TensorFlow (0.52), TFX (0.15), a network and its compiled step."""
ARTIST: Final = 400
"""Id, name and the like of one artist."""
LISTED: Final = 130
"""One neighbour of one artist while the graph is loaded: its id as text, and matrices of it."""
WORD: Final = 120
"""One word of one artist in memory."""
VISIT: Final = 8
"""A visited artist of one artist's walks: its number and how often."""
BLOCK: Final = 2**23 * 12
"""Visits that are added up at once (`trainer.visits`)."""
SQUARES: Final = 20
"""Matrices of a batch's artists with each other that a step of 'diffusion' comes to hold."""
PAIR_SQUARES: Final = 3
"""The same of 'gnn'."""
ENCODED: Final = 256
"""The width of an encoder of 'contrastive'."""
ENCODED_COPIES: Final = 5
"""What a step of it keeps of each of its numbers."""
NODE: Final = 6.5
"""An artist in a subgraph's file without content: its id and its edges, compressed."""
RECORDED_NODE: Final = 60
"""The same before it is compressed."""
PARSED_NODE: Final = 700
"""The same once it is parsed, with what finds it among the others of its batch."""
COMPRESSED: Final = 0.9
"""What compression leaves of numbers."""
KNOWN_ARTIST: Final = 150
"""An artist of whom a streamed training knows id and split alone."""
SHUFFLED: Final = 2**28
"""`trainer.subgraph_stream.SHUFFLED_BYTES`."""
# Seconds of one core.
START: Final = 4.0
"""A network made and its step compiled."""
ENCODERS_START: Final = 12.0
"""The same of 'contrastive'."""
PER_LISTED: Final = 4e-6
"""One neighbour of one artist while the graph is loaded."""
PER_FOLD: Final = 0.03
"""A step of the smallest, and what comes with an epoch beside its steps."""
PER_SORTED: Final = 5e-7
"""An edge of the whole graph, in each fold, where lists are longer than `training.fan_out`."""
PER_MESSAGE: Final = 1e-9
"""A number of a message that a neighbour's mean adds up."""
PER_OPERATION: Final = 1e-11
"""Of dense layers, in a step of training."""
PER_PAIR: Final = 2e-8
"""A pair of artists of a batch of 'gnn': their distance, negatives, loss."""
PER_VISIT: Final = 7.5e-8
"""A visit that a walk adds up, and its part in keeping the strongest."""
PER_SCORE: Final = 1.7e-7
"""A pair of artists of a batch of 'diffusion': the teacher's, and that of each loss."""
PER_NUMBER: Final = 3.5e-8
"""A number of an artist's vector that Adam moves."""
PER_ENCODED: Final = 2.8e-4
"""An artist in a step of 'contrastive'."""
SAMPLER: Final = 53.0
"""The sampler before its first root: its models, made and loaded."""
PER_SAMPLED_EDGE: Final = 1.4e-4
"""An edge that the sampler follows, of one root."""
PER_SAMPLED_BYTE: Final = 2.7e-7
"""A byte of the content of an artist of one subgraph, in the sampler."""
PER_STREAMED: Final = 2.5e-6
"""An artist of one subgraph, read and found again among those of its batch."""
PER_STREAMED_BYTE: Final = 1.3e-8
"""A byte of its content, uncompressed and parsed."""

NEW: Final = 0.55
"""Of artists found over two hops or more, those that were not found before: neighbours of an artist
are often each other's."""
LAYERS: Final = {"sage_mean": 1.0, "gin": 0.8, "gated_gcn": 6.0}
"""What a convolution takes, beside one of the first kind: in embedding 136,731 artists."""


@dataclasses.dataclass(frozen=True)
class Size:
    """How large a catalogue is, to a trainer.

    Attributes:
      artists: rows of their table.
      edges: rows of theirs.
      content_bytes: what an artist's content takes in a file, on average.
      words: how many words an artist has, on average.
      numbers: of an artist that a network reads, without those that are zero for want of a word.
    """

    artists: int
    edges: int
    content_bytes: float
    words: float
    numbers: float


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a mode would take.

    Attributes:
      memory: bytes, of the process that trains, at its most.
      disk: bytes, beside the ego graphs.
      before: seconds before the first epoch, of one core.
      epoch: seconds an epoch, of one core.
    """

    memory: float
    disk: float
    before: float
    epoch: float


def cost_in_memory(size: Size, build: BuildConfig, trainer: TrainerConfig) -> Cost:
    """With the whole graph and all content in memory."""
    loaded = size.artists * (ARTIST + 3 * size.content_bytes + WORD * size.words)
    features = 2 * 4 * size.artists * size.numbers
    memory, seconds = _STEPS.get(trainer.system, _network_step)(size, build, trainer)
    before = 2 * PER_LISTED * size.edges
    before += ENCODERS_START if trainer.system == CONTRASTIVE else START
    if trainer.pretrained == CONTRASTIVE:
        epochs = trainer.training.epochs
        before += ENCODERS_START + epochs * _encoder_step(size, build, trainer)[1]
    if trainer.system in STREAMED:
        # A batch of subgraphs has fewer edges, and its lists are cut already.
        seconds += _folds(size, build, trainer) * _sorted_edges(size, build, trainer) * PER_SORTED
    return Cost(
        memory=PROCESS + loaded + 2 * LISTED * size.edges + features + memory,
        disk=0.0,
        before=before,
        epoch=seconds,
    )


def cost_streamed(size: Size, build: BuildConfig, trainer: TrainerConfig) -> Cost:
    """With subgraphs, for a system that can be trained on them."""
    roots = (build.fractions[0] + build.fractions[1]) * size.artists
    followed, held = heard(size, build, reach_of(build, trainer).fan_outs)
    batch = _training(size, build) / _folds(size, build, trainer)
    memory, seconds = _network_step(size, build, trainer)
    return Cost(
        # A batch is parsed while the last one is learnt from; and parsing keeps a copy or two.
        memory=PROCESS
        + KNOWN_ARTIST * size.artists
        + min(SHUFFLED, roots * held * (RECORDED_NODE + size.content_bytes))
        + 3 * batch * held * (PARSED_NODE + size.content_bytes)
        + memory,
        disk=roots * held * (NODE + COMPRESSED * size.content_bytes),
        before=START
        + SAMPLER
        + roots * (PER_SAMPLED_EDGE * followed + PER_SAMPLED_BYTE * held * size.content_bytes),
        epoch=seconds + roots * held * (PER_STREAMED + PER_STREAMED_BYTE * size.content_bytes),
    )


def heard(size: Size, build: BuildConfig, fan_outs: tuple[int, ...]) -> tuple[float, float]:
    """(edges that are followed, artists that are found) from one root."""
    training, degree = _training(size, build), _degree(size, build)
    followed, met, at = 0.0, 0.0, 1.0
    for hop, fan_out in enumerate(fan_outs):
        # Who is heard has more neighbours than most: twice as many, about.
        at *= min(fan_out, degree if hop == 0 else 2 * degree)
        followed += at
        met += at if hop == 0 else NEW * at
    return followed, 1 + _distinct(met, training)


def _distinct(draws: float, among: float) -> float:
    """How many of `among` are met by so many draws, in the mean."""
    return among * -math.expm1(-draws / among)


def _training(size: Size, build: BuildConfig) -> float:
    return max(1.0, build.fractions[0] * size.artists)


def _sorted_edges(size: Size, build: BuildConfig, trainer: TrainerConfig) -> float:
    """The more of the training edges, in both directions, the longer the lists are."""
    among = build.fractions[0] ** 2 * 2 * size.edges
    return among * min(1.0, _degree(size, build) / trainer.training.fan_out)


def _degree(size: Size, build: BuildConfig) -> float:
    """Training artists that an artist knows, in the mean."""
    return build.fractions[0] * 2 * size.edges / max(1, size.artists)


def _folds(size: Size, build: BuildConfig, trainer: TrainerConfig) -> int:
    return num_batches(int(_training(size, build)), trainer.training)


def _network_step(size: Size, build: BuildConfig, trainer: TrainerConfig) -> tuple[float, float]:
    """(bytes of a step, seconds of an epoch) of 'gnn' and 'dnn'.

    A convolution computes messages of the artists that are heard at its depth, and states of those
    that are asked for there: the batch by the last one, nearly all by the first.
    """
    training, folds = _training(size, build), _folds(size, build, trainer)
    batch, hops, units = training / folds, num_hops(trainer), trainer.network.convolution_units
    fan_outs = (trainer.training.fan_out,) * hops
    rows = [
        _distinct(batch * heard(size, build, fan_outs[:depth])[1], training)
        for depth in range(hops + 1)
    ]
    rows[0] = batch
    neighbors = min(trainer.training.fan_out, _degree(size, build))
    width, numbers, operations, messages = size.numbers, rows[-1] * size.numbers, 0.0, 0.0
    for asked, said in zip(rows[-2::-1], rows[:0:-1], strict=True):
        numbers += said * units + asked * (width + 2 * units)
        operations += 2 * units * (said * width + asked * (width + units))
        messages += asked * neighbors * units
        width = units
    operations *= LAYERS[trainer.network.layer]
    for wide in (*trainer.network.backend_units, trainer.network.embedding_dim):
        numbers += batch * wide
        operations += 2 * batch * width * wide
        width = wide
    # Each number once more as a gradient; gradients take twice the operations.
    memory = 4 * (2 * numbers + PAIR_SQUARES * batch**2)
    seconds = 3 * operations * PER_OPERATION + 3 * messages * PER_MESSAGE + batch**2 * PER_PAIR
    return memory, folds * (PER_FOLD + seconds)


def _walk_step(size: Size, build: BuildConfig, trainer: TrainerConfig) -> tuple[float, float]:
    """(bytes, seconds of an epoch) of 'diffusion': a fold's walks, and a step on all vectors."""
    training, folds = _training(size, build), _folds(size, build, trainer)
    batch, degree, config = training / folds, _degree(size, build), trainer.diffusion
    visited = visits = 0.0
    for hop in range(config.hops):
        # Whose walks are found at this hop: all that the fold's may still come through.
        rows = _distinct(batch * max(1.0, degree) ** (config.hops - 1 - hop), training)
        visits += rows * degree * (1 + visited)
        visited = min(config.reach, _distinct(degree * (1 + visited), training))
    vectors = training * config.embedding_dim
    memory = 2 * VISIT * training * config.reach + BLOCK + 16 * vectors + 4 * SQUARES * batch**2
    seconds = PER_FOLD + visits * PER_VISIT + batch**2 * PER_SCORE + vectors * PER_NUMBER
    return memory, folds * seconds


def _encoder_step(size: Size, build: BuildConfig, trainer: TrainerConfig) -> tuple[float, float]:
    """(bytes, seconds of an epoch) of 'contrastive', which hears nobody."""
    batch = min(trainer.contrastive.batch_size, _training(size, build))
    # Attention has a vector of each word, whether an artist has the word or not.
    attended = build.vocabulary_size if size.words else 0
    numbers = batch * ENCODED * (size.numbers + attended + 1)
    return 4 * ENCODED_COPIES * numbers, _training(size, build) * PER_ENCODED


_STEPS: Final = {"diffusion": _walk_step, CONTRASTIVE: _encoder_step}
