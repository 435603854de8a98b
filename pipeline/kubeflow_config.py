"""Where a run on Kubeflow Pipelines finds and leaves things; each default once."""

from __future__ import annotations

import dataclasses
import re
from pathlib import PurePosixPath
from typing import Final

from pipeline.kubeflow_resources import GpuConfig, ResourcesConfig

_STORES: Final = ("gs://", "s3://", "minio://")
"""What the launcher of Kubeflow Pipelines copies artifacts to and from."""
_FILE_SYSTEM: Final = "gs://"
"""The one store that a step reads by itself: TensorFlow 2.16 has no s3:// and no minio://."""
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+")
_CLAIM: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


@dataclasses.dataclass(frozen=True)
class VolumeConfig:
    """A persistent volume that every step has.

    Attributes:
      claim: the name of its PersistentVolumeClaim, which must be there.
      path: where it is mounted, absolute.
    """

    claim: str
    path: str

    def __post_init__(self) -> None:
        """Raises ValueError for a name that Kubernetes refuses, and for a relative path."""
        if not _CLAIM.fullmatch(self.claim):
            raise ValueError(
                f"claim must be the name of a PersistentVolumeClaim, not {self.claim!r}: small "
                "letters, digits, '-' and '.'"
            )
        if not _is_plain(self.path) or self.path == "/":
            raise ValueError(
                f"path must be an absolute path such as '/mnt/artist-sim', not {self.path!r}"
            )


@dataclasses.dataclass(frozen=True)
class SecretConfig:
    """A key of a Kubernetes Secret that every step has as an environment variable.

    Attributes:
      variable: the environment variable's name.
      secret: the Secret's name, which must be there.
      key: of the Secret.
    """

    variable: str
    secret: str
    key: str

    def __post_init__(self) -> None:
        """Raises ValueError for names that Kubernetes refuses; it repeats no value."""
        # Whoever takes this for the place of the secret itself must not read it in a log.
        if not _VARIABLE.fullmatch(self.variable):
            raise ValueError("variable must be the name of an environment variable: A to Z and '_'")
        if not _CLAIM.fullmatch(self.secret):
            raise ValueError(
                "secret must be the name of a Secret: small letters, digits, '-' and '.'"
            )
        if not _KEY.fullmatch(self.key):
            raise ValueError("key must be one of the Secret's keys: letters, digits, '-', '_', '.'")


@dataclasses.dataclass(frozen=True)
class KubeflowConfig:
    """A deployment on Kubeflow Pipelines.

    Attributes:
      image: the container image of all steps.
      pipeline_root: where the artifacts of runs lie, in an object store.
      serving_root: where the pushed versions lie, from which TF Serving loads them.
      checkpoints: where a killed training is found again: a folder below the volume. By default
        one of the container's own, with which it ends.
      volume: a volume that every step has.
      secrets: what steps have of Secrets, such as the address of a webhook.
      resources: what the steps ask of the cluster.
      gpu: an accelerator for the trainer; without it all runs on CPUs.
    """

    image: str
    pipeline_root: str
    serving_root: str
    checkpoints: str = "/tmp/artist-sim/checkpoints"
    volume: VolumeConfig | None = None
    secrets: tuple[SecretConfig, ...] = ()
    resources: ResourcesConfig = ResourcesConfig()
    gpu: GpuConfig | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a place that the steps of a run would not reach."""
        if not self.image or any(letter.isspace() for letter in self.image):
            raise ValueError(f"image must name a container image, not {self.image!r}")
        bucket = self.pipeline_root.partition("://")[2].partition("/")[0]
        if not self.pipeline_root.startswith(_STORES) or not bucket:
            raise ValueError(
                f"pipeline_root must be a folder of an object store ({', '.join(_STORES)}), not "
                f"{self.pipeline_root!r}: Kubeflow Pipelines carries artifacts through no other"
            )
        fault = self.place_fault(self.serving_root)
        if fault:
            raise ValueError(f"serving_root {fault}")
        if not _is_plain(self.checkpoints):
            raise ValueError(
                "checkpoints must be an absolute path, below that of `volume` to outlive a "
                f"container, not {self.checkpoints!r}"
            )

    def place_fault(self, place: str) -> str | None:
        """What is wrong with a folder or file that steps read or write by themselves.

        Args:
          place: a path below the volume's, or a gs:// URI.

        Returns:
          How a sentence about it ends, or None.
        """
        mount = self.volume and self.volume.path
        if place.startswith(_FILE_SYSTEM) and len(place) > len(_FILE_SYSTEM):
            return None
        if mount and _is_plain(place) and PurePosixPath(mount) in PurePosixPath(place).parents:
            return None
        below = f"below '{mount}'" if mount else "below that of a `kubeflow.volume`"
        return f"must be a path {below} or begin with '{_FILE_SYSTEM}', not {place!r}"


def _is_plain(path: str) -> bool:
    """Whether a path is absolute and goes nowhere but down."""
    return path.startswith("/") and ".." not in PurePosixPath(path).parts
