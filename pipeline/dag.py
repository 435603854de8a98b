"""The whole DAG, shared by every runner."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Final

from ml_metadata.proto import metadata_store_pb2
from tfx.components import Pusher, SchemaGen, StatisticsGen, Trainer
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, trainer_pb2
from tfx.types import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing

from components.catalogue_example_gen.component import CatalogueExampleGen
from components.curated_schema import CuratedSchemaGen
from components.latest_blessed_model import LatestBlessedOtherModelStrategy
from components.retrieval_evaluator.component import RetrievalEvaluator
from components.stopping_example_validator import StoppingExampleValidator
from pipeline.config import PipelineConfig
from pipeline.home import PIPELINE_NAME

HIDDEN_SPLITS: Final = ["hidden_val", "hidden_test"]
_CODE: Final = ("catalogues", "components", "trainer")
_SUFFIXES: Final = (".py", ".json", ".jinja", ".css", ".js")


def create_pipeline(
    config: PipelineConfig,
    *,
    pipeline_root: str,
    serving_root: str,
    checkpoints: str,
    metadata_connection_config: metadata_store_pb2.ConnectionConfig | None = None,
) -> Pipeline:
    """catalogue -> ego graphs -> statistics, schema, checks -> model -> judgement -> push.

    Args:
      config: what a person said.
      pipeline_root: where artifacts lie.
      serving_root: where pushed versions lie.
      checkpoints: where a killed training is found again.
      metadata_connection_config: TFX's metadata store; the runner's own if None.
    """
    code = code_fingerprint()
    example_gen = CatalogueExampleGen(
        catalogue=str(Path(config.catalogue.path).absolute()),
        build=config.graph,
        on_bad_rows=config.on_bad_rows,
        code_fingerprint=code,
    )
    examples = example_gen.outputs["examples"]
    statistics_gen = StatisticsGen(examples=examples, exclude_splits=HIDDEN_SPLITS)
    statistics = statistics_gen.outputs["statistics"]
    if config.schema:
        schema_gen = CuratedSchemaGen(schema_file=str(Path(config.schema).absolute()))
    else:
        schema_gen = SchemaGen(statistics=statistics)
    schema = schema_gen.outputs["schema"]
    example_validator = StoppingExampleValidator(statistics=statistics, schema=schema)
    trainer = Trainer(
        run_fn="trainer.run_fn.run_fn",
        examples=examples,
        schema=schema,
        # The judged split's hidden edges are not named here, so training cannot read them.
        train_args=trainer_pb2.TrainArgs(splits=["train", "val", "test"]),
        eval_args=trainer_pb2.EvalArgs(splits=["hidden_val"]),
        custom_config={
            "trainer": dataclasses.asdict(config.trainer),
            "checkpoints": checkpoints,
            "code_fingerprint": code,
        },
    )
    trainer.add_upstream_node(example_validator)
    model = trainer.outputs["model"]
    latest_blessed = Resolver(
        strategy_class=LatestBlessedOtherModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
        current_model=model,
    ).with_id("LatestBlessedModel")
    evaluator = RetrievalEvaluator(
        examples=examples,
        model=model,
        model_run=trainer.outputs["model_run"],
        baseline_model=latest_blessed.outputs["model"],
        baseline_blessing=latest_blessed.outputs["model_blessing"],
        config=dataclasses.replace(config.judge, fan_out=config.trainer.fan_out),
        code_fingerprint=code,
    )
    pusher = Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=serving_root)
        ),
    )
    return Pipeline(
        pipeline_name=PIPELINE_NAME,
        pipeline_root=pipeline_root,
        components=[
            example_gen,
            statistics_gen,
            schema_gen,
            example_validator,
            trainer,
            latest_blessed,
            evaluator,
            pusher,
        ],
        enable_cache=True,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=[f"--runner={config.beam.runner}", *config.beam.options],
    )


def sqlite_metadata(path: Path) -> metadata_store_pb2.ConnectionConfig:
    """The embedded metadata store."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return metadata.sqlite_metadata_connection_config(str(path))


def code_fingerprint() -> str:
    """A hash of the code that makes artifacts, so that the cache never outlives a change of it."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256((root / "graph_schema.pbtxt").read_bytes())
    for package in _CODE:
        for path in sorted(p for p in (root / package).rglob("*") if p.suffix in _SUFFIXES):
            digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]
