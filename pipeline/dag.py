"""The whole DAG, shared by every runner."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import time
from pathlib import Path
from typing import Final

from ml_metadata.proto import metadata_store_pb2
from tfx.components import SchemaGen, StatisticsGen
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2
from tfx.types import BaseChannel, Channel
from tfx.types.standard_artifacts import Model, ModelBlessing

from components.catalogue_example_gen.component import CatalogueExampleGen
from components.catalogue_example_gen.config import SUBGRAPHS
from components.catalogue_example_gen.sampling import reach_of
from components.curated_schema import CuratedSchemaGen
from components.latest_blessed_model import LatestBlessedOtherModelStrategy
from components.latest_served_model import LatestServedModel
from components.ledger_pusher import LedgerPusher
from components.ordered_pusher import OrderedPusher
from components.retraining.component import RetrainDecision
from components.retraining.config import ALWAYS, WARM
from components.retraining.names import DECISION
from components.retraining.recording_trainer import Trainer
from components.retraining.training_record import SECTIONS
from components.retrieval_evaluator.component import RetrievalEvaluator
from components.run_parameters import RUN_PARAMETERS
from components.smoke_test.component import SmokeTest
from components.stopping_example_validator import StoppingExampleValidator
from pipeline.config import PipelineConfig
from pipeline.home import DEPLOYED_NAME, PIPELINE_NAME
from pipeline.run_parameters import RunParameters, judge_config

HIDDEN_SPLITS: Final = ["hidden_val", "hidden_test"]
RUN_PLACEHOLDER: Final = "{{$.pipeline_job_uuid}}"
"""In whose place Kubeflow Pipelines puts the id of the run."""
_CODE: Final = ("catalogues", "components", "trainer")
_SUFFIXES: Final = (".py", ".json", ".jinja", ".css", ".js")


def create_pipeline(
    config: PipelineConfig,
    *,
    pipeline_root: str,
    serving_root: str,
    checkpoints: str,
    metadata_connection_config: metadata_store_pb2.ConnectionConfig | None = None,
    on_kubeflow: bool = False,
) -> Pipeline:
    """catalogue -> ego graphs -> statistics, schema, checks -> model -> judgement -> push, trial.

    On Kubeflow Pipelines, whose back end has no drivers, no resolvers and no metadata store that a
    step could ask, a step reads the parameters of the run, and the latest blessed model is found
    in the push destination.

    Args:
      config: what a person said.
      pipeline_root: where artifacts lie.
      serving_root: where pushed versions lie.
      checkpoints: where a killed training is found again.
      metadata_connection_config: TFX's metadata store; the runner's own if None.
      on_kubeflow: whether Kubeflow Pipelines runs it.
    """
    code = code_fingerprint()
    parameters = RunParameters(config) if on_kubeflow else None
    run_parameters = parameters and parameters.outputs[RUN_PARAMETERS]
    path = config.catalogue.path
    example_gen = CatalogueExampleGen(
        catalogue=path if on_kubeflow else str(Path(path).absolute()),
        build=None if on_kubeflow else config.graph,
        subgraphs=reach_of(config.graph, config.trainer)
        if config.graph.sampling == SUBGRAPHS and not on_kubeflow
        else None,
        on_bad_rows=None if on_kubeflow else config.on_bad_rows,
        staging=config.beam.staging,
        code_fingerprint=code,
        run_parameters=run_parameters,
    )
    if config.beam.staging:
        example_gen.with_beam_pipeline_args(config.beam.arguments())
    examples = example_gen.outputs["examples"]
    statistics_gen = StatisticsGen(examples=examples, exclude_splits=HIDDEN_SPLITS)
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = _schema_gen(config, statistics, on_kubeflow)
    schema = schema_gen.outputs["schema"]
    example_validator = StoppingExampleValidator(statistics=statistics, schema=schema)
    configuration = {name: dataclasses.asdict(getattr(config, name)) for name in SECTIONS}
    decision = None
    warm = config.retrain.start == WARM
    if on_kubeflow or warm or config.retrain.when != ALWAYS:
        decision = RetrainDecision(
            examples=examples,
            statistics=statistics,
            serving_root=serving_root,
            config=None
            if on_kubeflow
            else {**configuration, "retrain": dataclasses.asdict(config.retrain)},
            asked_at=None if on_kubeflow else str(time.time()),
            run_parameters=run_parameters,
        )
        # Data that does not fit its schema is told as such, however little of it is new.
        decision.add_upstream_node(example_validator)
    # All that a run with nothing to do leaves out.
    with Cond(decision.trains()) if decision else contextlib.nullcontext():
        trainer = Trainer(
            run_fn="trainer.run_fn.run_fn",
            examples=examples,
            statistics=statistics,
            schema=schema,
            hyperparameters=run_parameters,
            # The judged split's hidden edges are not named here, so training cannot read them.
            train_splits=["train", "val", "test"],
            eval_splits=["hidden_val"],
            # A decision is another each time, so a trainer that reads one is never cached.
            decision=decision.outputs[DECISION] if decision and (on_kubeflow or warm) else None,
            custom_config={
                **({} if on_kubeflow else configuration),
                **({"retrain": {"start": WARM}} if warm and not on_kubeflow else {}),
                "checkpoints": checkpoints,
                "code_fingerprint": code,
            },
        )
        trainer.add_upstream_node(example_validator)
        model = trainer.outputs["model"]
        latest_blessed: BaseNode
        if on_kubeflow:
            latest_blessed = LatestServedModel(current_model=model, serving_root=serving_root)
        else:
            latest_blessed = Resolver(
                strategy_class=LatestBlessedOtherModelStrategy,
                config={"serving_root": serving_root},
                model=Channel(type=Model),
                model_blessing=Channel(type=ModelBlessing),
                current_model=model,
            ).with_id("LatestBlessedModel")
        baseline_model = latest_blessed.outputs["model"]
        evaluator = RetrievalEvaluator(
            examples=examples,
            model=model,
            model_run=trainer.outputs["model_run"],
            baseline_model=baseline_model,
            baseline_blessing=None if on_kubeflow else latest_blessed.outputs["model_blessing"],
            config=None if on_kubeflow else judge_config(config),
            code_fingerprint=code,
            run_parameters=run_parameters,
        )
        blessing = evaluator.outputs["blessing"]
        pusher: BaseNode
        if on_kubeflow:
            pusher = OrderedPusher(
                model=model,
                model_blessing=blessing,
                baseline_model=baseline_model,
                evaluation=evaluator.outputs["evaluation"],
                serving_root=serving_root,
                run=RUN_PLACEHOLDER,
            )
        else:
            pusher = LedgerPusher(
                model=model,
                model_blessing=blessing,
                push_destination=pusher_pb2.PushDestination(
                    filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=serving_root)
                ),
            )
        smoke_test = SmokeTest(
            model=model,
            pushed_model=pusher.outputs["pushed_model"],
            evaluation=evaluator.outputs["evaluation"],
            serving_root=serving_root,
            config=config.smoke_test,
            run=RUN_PLACEHOLDER if on_kubeflow else "",
            run_parameters=run_parameters,
        )
    return Pipeline(
        pipeline_name=DEPLOYED_NAME if on_kubeflow else PIPELINE_NAME,
        pipeline_root=pipeline_root,
        components=[
            *([parameters] if parameters else []),
            example_gen,
            statistics_gen,
            schema_gen,
            example_validator,
            *([decision] if decision else []),
            trainer,
            latest_blessed,
            evaluator,
            pusher,
            # A local run has just written the files; without a server there is little to try.
            *([smoke_test] if on_kubeflow or config.smoke_test.server else []),
        ],
        # With a cache a scheduled retraining does nothing: its back end looks at parameters and
        # inputs, so neither at the catalogue's files nor at what is served.
        enable_cache=not on_kubeflow,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=config.beam.unstaged.arguments(),
    )


def _schema_gen(config: PipelineConfig, statistics: BaseChannel, on_kubeflow: bool) -> BaseNode:
    if not config.schema:
        return SchemaGen(statistics=statistics)
    if on_kubeflow:
        # Read when it runs; there is no cache that it could be hidden from.
        return ImportSchemaGen(schema_file=config.schema)
    return CuratedSchemaGen(schema_file=str(Path(config.schema).absolute()))


def code_fingerprint() -> str:
    """A hash of the code that makes artifacts, so that the cache never outlives a change of it."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256((root / "graph_schema.pbtxt").read_bytes())
    for package in _CODE:
        for path in sorted(p for p in (root / package).rglob("*") if p.suffix in _SUFFIXES):
            digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]
