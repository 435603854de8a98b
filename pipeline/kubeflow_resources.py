"""What the containers of a run on Kubeflow Pipelines ask of a cluster; each default once."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final

_MEMORY: Final = re.compile(r"(\d+(?:\.\d+)?)(M|Mi|G|Gi)")
_BYTES: Final = {"M": 10**6, "Mi": 2**20, "G": 10**9, "Gi": 2**30}
_RESOURCE: Final = re.compile(r"[a-z0-9.-]+/[A-Za-z0-9._-]+")
_LABEL: Final = re.compile(r"(?:[a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_TRAINER: Final = "Trainer"
_KINDS: Final = {
    "CatalogueExampleGen": "graph",
    "StatisticsGen": "statistics",
    _TRAINER: "trainer",
    "RetrievalEvaluator": "judge",
}
_EXECUTOR: Final = "_executor"
"""What TFX puts behind a step's name to name its executor."""


@dataclasses.dataclass(frozen=True)
class StepResources:
    """What one container asks for.

    Attributes:
      cpu: cores that are kept for it; it may use more where there are more.
      memory: kept for it, and where it is ended: '4Gi', '500M'.
    """

    cpu: float
    memory: str

    def __post_init__(self) -> None:
        """Raises ValueError for what Kubernetes would refuse."""
        if self.cpu <= 0:
            raise ValueError(f"cpu must be above 0, not {self.cpu:g}")
        read = _MEMORY.fullmatch(self.memory)
        if not read or not float(read[1]):
            raise ValueError(f"memory must be such as '4Gi' or '500M', not {self.memory!r}")

    @property
    def gigabytes(self) -> float:
        """The memory in 10**9 bytes, in which Kubeflow Pipelines counts."""
        read = _MEMORY.fullmatch(self.memory)
        assert read
        return float(read[1]) * _BYTES[read[2]] / 10**9


@dataclasses.dataclass(frozen=True)
class ResourcesConfig:
    """The resources of each kind of step. docs/operations.md has the measurements behind them.

    Attributes:
      graph: of CatalogueExampleGen.
      statistics: of StatisticsGen.
      trainer: of Trainer.
      judge: of RetrievalEvaluator.
      others: of each other step.
    """

    graph: StepResources = StepResources(cpu=1, memory="4Gi")
    statistics: StepResources = StepResources(cpu=1, memory="4Gi")
    trainer: StepResources = StepResources(cpu=2, memory="6Gi")
    judge: StepResources = StepResources(cpu=2, memory="4Gi")
    others: StepResources = StepResources(cpu=0.5, memory="2Gi")


@dataclasses.dataclass(frozen=True)
class GpuConfig:
    """An accelerator, for the trainer alone.

    Attributes:
      count: how many.
      resource: what the cluster calls them.
      image: the trainer's, with CUDA.
      node_labels: 'label=value', all of which a node must have.
      tolerated_taints: keys of taints that keep other containers from such nodes.
    """

    image: str
    count: int = 1
    resource: str = "nvidia.com/gpu"
    node_labels: tuple[str, ...] = ()
    tolerated_taints: tuple[str, ...] = ("nvidia.com/gpu",)

    def __post_init__(self) -> None:
        """Raises ValueError for what Kubernetes would refuse."""
        if not self.image or any(letter.isspace() for letter in self.image):
            raise ValueError(f"image must name a container image, not {self.image!r}")
        if self.count < 1:
            raise ValueError(f"count must be 1 or more, not {self.count}")
        if not _RESOURCE.fullmatch(self.resource):
            raise ValueError(f"resource must be such as 'nvidia.com/gpu', not {self.resource!r}")
        for label in self.node_labels:
            name, equals, value = label.partition("=")
            if not equals or not all(_LABEL.fullmatch(part) for part in (name, value or "x")):
                raise ValueError(f"node_labels must be of the form 'label=value', not {label!r}")
        for taint in self.tolerated_taints:
            if not _LABEL.fullmatch(taint):
                raise ValueError(f"tolerated_taints must be keys of taints, not {taint!r}")

    @property
    def platform(self) -> dict[str, Any]:
        """Where the trainer may run, as the PlatformSpec of an executor has it."""
        labels = dict(label.split("=", 1) for label in self.node_labels)
        tolerations = [{"key": key, "operator": "Exists"} for key in self.tolerated_taints]
        placed: dict[str, Any] = {"nodeSelector": {"labels": labels}} if labels else {}
        return placed | ({"tolerations": tolerations} if tolerations else {})


def with_resources(
    documents: list[dict[str, Any]], resources: ResourcesConfig, gpu: GpuConfig | None
) -> list[dict[str, Any]]:
    """The package with what each container asks for, the trainer's image, and where it may run.

    Args:
      documents: a PipelineSpec as JSON, and a PlatformSpec, if there is one; changed in place.
      resources: by kind of step.
      gpu: the trainer's accelerator.

    Returns:
      The documents, with a PlatformSpec if the trainer needs one.
    """
    executors = documents[0]["deploymentSpec"]["executors"]
    for name, executor in executors.items():
        step = name.removesuffix(_EXECUTOR)
        asked: StepResources = getattr(resources, _KINDS.get(step, "others"))
        executor["container"]["resources"] = {
            "cpuRequest": float(asked.cpu),
            "memoryRequest": asked.gigabytes,
            # Without a limit a step that grows takes its neighbours' memory.
            "memoryLimit": asked.gigabytes,
        }
    if gpu is None:
        return documents
    trainer = f"{_TRAINER}{_EXECUTOR}"
    container = executors[trainer]["container"]
    container["image"] = gpu.image
    # 64-bit numbers are texts in the JSON of protocol buffers.
    container["resources"]["accelerator"] = {"type": gpu.resource, "count": str(gpu.count)}
    if len(documents) == 1 and gpu.platform:
        documents.append({"platforms": {"kubernetes": {"deploymentSpec": {"executors": {}}}}})
    if gpu.platform:
        placed = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        placed[trainer] = placed.get(trainer, {}) | gpu.platform
    return documents
