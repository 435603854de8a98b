"""The judge as a TFX component."""

from __future__ import annotations

import dataclasses
import json

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.retrieval_evaluator.config import JudgeConfig
from components.retrieval_evaluator.executor import CODE_FINGERPRINT, CONFIG, Executor
from components.run_parameters import RUN_PARAMETERS


class RetrievalEvaluatorSpec(component_spec.ComponentSpec):
    """Inputs and outputs of the judge."""

    PARAMETERS = {
        CONFIG: component_spec.ExecutionParameter(type=str, optional=True),
        CODE_FINGERPRINT: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "model_run": component_spec.ChannelParameter(
            type=standard_artifacts.ModelRun, optional=True
        ),
        "baseline_model": component_spec.ChannelParameter(
            type=standard_artifacts.Model, optional=True
        ),
        "baseline_blessing": component_spec.ChannelParameter(
            type=standard_artifacts.ModelBlessing, optional=True
        ),
        RUN_PARAMETERS: component_spec.ChannelParameter(
            type=standard_artifacts.HyperParameters, optional=True
        ),
    }
    OUTPUTS = {
        # metrics.json, verdict.json, embeddings.npz, report.md and report.html. A type of our own
        # does not compile for Kubeflow Pipelines.
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class RetrievalEvaluator(base_beam_component.BaseBeamComponent):
    """Judges a model on hidden edges, beside the baselines and the latest blessed model.

    Args:
      examples: ego graphs and hidden edges.
      model: the new model.
      model_run: the training's log, whose curves are shown.
      baseline_model: the latest blessed one; may resolve to none.
      baseline_blessing: its blessing, which nobody reads; None without a cache. When the pipeline
        goes back and forth between two models, it tells the cache that the older verdict was about
        another day.
      config: the judged split and the gate; None where `run_parameters` say it.
      code_fingerprint: changes when the code does, and the cache with it.
      run_parameters: what holds for this run alone.
    """

    SPEC_CLASS = RetrievalEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        model_run: types.BaseChannel,
        baseline_model: types.BaseChannel,
        baseline_blessing: types.BaseChannel | None,
        config: JudgeConfig | None,
        code_fingerprint: str,
        run_parameters: types.BaseChannel | None = None,
    ):
        super().__init__(
            spec=RetrievalEvaluatorSpec(
                config=config and json.dumps(dataclasses.asdict(config), sort_keys=True),
                code_fingerprint=code_fingerprint,
                examples=examples,
                model=model,
                model_run=model_run,
                baseline_model=baseline_model,
                baseline_blessing=baseline_blessing,
                run_parameters=run_parameters,
                evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
