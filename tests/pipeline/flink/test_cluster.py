"""Up, status and down, with stand-ins for Flink's processes; the real ones: test_on_flink.py."""

import os
import re
import signal
import socket
import time

import pytest

from catalogues.errors import InputError
from pipeline import command_line
from pipeline.flink import cluster, settings, supervisor
from tests.pipeline.flink.programs import is_alive, write_java


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with jars and Java; its cluster is taken down in the end."""
    monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(cluster, "fetch_jars", lambda folder: tmp_path / "jars")
    write_java(tmp_path / "bin")
    yield tmp_path / "home"
    cluster.down()


@pytest.fixture
def port():
    (port,) = cluster._free_ports(1)
    return port


def until(condition):
    while not condition():
        time.sleep(0.05)


def test_a_cluster_comes_up_once_and_goes_down_whole(home, port, capsys):
    assert command_line.main(["flink", "status"]) == 1
    assert command_line.main(["flink", "up", "--job-port", str(port)]) == 0
    said = capsys.readouterr().out
    assert f"handed in at localhost:{port}" in said
    assert "2 task managers with 4 slots" in said
    state = cluster.status()
    assert set(state.processes) == {
        "job manager",
        "job server",
        "task manager 1",
        "task manager 2",
    }
    assert all(is_alive(pid) for pid in state.processes.values())
    assert command_line.main(["flink", "up", "--job-port", str(port)]) == 2
    assert "The Flink cluster of this home is up" in capsys.readouterr().err
    assert cluster.status() == state

    assert command_line.main(["flink", "down"]) == 0
    assert not any(is_alive(pid) for pid in state.processes.values())
    assert cluster.status() is None
    assert command_line.main(["flink", "down"]) == 0
    assert "No Flink cluster of this home was up" in capsys.readouterr().out


def test_a_task_manager_that_is_killed_is_started_again(home, port, monkeypatch):
    state = cluster.up(job_port=port)
    os.kill(state.processes["task manager 2"], signal.SIGKILL)
    until(lambda: cluster.status().replaced)
    again = cluster.status()
    others = {name: pid for name, pid in state.processes.items() if name != "task manager 2"}
    assert again.replaced == 1
    assert others.items() < again.processes.items()
    assert is_alive(again.processes["task manager 2"])


@pytest.mark.parametrize("name", ["job manager", "job server"])
def test_without_what_cannot_be_replaced_the_cluster_ends(home, port, name):
    state = cluster.up(job_port=port)
    os.kill(state.processes[name], signal.SIGKILL)
    until(lambda: cluster.status() is None and not cluster._is_up(cluster.cluster_folder()))
    assert not any(is_alive(pid) for pid in state.processes.values())
    log = (home / "flink" / "logs" / "supervisor.log").read_text()
    assert log == f"The {name} has ended with -9.\n"


def test_nothing_outlives_the_supervisor(home, port):
    state = cluster.up(job_port=port)
    os.kill(state.pid, signal.SIGKILL)
    # Its parent, this process, has to take note of its end; the others have none that does.
    os.waitpid(state.pid, 0)
    until(lambda: not any(is_alive(pid) for pid in state.processes.values()))
    assert cluster.status() is None


def test_a_taken_port_is_told_before_anything_is_started(home, port):
    with (
        socket.create_server(("localhost", port)),
        pytest.raises(InputError, match=f"Port {port} is taken"),
    ):
        cluster.up(job_port=port)
    assert not (home / "flink").exists() or not cluster._is_up(home / "flink")


def test_a_cluster_that_cannot_start_is_told(home, port, tmp_path):
    write_java(tmp_path / "bin", broken=True)
    with pytest.raises(InputError, match="ended while it came up"):
        cluster.up(job_port=port)
    assert cluster.status() is None


def test_the_boot_program_limits_memory_where_it_is_asked_to(tmp_path):
    cluster._write_boot(tmp_path / "boot", None)
    assert "MEMORY" not in (tmp_path / "boot").read_text()
    cluster._write_boot(tmp_path / "boot", 700)
    assert "export ARTIST_SIM_WORKER_MEMORY=700 " in (tmp_path / "boot").read_text()
    assert os.access(tmp_path / "boot", os.X_OK)


def test_flink_and_java_are_told_the_same_of_memory(tmp_path):
    # Flink's start scripts, which are not used, would derive the one from the other.
    some = settings.ClusterSettings("java", tmp_path, tmp_path, 1, 2, 3, 2)
    lines = settings.flink_configuration(some).splitlines()
    conf = dict(line.split(": ", 1) for line in lines)
    assert len(conf) == len(lines)

    def megabytes(*parts):
        return sum(int(conf[f"taskmanager.memory.{part}"].removesuffix("m")) for part in parts)

    command = " ".join(settings.task_manager(some))
    heap = int(re.search(r"-Xmx(\d+)m", command)[1])
    direct = int(re.search(r"MaxDirectMemorySize=(\d+)m", command)[1])
    metaspace = int(re.search(r"MaxMetaspaceSize=(\d+)m", command)[1])
    assert heap == megabytes("framework.heap.size", "task.heap.size")
    off_heap = ("framework.off-heap.size", "task.off-heap.size", "network.max")
    assert direct == megabytes(*off_heap)
    assert metaspace == megabytes("jvm-metaspace.size")
    assert conf["taskmanager.memory.network.min"] == conf["taskmanager.memory.network.max"]


def test_settings_reach_the_supervisor_whole(tmp_path):
    some = settings.ClusterSettings("java", tmp_path / "jars", tmp_path, 1, 2, 3, 2)
    assert supervisor.from_argument(supervisor.as_argument(some)) == some
