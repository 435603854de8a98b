"""Which catalogue results are of."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.catalogue import catalogue_digest
from benchmarks.run import main
from catalogues.errors import InputError
from components.catalogue_example_gen.config import ListeningConfig
from pipeline.config import CatalogueConfig, ImportConfig, PipelineConfig
from tests.pipeline.communities import add_artist, write_communities


def config_of(path, **changes) -> PipelineConfig:
    return dataclasses.replace(PipelineConfig(CatalogueConfig(str(path))), **changes)


def test_the_digest_is_of_tables_and_graph(tmp_path):
    config = config_of(write_communities(tmp_path / "mine"))
    digest = catalogue_digest(config)
    assert digest == catalogue_digest(config_of(write_communities(tmp_path / "copy")))
    (tmp_path / "mine" / "README.md").write_text("No table.")
    more_shards = dataclasses.replace(config.graph, shards=3)
    assert digest == catalogue_digest(dataclasses.replace(config, graph=more_shards))
    # What would become of plays, where there are none.
    heard = dataclasses.replace(config.graph, listening=ListeningConfig(factors=8))
    assert digest == catalogue_digest(dataclasses.replace(config, graph=heard))
    capped = dataclasses.replace(config.graph, neighbor_cap=3)
    assert digest != catalogue_digest(dataclasses.replace(config, graph=capped))
    add_artist(tmp_path / "mine")
    assert digest != catalogue_digest(config)


def test_what_is_not_there_is_imported_or_told(tmp_path):
    missing = CatalogueConfig(str(tmp_path / "no"), ImportConfig("olga", str(tmp_path)))
    assert catalogue_digest(PipelineConfig(missing)) is None
    with pytest.raises(InputError, match="'no'"):
        catalogue_digest(config_of(tmp_path / "no"))
    with pytest.raises(InputError, match="needs one catalogue"):
        catalogue_digest(config_of(tmp_path / "span-{SPAN}"))


def test_a_listing_without_catalogue_and_results_says_what_makes_them(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path))
    monkeypatch.setattr("benchmarks.run.RESULTS", tmp_path / "results")
    assert main(["olga", "--list"]) == 2
    assert "`make benchmark SUITE=olga` imports it" in capsys.readouterr().err
