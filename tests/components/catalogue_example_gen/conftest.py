"""Catalogues that several files of tests look at; each is built once."""

from __future__ import annotations

import pytest

from tests.components.catalogue_example_gen import split_pairs
from tests.components.catalogue_example_gen.building import Built, built


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The catalogue of `split_pairs`."""
    return built(tmp_path_factory.mktemp("pairs"), split_pairs.FILES)
