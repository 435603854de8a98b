"""The Dockerfile, its context and its locks. tests/pipeline/test_kubeflow_steps.py runs every step
from the files that it copies; no container is built here.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.kubeflow_runner import COMMAND, compile_package
from tests.conftest import REPOSITORY
from tests.deploy import image
from tests.pipeline.test_kubeflow_package import config

NOT_FOR_THE_IMAGE = ("tests", "benchmarks", "docs", ".git", ".venv", ".artist_sim", ".env")


def pins(name: str) -> dict[str, frozenset[str]]:
    """The hashes of each `package==version` of a lock."""
    entries = re.split(r"\n(?=\S)", (REPOSITORY / name).read_text().strip())
    return {
        entry.split()[0]: frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", entry))
        for entry in entries
    }


def names(pinned: dict[str, frozenset[str]]) -> set[str]:
    return {pin.split("==")[0] for pin in pinned}


@pytest.mark.parametrize("variant", ["cpu", "gpu"])
def test_what_is_copied_is_there_and_not_ignored(variant):
    copied = image.copied(variant)
    assert f"requirements-{variant}.lock" in {source.name for source, _ in copied}
    for source, _ in copied:
        assert source.exists(), source
        assert not image.is_ignored(str(source.relative_to(REPOSITORY))), source


def test_nothing_else_reaches_the_builder():
    for name in (*NOT_FOR_THE_IMAGE, ".ci/run", "requirements.lock", "shared/data", "mine.yaml"):
        assert image.is_ignored(name), name
    assert image.is_ignored("pipeline/__pycache__/dag.cpython-310.pyc")
    assert image.is_ignored("artist_sim.egg-info/PKG-INFO")
    assert not image.is_ignored("serving/explorer/page/index.html")
    wanted = {
        str(source.relative_to(REPOSITORY))
        for variant in ("cpu", "gpu")
        for source, _ in image.copied(variant)
    }
    allowed = re.findall(r"^!(.+)$", (REPOSITORY / ".dockerignore").read_text(), re.MULTILINE)
    assert set(allowed) == wanted


def test_every_package_and_data_file_is_copied(tmp_path):
    sources = image.lay_out_sources(tmp_path)
    assert sources == tmp_path / "opt" / "artist_sim"
    declared = re.search(r"include=\[(.*?)\]", (REPOSITORY / "setup.py").read_text(), re.DOTALL)
    packages = set(re.findall(r'"(\w+)\*"', declared[1]))
    assert {path.parent.name for path in sources.glob("*/__init__.py")} == packages
    assert len(packages) >= 5
    for name in (
        "graph_schema.pbtxt",
        "catalogues/sampler/artists.csv",
        "components/retrieval_evaluator/page/report.html.jinja",
        "serving/embedded/openapi.yaml",
        "serving/explorer/page/index.html",
    ):
        assert (sources / name).is_file(), name


def test_every_command_of_the_package_is_in_the_image(tmp_path):
    sources = image.lay_out_sources(tmp_path)
    assert COMMAND[:2] == ("python", "-m")
    assert (sources / f"{COMMAND[2].replace('.', '/')}.py").is_file()
    executors = compile_package(config())[0]["deploymentSpec"]["executors"]
    ours = 0
    for executor in executors.values():
        container = executor["container"]
        assert container["command"][:3] == list(COMMAND)
        place = container["args"].index("--executor_class_path") + 1
        module = container["args"][place].rpartition(".")[0]
        if module.startswith("tfx."):
            continue
        ours += 1
        assert (sources / f"{module.replace('.', '/')}.py").is_file(), module
    assert ours >= 5


def test_it_runs_as_nobody_special_and_says_so_in_numbers():
    users = [one.arguments for one in image.instructions() if one.word == "USER"]
    assert users == [("65532:65532",)]
    # Both variants are made of the stage that has the user.
    stages = [one.arguments for one in image.instructions() if one.word == "FROM"]
    assert stages[2:] == [
        ("runtime", "AS", "runtime-cpu"),
        ("runtime", "AS", "runtime-gpu"),
        ("runtime-${VARIANT}",),
    ]


def test_what_it_is_made_of_is_pinned():
    foreign = [
        one.arguments[0]
        for one in image.instructions()
        if one.word == "FROM" and not one.arguments[0].startswith("runtime")
    ]
    assert foreign
    for base in foreign:
        assert re.fullmatch(r"python:3\.10\.\d+-slim-[a-z]+", base), base
    script = (REPOSITORY / "deploy" / "image" / "install").read_text()
    assert script.count("--require-hashes") == 2
    assert "--no-cache" in script and "--no-cache-dir" in script


def test_no_secret_is_built_in():
    for one in image.instructions():
        if one.word in ("ARG", "ENV"):
            for argument in one.arguments:
                assert not re.search("token|secret|password|webhook", argument, re.IGNORECASE)


def test_the_environment_that_keras_2_and_a_user_without_a_home_need():
    environment = image.environment()
    assert environment["TF_USE_LEGACY_KERAS"] == "1"
    assert environment["PATH"].startswith("/opt/venv/bin:")
    for name in ("HOME", "ARTIST_SIM_HOME", "NUMBA_CACHE_DIR"):
        assert environment[name].startswith("/tmp"), name


def test_one_version_everywhere():
    version = re.search(r'version="([^"]+)"', (REPOSITORY / "setup.py").read_text())[1]
    for name in ("Dockerfile", "Makefile", "deploy/overlays/embedded/kustomization.yaml"):
        assert version in (REPOSITORY / name).read_text(), name


def test_the_locks_of_the_image_are_parts_of_the_lock():
    everything, cpu, gpu = (
        pins(name)
        for name in ("requirements.lock", "requirements-cpu.lock", "requirements-gpu.lock")
    )
    assert len(cpu) > 200 and all(cpu.values())
    assert cpu.items() <= everything.items(), "run `make lock`"
    assert cpu.items() <= gpu.items(), "run `make lock`"
    only_gpu = names(gpu) - names(cpu)
    assert only_gpu and all(name.startswith("nvidia-") for name in only_gpu)


def test_what_tests_need_is_not_in_the_image_and_what_artist_sim_needs_is():
    text = (REPOSITORY / "setup.py").read_text()
    needed, dev = (
        {
            re.match(r"[\w-]+", name)[0].lower()
            for name in re.findall(r'^\s+"([^"]+)",$', part, re.M)
        }
        for part in (
            text[text.index("install_requires") : text.index("extras_require")],
            text[text.index('"dev": [') : text.index('"gpu": [')],
        )
    )
    cpu = names(pins("requirements-cpu.lock"))
    assert len(needed) > 20 and needed <= cpu
    # What something that is needed needs itself may be there.
    assert dev & cpu <= {"cryptography", "jsonschema"}
    assert not {"pytest", "mypy", "ruff", "hypothesis", "playwright"} & cpu


def test_the_libraries_that_tensorflow_looks_for_are_those_of_the_lock():
    """Each folder of LD_LIBRARY_PATH belongs to a wheel, and each wheel with libraries is there."""
    of_gpu = [one for one in image.instructions() if one.word == "ENV"][1]
    paths = next(pair for pair in of_gpu.arguments if pair.startswith("LD_LIBRARY_PATH="))
    listed = set(re.findall(r"\$\{NVIDIA\}/(\w+)/lib", paths))
    wheels = {
        name.removeprefix("nvidia-").removesuffix("-cu12").replace("-", "_")
        for name in names(pins("requirements-gpu.lock"))
        if name.startswith("nvidia-")
    }
    # The compiler has binaries, which are on the PATH.
    assert wheels - listed == {"cuda_nvcc"}
    assert listed <= wheels


def test_install_is_a_script_that_can_run():
    path = REPOSITORY / "deploy" / "image" / "install"
    assert path.stat().st_mode & 0o111
    assert (
        "/build/install /opt/venv /build/requirements.lock"
        in Path(REPOSITORY / "Dockerfile").read_text()
    )
