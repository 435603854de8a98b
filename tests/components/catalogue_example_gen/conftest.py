"""Catalogues that several files of tests look at; each is built once."""

from __future__ import annotations

import pytest
from apache_beam.io.aws import s3io

from tests.components.catalogue_example_gen import split_pairs
from tests.components.catalogue_example_gen.building import Built, built
from tests.components.catalogue_example_gen.object_storage import Storage


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The catalogue of `split_pairs`."""
    return built(tmp_path_factory.mktemp("pairs"), split_pairs.FILES)


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Storage:
    """What lies at `s3://` in this test."""
    storage = Storage()
    monkeypatch.setattr(s3io.boto3_client, "Client", lambda options: storage)
    return storage
