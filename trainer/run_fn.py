"""What TFX's Trainer calls: examples in, SavedModel out."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import dacite
from tfx.components.trainer.fn_args_utils import FnArgs

from catalogues.errors import InputError
from trainer.config import TrainerConfig
from trainer.console import Phases, console
from trainer.explorer_data import write_explorer_data
from trainer.export import ServedModel
from trainer.graph import ArtistGraph
from trainer.kept_answers import MAX_SCORES, can_be_kept
from trainer.learnt_artists import LearntArtists
from trainer.loading import (
    load_artists,
    load_graph,
    load_hidden_edges,
    read_content_statistics,
    read_graph_spec,
    read_listener_factors,
)
from trainer.named_weights import Weight
from trainer.projector import write_projector
from trainer.starting_point import (
    KEEP_STARTING_POINT,
    START,
    Heritage,
    NoStartingPointError,
    StartingPoint,
    meaning,
    read_starting_point,
    write_starting_point,
)
from trainer.subgraph_files import has_subgraphs
from trainer.systems.registry import make_system
from trainer.systems.servable import TrainingRun
from trainer.training import EpochReport

_PRETRAINING: Final = "pretraining"
_TRAINING: Final = "training"
_EMBEDDING: Final = "embedding"
_ANSWERS: Final = "answers to keep"
_WRITING: Final = "writing the model"


def run_fn(fn_args: FnArgs) -> None:
    """Trains the configured system and exports it.

    Of the hidden edges only those of the validation split are in fn_args (eval_files), for early
    stopping; the judged split's never come here.

    Args:
      fn_args: TFX's; custom_config has 'trainer' (a TrainerConfig as a dictionary) and
        'checkpoints' (the folder in which a killed training is found again). Hyperparameters, where
        a run brings its own, have 'trainer' in place of that one. With KEEP_STARTING_POINT the
        model brings what a later training may begin with; that needs 'graph' beside 'trainer'.
        With START, 'version' and 'trained_in_full' of the model whose folder `base_model` is, it
        begins there.

    Raises:
      InputError: it may not begin where it is told to.
    """
    given = dict(fn_args.custom_config)
    if fn_args.hyperparameters:
        given |= {name: fn_args.hyperparameters[name] for name in ("graph", "trainer")}
    config = trainer_config(given["trainer"])
    examples_uri = os.path.dirname(os.path.dirname(fn_args.train_files[0]))
    validation_split = os.path.basename(os.path.dirname(fn_args.eval_files[0]))
    statistics = read_content_statistics(examples_uri)
    streamed = has_subgraphs(examples_uri)
    # Then training needs to know who is judged, and finds all else in the stream.
    graph = load_artists(examples_uri) if streamed else load_graph(examples_uri)
    validation = load_hidden_edges(
        examples_uri, validation_split.removeprefix("Split-hidden_"), graph.artist_id
    )
    start = _start(fn_args.base_model, given, graph) if START in given else None
    checkpoints = Path(given["checkpoints"], _fingerprint(given, examples_uri))
    names = [_TRAINING] if config.pretrained == "none" else [_PRETRAINING, _TRAINING]
    with Phases(dict.fromkeys(names, config.training.epochs)) as phases:
        told = {name: PhaseOfEpochs(phases, name, config.training.epochs) for name in names}

        def on_epoch(report: EpochReport) -> None:
            if _PRETRAINING in told:
                told[_PRETRAINING].end()
            told[_TRAINING].tell(report)

        run = TrainingRun(str(checkpoints), fn_args.model_run_dir, on_epoch)
        if streamed:
            run = dataclasses.replace(run, subgraphs=examples_uri)
        if start is not None:
            version = given[START]["version"]
            run = dataclasses.replace(run, start=functools.partial(_begin, start, version))
        if _PRETRAINING in told:
            run = dataclasses.replace(run, on_pretraining=told[_PRETRAINING].tell)
        system = make_system(config, statistics, run)
        system.fit(graph, validation)
        told[_TRAINING].end()
    if streamed:
        # A model answers for the whole catalogue, with all that is known of it.
        graph = load_graph(examples_uri)
    # One step for each stage of the network, and one for the last vectors.
    with Phases({_EMBEDDING: system.fitted_network().num_stages + 1}) as phases:
        spec = read_graph_spec(examples_uri)
        model = ServedModel(
            system,
            graph,
            spec,
            lambda: phases.advance(_EMBEDDING),
            read_listener_factors(examples_uri),
        )
        phases.advance(_EMBEDDING)
    keep_answers(model, len(graph), config.kept_answers)
    with Phases({_WRITING: 1 + config.explorer.export}) as phases:
        model.save(fn_args.serving_model_dir)
        phases.advance(_WRITING)
        if config.explorer.export:
            write_explorer_data(
                fn_args.serving_model_dir,
                graph,
                statistics,
                [entry["name"] for entry in system.encoder.modalities],
                model.embedding,
                config.explorer.map,
            )
            phases.advance(_WRITING)
        if given.get(KEEP_STARTING_POINT):
            weights = system.named_weights()
            if weights:
                heritage = _heritage(given, graph, start)
                write_starting_point(fn_args.serving_model_dir, weights, heritage)
        write_projector(fn_args.model_run_dir, graph, model.embedding)
    # Only a training that was killed has any use for them.
    shutil.rmtree(checkpoints, ignore_errors=True)


def keep_answers(model: ServedModel, num_artists: int, num_kept: int) -> None:
    """Keeps each artist's first answers in the model, or says that there are too many artists."""
    if num_kept and not can_be_kept(num_artists):
        console().print(
            f"  no answers are kept in the model: {num_artists:,} artists have more scores than "
            f"{MAX_SCORES:,}; `similar` computes them on request",
            highlight=False,
        )
        num_kept = 0
    with Phases({_ANSWERS: num_artists} if num_kept else {}) as phases:
        model.keep_answers(num_kept, lambda more: phases.advance(_ANSWERS, more))


