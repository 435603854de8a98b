"""A TensorBoard profile of an epoch of `gnn`: what its steps do and how long they wait."""

from __future__ import annotations

import dataclasses
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.cost.measure import peak_kib

WAIT: Final = "artist_sim/wait_for_data"
STEP: Final = "artist_sim/step"
BATCH: Final = "artist_sim/make_batch"
"""Names of what is traced, as TensorBoard shows them. A batch is made by a thread of its own."""
KINDS: Final[Mapping[str, str]] = {
    "optimizer": "",
    "sparse products": r"SparseTensorDenseMatMul",
    "dense products": r"MatMul",
    "rows cut out and put together": r"Slice|Gather|Scatter|Concat|Pack|Pad|Tile",
    "element by element": "",
}
"""Of a step's operations, with what is in their types; the first that fits. The optimizer's are
known by their names, and the last kind is all others."""
_OPERATION: Final = re.compile(r"^([^:\s]+):(_?[A-Z]\w*)$")
"""Name and type, as executors of graphs trace them."""


@dataclasses.dataclass(frozen=True)
class Span:
    """What a profile tells of one event.

    Attributes:
      name: of the event.
      begin: seconds from any time that is the same for all.
      end: likewise.
    """

    name: str
    begin: float
    end: float


def profile_epoch(examples: Path, folder: Path) -> dict[str, Any]:
    """Profiles the second epoch of a training; the profile is read and removed.

    Args:
      examples: of a catalogue.
      folder: the profile is written to a folder in it.

    Returns:
      What `shares`, `kinds` and `timeline` return, and `peak_mib`.
    """
    import tensorflow as tf

    from benchmarks.cost.training import load_training
    from trainer.training import Training

    class Traced(Training):
        """Says in the profile when it waits and when it takes a step."""

        def _prefetched(self, epoch: int) -> Iterator[Any]:
            steps = super()._prefetched(epoch)
            while True:
                with tf.profiler.experimental.Trace(WAIT):
                    step = next(steps, None)
                if step is None:
                    return
                yield step

        def _distributed_step(self, batches: list[Any], step: int) -> Any:
            with tf.profiler.experimental.Trace(STEP, step_num=step, _r=1):
                loss = super()._distributed_step(batches, step)
                # Reading it waits for the step.
                float(loss)
            return loss

    system, graph, validation = load_training(examples)
    task = system.task(graph, validation)
    made = task.batches

    def batches(epoch: int) -> Iterator[Any]:
        every = made(epoch)
        while True:
            with tf.profiler.experimental.Trace(BATCH):
                batch = next(every, None)
            if batch is None:
                return
            yield batch

    task.batches = batches
    training = Traced(task, graph, validation, system.training_config)
    reports = training.run()
    next(reports)
    folder.mkdir(parents=True, exist_ok=True)
    log = Path(tempfile.mkdtemp(prefix=".profile-", dir=folder))
    try:
        tf.profiler.experimental.start(str(log))
        next(reports)
        tf.profiler.experimental.stop()
        spans = read_spans(log)
    finally:
        shutil.rmtree(log, ignore_errors=True)
    peak = round(peak_kib() / 1024, 1)
    found = {**shares(spans), "kinds": kinds(spans), "timeline": timeline(spans)}
    return {**found, "peak_mib": peak}


def read_spans(log: Path) -> list[Span]:
    """The events in what TensorFlow's profiler has written below a folder, as they began."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    found = []
    for path in log.rglob("*.xplane.pb"):
        space = xplane_pb2.XSpace()
        space.ParseFromString(path.read_bytes())
        for plane in space.planes:
            name_of = {key: one.name for key, one in plane.event_metadata.items()}
            for line in plane.lines:
                for event in line.events:
                    name = name_of[event.metadata_id].split("#")[0]
                    begin = line.timestamp_ns / 1e9 + event.offset_ps / 1e12
                    found.append(Span(name, begin, begin + event.duration_ps / 1e12))
    return sorted(found, key=lambda span: span.begin)


def shares(spans: Sequence[Span]) -> dict[str, Any]:
    """Of an epoch's events.

    Returns:
      `steps`; `seconds` from the first wait to the last step's end; `waiting`, the share of them
      in which a step waits for its data; `first_wait`, the share of the first step, before which
      nothing can be made ahead; `waited`, how many of the other steps waited for more than a
      hundredth of the median step; and `making`, the seconds that it took to make the batches.
    """
    steps = [span for span in spans if span.name == STEP]
    # The last wait finds that there is no further step.
    waits = [span for span in spans if span.name == WAIT and span.begin < steps[-1].begin]
    total = steps[-1].end - waits[0].begin
    waited = [span.end - span.begin for span in waits]
    middle = sorted(span.end - span.begin for span in steps)[len(steps) // 2]
    making = sum(span.end - span.begin for span in spans if span.name == BATCH)
    figures: Mapping[str, float] = {
        "seconds": total,
        "waiting": sum(waited) / total,
        "first_wait": waited[0] / total,
        "making": making,
    }
    late = sum(one > middle / 100 for one in waited[1:])
    return {"steps": len(steps), "waited": late, **{n: round(v, 5) for n, v in figures.items()}}


def timeline(spans: Sequence[Span]) -> dict[str, list[list[float]]]:
    """When an epoch's batches were made, its steps waited and ran: seconds from the first wait."""
    began = next(span.begin for span in spans if span.name == WAIT)
    named = {"batch": BATCH, "wait": WAIT, "step": STEP}
    return {
        row: [
            [round(span.begin - began, 4), round(span.end - began, 4)]
            for span in spans
            if span.name == name
        ]
        for row, name in named.items()
    }


def kinds(spans: Sequence[Span]) -> dict[str, float]:
    """Seconds of each kind of operation in an epoch's events, of all threads together.

    An operation whose work is spread over threads counts as long as it takes, and what runs beside
    it counts too: the sum is no time that passes.
    """
    found = dict.fromkeys(KINDS, 0.0)
    for span in spans:
        if operation := _OPERATION.match(span.name):
            found[_kind_of(*operation.groups())] += span.end - span.begin
    return {kind: round(seconds, 4) for kind, seconds in found.items()}


def _kind_of(name: str, operation: str) -> str:
    if name.startswith("Adam/"):
        return "optimizer"
    named = (kind for kind, part in KINDS.items() if part and re.search(part, operation))
    return next(named, "element by element")
