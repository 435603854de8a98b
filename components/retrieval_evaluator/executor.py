"""Runs the judge inside TFX and writes what it found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import dacite
import numpy as np
import scipy.sparse as sp
from tfx import types
from tfx.components.example_gen import utils
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.artifact_uris import artifact_uri
from components.latest_blessed_model import BLESSED, CURRENT_MODEL_ID
from components.latest_served_model import there_is_none
from components.retrieval_evaluator.beam_ranking import BeamRanking
from components.retrieval_evaluator.config import JudgeConfig
from components.retrieval_evaluator.judgement import Judgement, judge_model
from components.retrieval_evaluator.metrics_file import METRICS_FILE
from components.retrieval_evaluator.page.judged import page_contents
from components.retrieval_evaluator.page.rendering import html_page
from components.retrieval_evaluator.progress import JudgingProgress
from components.retrieval_evaluator.report import markdown_report
from components.retrieval_evaluator.saved_model import JudgedModel
from components.run_parameters import read_run_parameters
from trainer.console import console
from trainer.graph import ArtistGraph
from trainer.loading import load_graph, load_hidden_edges
from trainer.ranking.ranking import ranking_blocks
from trainer.systems.baselines import BASELINES

CONFIG: Final = "config"
CODE_FINGERPRINT: Final = "code_fingerprint"
VERDICT_FILE: Final = "verdict.json"
EMBEDDINGS_FILE: Final = "embeddings.npz"
REPORT_FILE: Final = "report.md"
PAGE_FILE: Final = "report.html"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Examples, model and perhaps a blessed model -> evaluation and blessing."""

    def Do(  # noqa: N802, the name that TFX calls
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Judges the model; the blessing artifact says whether it may be pushed.

        A model that cannot be loaded, or raises when it embeds, stops the run: there is nothing to
        judge, nothing is blessed, and what was pushed before stays.
        """
        run = read_run_parameters(input_dict)
        config = read_config(run["judge"] if run else json.loads(exec_properties[CONFIG]))
        examples_uri = artifact_utils.get_single_uri(input_dict["examples"])
        model = artifact_utils.get_single_instance(input_dict["model"])
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        span = examples.get_int_custom_property(utils.SPAN_PROPERTY_NAME)
        evaluation.set_int_custom_property(utils.SPAN_PROPERTY_NAME, span)
        folder = Path(evaluation.uri)
        graph = load_graph(examples_uri)
        truth = load_hidden_edges(examples_uri, config.split, graph.artist_id)
        model_path = path_utils.serving_model_path(model.uri)
        blessed = _blessed(input_dict, config, examples_uri)
        rank = BeamRanking(self._make_beam_pipeline, folder) if config.beam else ranking_blocks
        num_systems = len(BASELINES) + (1 if blessed is None else 2)
        with JudgingProgress(truth, graph.artists(config.split), num_systems) as progress:
            judgement = judge_model(
                graph,
                load_hidden_edges(examples_uri, "val", graph.artist_id),
                truth,
                config.split,
                JudgedModel(model_path, config.fan_out, examples_uri),
                blessed,
                config.gate,
                k=config.k,
                seed=config.seed,
                rank=progress.watching(rank),
                tell=progress.tell,
            )
        _warn(judgement)
        _write(folder, judgement, graph)
        with console().status("  drawing the page"):
            log = [Path(artifact.uri) for artifact in input_dict.get("model_run") or []]
            _write_page(folder, judgement, graph, truth, model_path, next(iter(log), None))
        _bless(artifact_utils.get_single_instance(output_dict["blessing"]), model, judgement)


def read_config(given: dict[str, Any]) -> JudgeConfig:
    """A JudgeConfig from what was JSON, which has lists only."""
    return dacite.from_dict(JudgeConfig, given, dacite.Config(cast=[tuple]))


class Unloadable:
    """Stands for a blessed model that does not load; judging it raises what loading raised."""

    def __init__(self, error: Exception):
        self._error = error

    @property
    def artist_id(self) -> None:
        """It cannot say whom it knows."""

    def own_view(self, graph):
        """Raises what loading raised."""
        raise self._error

    def reads(self, graph) -> tuple[str, ...]:
        """It reads nothing."""
        return ()

    def embed(self, graph, edges):
        """Raises what loading raised."""
        raise self._error


def _blessed(
    input_dict: dict[str, list[types.Artifact]], config: JudgeConfig, examples_uri: str
) -> JudgedModel | Unloadable | None:
    found = input_dict.get("baseline_model") or []
    if not found or there_is_none(found[0]):
        return None
    try:
        path = path_utils.serving_model_path(found[0].uri)
        return JudgedModel(path, config.fan_out, examples_uri)
    except Exception as error:  # noqa: BLE001, whatever a broken file may raise
        return Unloadable(error)


def _warn(judgement: Judgement) -> None:
    for warning in judgement.warnings:
        console().print(f"  {warning}", highlight=False, soft_wrap=True)


def _write(folder: Path, judgement: Judgement, graph: ArtistGraph) -> None:
    verdict, metrics = judgement.verdict.as_json(), judgement.metrics()
    for name, content in ((METRICS_FILE, metrics), (VERDICT_FILE, verdict)):
        text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    np.savez_compressed(
        folder / EMBEDDINGS_FILE,
        artist_id=graph.artist_id[judgement.artists].astype(str),
        embedding=judgement.embeddings["connected"],
        cold_embedding=judgement.embeddings["cold"],
    )
    (folder / REPORT_FILE).write_text(markdown_report(metrics, verdict), encoding="utf-8")


def _write_page(
    folder: Path,
    judgement: Judgement,
    graph: ArtistGraph,
    truth: sp.csr_matrix,
    model_path: str,
    log: Path | None,
) -> None:
    contents = page_contents(judgement, graph, truth, model_path, log)
    (folder / PAGE_FILE).write_text(html_page(contents), encoding="utf-8")


def _bless(blessing: types.Artifact, model: types.Artifact, judgement: Judgement) -> None:
    """Writes the blessing as TFX's Evaluator does, for Pusher and Resolver."""
    blessed = judgement.verdict.blessed
    Path(blessing.uri, "BLESSED" if blessed else "NOT_BLESSED").write_text("")
    blessing.set_int_custom_property(BLESSED, int(blessed))
    blessing.set_int_custom_property(CURRENT_MODEL_ID, model.id)
    blessing.set_string_custom_property("current_model", artifact_uri(model.uri))
