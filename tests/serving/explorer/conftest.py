"""A pushed model that brings explorer data along, and a server of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import browser_path, running_browser
from tests.serving.explorer.page_catalogue import push_named
from tests.serving.explorer.page_visit import WIDE, Visit, visiting
from tests.serving.running_server import RunningServer
from tests.trainer.saved_models import Served, save, weighted_case
from tests.trainer.small_systems import small_diffusion_config, statistics_of
from trainer.explorer_data import write_explorer_data


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Version 7, a small trained model that scores pairs, with data for the explorer."""
    case = weighted_case()
    # Two are equally popular, one is of unknown popularity.
    case.graph.popularity[:13] = [10 * (row % 6) for row in range(13)]
    case.graph.name[4] = "Sigur Rós"
    path = tmp_path_factory.mktemp("explorable") / "artist_sim" / "7"
    served = save(case, path, small_diffusion_config, pairwise=(0.5, 0.25, 0.1))
    write_explorer_data(
        str(path),
        case.graph,
        statistics_of(case.graph),
        list(case.graph.content),
        served.model.embedding,
        "umap",
    )
    return served


@pytest.fixture(scope="session")
def explorer(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of it, with a small limit of rows, so that more are asked in parts."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with RunningServer(Path(served.path).parent, log, ("--max-batch", "4")) as server:
        yield server


@pytest.fixture
def root(served: Served, tmp_path: Path) -> Path:
    """A folder of versions with version 3, a copy."""
    shutil.copytree(served.path, tmp_path / "models" / "3")
    return tmp_path / "models"


@pytest.fixture(scope="session")
def named_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with version 7 of a catalogue with names; not made where no browser would look."""
    browser_path()
    root = tmp_path_factory.mktemp("named") / "artist_sim"
    push_named(root / "7")
    return root


@pytest.fixture(scope="session")
def named_server(named_root: Path) -> Iterator[RunningServer]:
    """A server of it."""
    with RunningServer(named_root, named_root.parent / "log.txt") as server:
        yield server


# For one module: while it runs, no other test could run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's browser; skips, and says so, where there is none."""
    with running_browser(browser_path()) as browser:
        yield browser


@pytest.fixture
def visit(browser: Any, named_server: RunningServer) -> Iterator[Visit]:
    """At the wide window; whatever happens, no other host is asked and nothing is complained of."""
    yield from visiting(browser, named_server, viewport=WIDE)