class PhaseOfEpochs:
    """Tells a person of the epochs of one phase, which may be resumed, and stop early."""

    def __init__(self, phases: Phases, phase: str, epochs: int):
        self._phases, self._phase, self._epochs = phases, phase, epochs
        self._last = 0
        self._ended = False

    def tell(self, report: EpochReport) -> None:
        """After each epoch."""
        score = ", ".join(
            f"{condition} {'–' if math.isnan(value) else f'{value:.3f}'}"
            for condition, value in report.scores.items()
        )
        if not report.epoch:
            self._print(f"begins at val: {score}")
            return
        if not self._last and report.epoch > 1:
            self._print(f"resumed after epoch {report.epoch - 1}")
            self._phases.skip(self._phase, report.epoch - 1)
        self._last = report.epoch
        self._phases.advance(self._phase, note=f"loss {report.loss:.3f}, val: {score}")

    def end(self) -> None:
        """After the last epoch; says if it came early."""
        if not self._ended and self._last < self._epochs:
            if self._last:
                why = "the validation score no longer rises"
                self._print(f"stopped after epoch {self._last}: {why}")
            self._phases.end(self._phase)
        self._ended = True

    def _print(self, what: str) -> None:
        phase = "" if self._phase == _TRAINING else f"{self._phase} "
        console().print(f"  {phase}{what}", highlight=False)


def _begin(start: StartingPoint, version: int, weights: Sequence[Weight]) -> None:
    """Puts a starting point into an untrained network, and says how much of it fits."""
    share = start.assign_to(weights)
    told = f"  {share:.0%} of the weights begin as version {version} has them"
    console().print(told, highlight=False, soft_wrap=True)


def _start(path: str, given: Mapping[str, Any], graph: ArtistGraph) -> StartingPoint:
    """What the training begins with, if it may.

    The step that chose it has looked as well. It is looked at again here, since nothing behind
    this would notice a network that is judged by artists that it has learnt from.
    """
    try:
        start = read_starting_point(path)
        refusal = start.heritage.refusal(given, graph)
    except NoStartingPointError as error:
        refusal = str(error)
    if refusal:
        raise InputError(
            f"trainer: no training can begin at version {given[START]['version']}: {refusal}; run "
            "again with `retrain.start: scratch`."
        )
    return start


def _heritage(
    given: Mapping[str, Any], graph: ArtistGraph, start: StartingPoint | None
) -> Heritage:
    learnt = LearntArtists.of(graph)
    if start is None:
        return Heritage(meaning(given), learnt)
    before = start.heritage
    return Heritage(
        meaning(given),
        learnt.and_of(before.learnt),
        before.trainings + 1,
        float(given[START]["trained_in_full"]),
    )


def trainer_config(given: dict[str, Any]) -> TrainerConfig:
    """A TrainerConfig from its dictionary."""
    return dacite.from_dict(TrainerConfig, given, dacite.Config(cast=[tuple, float]))


def _fingerprint(given: dict[str, Any], examples_uri: str) -> str:
    """Names what is trained on what, so that only the very same training is resumed."""
    what = json.dumps([given, examples_uri], sort_keys=True)
    return hashlib.sha256(what.encode()).hexdigest()[:16]
