"""Which way of training a configuration gets, and why: the graph in memory, or subgraphs.

Nothing heavy is imported here.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Final

from catalogues.errors import InputError
from catalogues.spec import LISTENING, Catalogue, Modality
from catalogues.tables import read_rows
from catalogues.values import to_vector
from components.catalogue_example_gen.config import AUTO, MEMORY, SUBGRAPHS, BuildConfig
from components.catalogue_example_gen.sampling import streaming_fault
from components.catalogue_example_gen.table_rows import table_rows
from components.catalogue_example_gen.training_cost import (
    Cost,
    Size,
    cost_in_memory,
    cost_streamed,
)
from trainer.config import RANDOM, TrainerConfig

FILLED: Final = 0.7
"""The share of all memory that a training may plan with: the rest is for the system, for other
processes, and for what an estimate leaves out."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """Both modes, and which one a configuration gets.

    Attributes:
      size: of the catalogue.
      in_memory: the cost of MEMORY.
      streamed: the cost of SUBGRAPHS; None where the training cannot be streamed.
      unstreamed: why it cannot, as a clause; '' where it can.
      memory: bytes that the machine, or the container, has.
      chosen: MEMORY or SUBGRAPHS.
      why: a clause.
    """

    size: Size
    in_memory: Cost
    streamed: Cost | None
    unstreamed: str
    memory: float
    chosen: str
    why: str


def plan_for(
    catalogue: Catalogue, build: BuildConfig, trainer: TrainerConfig, memory: float
) -> Plan:
    """What either mode would take, and which one a configuration gets.

    It goes by all memory there is, taken or not: by what is free, a run would build its graph anew
    whenever something else has come or gone.

    Args:
      catalogue: its rows are counted.
      build: its `sampling` asks for a mode, or leaves the choice.
      trainer: what is trained.
      memory: bytes that the machine, or the container, has.
    """
    return plan_of_size(size_of(catalogue, build, trainer), build, trainer, memory)


def plan_of_size(size: Size, build: BuildConfig, trainer: TrainerConfig, memory: float) -> Plan:
    """`plan_for` a catalogue of this size."""
    in_memory, fault = cost_in_memory(size, build, trainer), streaming_fault(build, trainer)
    streamed = None if fault else cost_streamed(size, build, trainer)
    fits = in_memory.memory <= FILLED * memory
    share = f"{FILLED:.0%} of {in_bytes(memory)}"
    if build.sampling != AUTO:
        chosen, why = build.sampling, f"`graph.sampling: {build.sampling}` asks for it"
        if chosen == MEMORY and not fits:
            why += f", though the graph may need more than {share}"
    elif fits:
        chosen, why = MEMORY, f"the graph fits in {share}"
    elif streamed is None:
        chosen, why = MEMORY, f"there is no other way, though the graph may need more than {share}"
    elif streamed.memory >= in_memory.memory:
        chosen = MEMORY
        why = f"batches of subgraphs take no less, though the graph may need more than {share}"
    else:
        chosen, why = SUBGRAPHS, f"the graph may need more than {share}"
    return Plan(size, in_memory, streamed, fault.why if fault else "", memory, chosen, why)


def size_of(catalogue: Catalogue, build: BuildConfig, trainer: TrainerConfig) -> Size:
    """Counts the rows of the tables that the trainer's network reads."""
    artists = table_rows(catalogue, catalogue.artists.table)
    wanted = trainer.features.modalities
    content_bytes = words = numbers = 0.0
    for modality in catalogue.content:
        if wanted and modality.name not in wanted:
            continue
        if modality.kind == "vector":
            width = _width(catalogue, modality)
            width = min(width, build.pca_dim or width)
            content_bytes += 4 * width + 8
            numbers += width + 1
        else:
            # Words in the artists' own table are one an artist.
            each = table_rows(catalogue, modality.table) / max(1, artists)
            content_bytes += 16 * each
            words += each
            numbers += each + 1
    listening = catalogue.plays and build.listening.enabled
    if listening and (not wanted or LISTENING in wanted):
        content_bytes += 4 * build.listening.factors + 8
        numbers += build.listening.factors + 1
    if RANDOM in wanted or not numbers:
        numbers += trainer.features.random_dim
    edges = table_rows(catalogue, catalogue.edges.table)
    return Size(artists, edges, content_bytes, words, numbers)


def _width(catalogue: Catalogue, modality: Modality) -> int:
    """How long a vector is; of one list column that of the first row that has one."""
    if not modality.is_list:
        return len(modality.columns)
    for path in catalogue.files(modality.table):
        # A damaged file is the reader's to tell.
        with contextlib.suppress(InputError, ValueError):
            for row in read_rows(path, catalogue.file_name(path), modality.columns):
                vector = to_vector(row.values.get(modality.columns[0]))
                if vector:
                    return len(vector)
    return 0


def in_bytes(number: float) -> str:
    """Bytes for people: two digits, as there is no more in an estimate."""
    if number >= 9.95e9:
        return f"{number / 1e9:,.0f} GB"
    if number >= 9.95e7:
        return f"{number / 1e9:.1f} GB"
    return f"{max(1, number / 1e6):.0f} MB"
