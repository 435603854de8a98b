"""What a pushed model brings along to be run on catalogues that no memory holds.

Beside the SavedModel that is served (`assets.extra/bulk`) lies a small one: the functions of
`trainer.layer_steps` over batches of artists, with the weights of the dense layers and nothing of
the catalogue. TF Serving does not read it. `plan.json` beside it says how they go together.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import tensorflow as tf
import tensorflow_gnn as tfgnn

from trainer.layer_steps import LayerSteps
from trainer.listener_factors import ListenerFactors
from trainer.network import graph_function
from trainer.systems.servable import ServableSystem

FORMAT: Final = 1
LAYERS: Final = "layers"
WALKS: Final = "walks"
_FOLDER: Final = ("assets.extra", "bulk")
_PLAN: Final = "plan.json"
_SAVED_MODEL: Final = "saved_model.pb"
_FUNCTIONS: Final = "functions.pb"
"""What lies here in place of _SAVED_MODEL: TFX's Pusher copies no file of that name but the one on
top."""
_MEMORY: Final = "_memory/{}/.ATTRIBUTES/VARIABLE_VALUE"
_ARTIST_ID: Final = "artist_id/.ATTRIBUTES/VARIABLE_VALUE"


class NoBulkModelError(Exception):
    """A model brings no functions to be run in bulk; the text says why, as part of a sentence."""


@dataclasses.dataclass(frozen=True)
class BulkPlan:
    """How the functions of a bulk model go together.

    Attributes:
      kind: LAYERS or WALKS.
      fan_out: the strongest neighbours of an artist that count where edges have weights; 0: all.
      sum_fan_out: see LayerSteps.fan_out.
      dim: of the embedding.
      layers: of LAYERS, by layer its 'aggregation' and 'units'.
      hops: of WALKS, as `reach` and `decay`.
      reach: see WalkSteps.
      decay: see WalkSteps.
      memory_messages: of WALKS, which of the served model's memory are messages.
      memory_known: of WALKS, which of it says who has one.
      modalities: content that is read, by its name: the length of its vectors, 0 for words.
      listeners: a digest of the listeners by which plays became content; '' where they are not
        read.
    """

    kind: str
    fan_out: int
    dim: int
    modalities: Mapping[str, int]
    sum_fan_out: int = 0
    layers: Sequence[Mapping[str, Any]] = ()
    hops: int = 0
    reach: int = 0
    decay: float = 0.0
    memory_messages: int = 0
    memory_known: int = 0
    listeners: str = ""


class _Functions(tf.Module):
    def __init__(self, encoder: Any, variables: Sequence[tf.Variable]):
        super().__init__(name="bulk")
        self._encoder, self._read = encoder, list(variables)


def write_bulk_model(
    path: str,
    system: ServableSystem,
    spec: tfgnn.GraphTensorSpec,
    dim: int,
    listeners: ListenerFactors | None,
) -> None:
    """Adds the functions of a trained system to a SavedModel.

    Args:
      path: of the SavedModel.
      system: that is trained.
      spec: of the ego graphs that carry content.
      dim: of the embedding.
      listeners: of the examples; None where there are no plays.
    """
    steps = system.fitted_network().steps()
    functions: dict[str, Any] = {}
    example = tf.TensorSpec([None], tf.string, "own")

    def numbers(width: int, name: str) -> tf.TensorSpec:
        return tf.TensorSpec([None, width], tf.float32, name)

    def encode(examples: tf.Tensor) -> tf.Tensor:
        graphs = tfgnn.parse_example(spec, examples).merge_batch_to_components()
        return system.encoder(graphs.node_sets["artist"].features)

    def add(name: str, function: Callable[..., tf.Tensor], *signature: tf.TensorSpec) -> None:
        names = [spec.name for spec in signature]

        def result(**arguments: tf.Tensor) -> dict[str, tf.Tensor]:
            own, *others = (arguments[name] for name in names)
            own = encode(own) if own.dtype == tf.string else own
            return {"result": tf.cast(function(own, *others), tf.float32)}

        traced = graph_function(result)
        functions[name] = traced.get_concrete_function(**dict(zip(names, signature, strict=True)))

    plan = {
        "fan_out": system.config.fan_out,
        "dim": dim,
        "modalities": {
            entry["name"]: entry["dim"] if entry["kind"] == "vector" else 0
            for entry in system.encoder.modalities
        },
    }
    own = example
    if isinstance(steps, LayerSteps):
        for number, layer in enumerate(steps.layers):
            add(f"messages_{number}", layer.messages, own)
            add(f"update_{number}", layer.update, own, numbers(layer.units, "heard"))
            if layer.key is not None:
                add(f"key_{number}", layer.key, own)
            own = numbers(steps.units, "own")
        add("last", steps.last, own)
        layers = [{"aggregation": one.aggregation, "units": one.units} for one in steps.layers]
        plan |= {"kind": LAYERS, "layers": layers, "sum_fan_out": steps.fan_out}
    else:
        count = tf.TensorSpec([None], tf.float32, "count")
        add("last", steps.last, own, numbers(steps.dim, "walked"), count)
        plan |= {"kind": WALKS} | {
            name: getattr(steps, name)
            for name in ("hops", "reach", "decay", "memory_messages", "memory_known")
        }
    if listeners is not None:
        plan["listeners"] = listeners_digest(listeners)
    folder = os.path.join(path, *_FOLDER)
    tf.saved_model.save(_Functions(system.encoder, steps.variables), folder, signatures=functions)
    tf.io.gfile.rename(os.path.join(folder, _SAVED_MODEL), os.path.join(folder, _FUNCTIONS))
    text = json.dumps({"format": FORMAT, **plan}, sort_keys=True, indent=1) + "\n"
    with tf.io.gfile.GFile(os.path.join(folder, _PLAN), "w") as file:
        file.write(text)


def read_bulk_plan(path: str) -> BulkPlan:
    """How the functions of a SavedModel's bulk model go together.

    Raises:
      NoBulkModelError: it brings none, or one of another version of this project.
    """
    file_path = os.path.join(path, *_FOLDER, _PLAN)
    if not tf.io.gfile.exists(file_path):
        raise NoBulkModelError("an older version of artist_sim made it")
    try:
        with tf.io.gfile.GFile(file_path) as file:
            told = json.loads(file.read())
        if told.pop("format") != FORMAT:
            raise NoBulkModelError("another version of artist_sim made it")
        return BulkPlan(**told)
    except (ValueError, TypeError, KeyError, AttributeError, tf.errors.OpError):
        raise NoBulkModelError(f"its {_PLAN} cannot be read") from None


def load_bulk_functions(path: str) -> Callable[..., Any]:
    """(name of a function, *arrays) -> array, of a SavedModel's bulk model."""
    folder = os.path.join(path, *_FOLDER)
    # All of it is in memory when it is loaded.
    with tempfile.TemporaryDirectory() as local:
        for parent, _, names in tf.io.gfile.walk(folder):
            place = os.path.join(local, os.path.relpath(parent, folder))
            os.makedirs(place, exist_ok=True)
            for name in names:
                target = _SAVED_MODEL if name == _FUNCTIONS else name
                tf.io.gfile.copy(os.path.join(parent, name), os.path.join(place, target))
        model = tf.saved_model.load(local)

    def call(name: str, *given: Any) -> Any:
        function = model.signatures[name]
        names = ("own", "walked" if name == "last" else "heard", "count")
        arguments = {key: tf.constant(value) for key, value in zip(names, given)}
        return function(**arguments)["result"].numpy()

    return call


def read_messages(path: str, plan: BulkPlan) -> tuple[Any, Any]:
    """What visited artists say, from the weights of a served model of the kind WALKS.

    Returns:
      Ids [num] bytes of the artists that have a message, and the messages [num, dim] float32.
    """
    weights = tf.train.load_checkpoint(os.path.join(path, "variables", "variables"))
    known = weights.get_tensor(_MEMORY.format(plan.memory_known))
    messages = weights.get_tensor(_MEMORY.format(plan.memory_messages))
    return weights.get_tensor(_ARTIST_ID)[known], messages[known]


def listeners_digest(listeners: ListenerFactors) -> str:
    """Of the listeners by which plays became content."""
    return hashlib.sha256(listeners.to_bytes()).hexdigest()
