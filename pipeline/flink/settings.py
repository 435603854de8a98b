"""How the processes of the local Flink cluster are started: memory, configuration, commands.

Flink's own start scripts, which no jar brings, work the memory out; here every part is written out.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Final

JOB_PORT: Final = 8099
"""Where pipelines are handed in, as Beam's documentation has it."""
SLOTS: Final = 2
"""Of each task manager, so that one alone still runs what two ran with parallelism 2."""
HOST: Final = "localhost"

_TASK_HEAP: Final = 512
_TASK_DIRECT: Final = 512
_NETWORK: Final = 256
_MANAGED: Final = 512
_METASPACE: Final = 256
_OVERHEAD: Final = 192
_OTHER_HEAP: Final = 512
"""Megabytes. A task manager may so take 2,240, the job manager 1,088, the job server about 800."""

# What Flink's serialisers and Beam's look into, from Flink's own configuration of Java 17.
_OPENED: Final = (
    *("java.base/java.io", "java.base/java.lang", "java.base/java.lang.invoke"),
    *("java.base/java.lang.reflect", "java.base/java.net", "java.base/java.nio"),
    *("java.base/java.text", "java.base/java.time", "java.base/java.util"),
    *("java.base/java.util.concurrent", "java.base/java.util.concurrent.atomic"),
    *("java.base/java.util.concurrent.locks", "java.base/sun.net.util"),
    *("java.base/sun.nio.ch", "java.rmi/sun.rmi.registry"),
)


@dataclasses.dataclass(frozen=True)
class ClusterSettings:
    """What may differ between two clusters.

    Attributes:
      java: path of the program.
      jars: folder of the jars.
      folder: where the cluster keeps its configuration, logs and temporary files.
      job_port: of the job server.
      rest_port: of Flink's REST API.
      rpc_port: of the job manager.
      task_managers: how many.
    """

    java: str
    jars: Path
    folder: Path
    job_port: int
    rest_port: int
    rpc_port: int
    task_managers: int

    @property
    def conf(self) -> Path:
        """The folder of Flink's configuration."""
        return self.folder / "conf"

    @property
    def temporary(self) -> Path:
        """Where task managers spill and their workers unpack code."""
        return self.folder / "tmp"

    @property
    def logs(self) -> Path:
        """One file a process."""
        return self.folder / "logs"


def flink_configuration(settings: ClusterSettings) -> str:
    """The text of flink-conf.yaml."""
    values = {
        "jobmanager.rpc.address": HOST,
        "jobmanager.rpc.port": settings.rpc_port,
        "jobmanager.bind-host": HOST,
        "rest.address": HOST,
        "rest.bind-address": HOST,
        "rest.port": settings.rest_port,
        "taskmanager.host": HOST,
        "taskmanager.bind-host": HOST,
        "taskmanager.numberOfTaskSlots": SLOTS,
        "taskmanager.cpu.cores": float(SLOTS),
        "taskmanager.memory.framework.heap.size": "128m",
        "taskmanager.memory.task.heap.size": f"{_TASK_HEAP - 128}m",
        "taskmanager.memory.framework.off-heap.size": "128m",
        "taskmanager.memory.task.off-heap.size": f"{_TASK_DIRECT - _NETWORK - 128}m",
        "taskmanager.memory.network.min": f"{_NETWORK}m",
        "taskmanager.memory.network.max": f"{_NETWORK}m",
        "taskmanager.memory.managed.size": f"{_MANAGED}m",
        "taskmanager.memory.jvm-metaspace.size": f"{_METASPACE}m",
        "taskmanager.memory.jvm-overhead.min": f"{_OVERHEAD}m",
        "taskmanager.memory.jvm-overhead.max": f"{_OVERHEAD}m",
        "jobmanager.memory.heap.size": f"{_OTHER_HEAP}m",
        "jobmanager.memory.off-heap.size": "128m",
        "jobmanager.memory.jvm-metaspace.size": f"{_METASPACE}m",
        "jobmanager.memory.jvm-overhead.min": f"{_OVERHEAD}m",
        "jobmanager.memory.jvm-overhead.max": f"{_OVERHEAD}m",
        # The graph builder has some forty shuffles; with Flink's 512 buffers each, a few of them
        # at the same time would take all there are.
        "taskmanager.network.sort-shuffle.min-buffers": 32,
        # A job goes on with what is left when a task manager is lost. Each part that misses what
        # was lost fails by itself: of a fixed number of attempts one loss took more than five.
        # Here those that fail before the next attempt count as one; eight take 82 seconds.
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "5 s",
        "restart-strategy.exponential-delay.backoff-multiplier": 1.2,
        "restart-strategy.exponential-delay.max-backoff": "20 s",
        "restart-strategy.exponential-delay.jitter-factor": 0,
        "restart-strategy.exponential-delay.attempts-before-reset-backoff": 8,
        # The jars that the job server sends along are those that all processes have. Loaded anew
        # for each job, as is Flink's way, Beam could not keep a worker from one step to the next.
        "classloader.resolve-order": "parent-first",
        # So that each task manager has a part of every job.
        "taskmanager.load-balance.mode": "SLOTS",
        # A busy machine is no dead one.
        "heartbeat.interval": 5000,
        "heartbeat.timeout": 60000,
        "pekko.ask.timeout": "60 s",
        "io.tmp.dirs": settings.temporary,
    }
    return "".join(f"{key}: {value}\n" for key, value in values.items())


def job_manager(settings: ClusterSettings) -> list[str]:
    """The command of the process that gives out the work."""
    return [
        *_java(settings, _OTHER_HEAP),
        "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
        *("--configDir", str(settings.conf)),
    ]


def task_manager(settings: ClusterSettings) -> list[str]:
    """The command of a process that does the work."""
    return [
        *_java(settings, _TASK_HEAP),
        f"-XX:MaxDirectMemorySize={_TASK_DIRECT}m",
        f"-XX:MaxMetaspaceSize={_METASPACE}m",
        "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
        *("--configDir", str(settings.conf)),
    ]


def job_server(settings: ClusterSettings) -> list[str]:
    """The command of the process that turns Beam pipelines into Flink jobs."""
    return [
        *_java(settings, _OTHER_HEAP),
        "org.apache.beam.runners.flink.FlinkJobServerDriver",
        *("--job-host", HOST, "--job-port", str(settings.job_port)),
        # Any free ones: the first is told to who hands a pipeline in, nobody needs the second.
        *("--artifact-port", "0", "--expansion-port", "0"),
        *("--flink-master", f"{HOST}:{settings.rest_port}"),
        *("--artifacts-dir", str(settings.temporary / "staged")),
    ]


def _java(settings: ClusterSettings, heap: int) -> list[str]:
    return [
        settings.java,
        *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED),
        f"-Xmx{heap}m",
        # Many short jobs on few cores: less to compile, fewer threads.
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Djava.net.preferIPv4Stack=true",
        f"-Djava.io.tmpdir={settings.temporary}",
        "-Djava.util.logging.SimpleFormatter.format=%1$tF %1$tT %4$s %2$s: %5$s%6$s%n",
        "-Dpekko.remote.classic.startup-timeout=120s",
        *("-cp", os.path.join(settings.jars, "*")),
    ]
