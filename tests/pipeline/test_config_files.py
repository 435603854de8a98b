"""Configurations are found and read, with what the environment says in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalogues.errors import InputError
from pipeline.config import config_path, load_config, parse_config
from tests.pipeline.given_configs import nested, refusal


def test_broken_yaml_is_told_with_its_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("catalogue:\n  path: x\n graph: [\n")
    with pytest.raises(InputError) as raised:
        load_config(path)
    assert str(raised.value).startswith("mine.yaml, line 3: this is not valid YAML")


@pytest.mark.parametrize("text", ["", "- a\n", "catalogue\n"])
def test_what_holds_no_keys_is_refused(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="mine.yaml: keys with values are expected"):
        load_config(path)


def test_undecodable_text_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"catalogue: \xff\n")
    with pytest.raises(InputError, match="mine.yaml: this is not valid YAML"):
        load_config(path)


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_missing_file_is_told(tmp_path, name):
    with pytest.raises(InputError, match="There is no configuration"):
        load_config(tmp_path / name)


def test_a_variable_stands_in_any_text(monkeypatch):
    monkeypatch.setenv("MY_MUSIC", "/music")
    config = parse_config(nested("catalogue.path", "${MY_MUSIC}/mine"), "mine.yaml")
    assert config.catalogue.path == "/music/mine"


def test_an_unset_variable_is_told(monkeypatch):
    monkeypatch.delenv("MY_MUSIC", raising=False)
    message = refusal(nested("catalogue.path", "${MY_MUSIC}/mine"))
    assert "the environment variable MY_MUSIC is not set" in message


def test_home_and_data_always_have_a_value(monkeypatch, tmp_path):
    monkeypatch.delenv("ARTIST_SIM_DATA", raising=False)
    monkeypatch.setenv("ARTIST_SIM_HOME", str(tmp_path))
    text = "${ARTIST_SIM_HOME} ${ARTIST_SIM_DATA}"
    config = parse_config(nested("catalogue.path", text), "mine.yaml")
    assert config.catalogue.path == f"{tmp_path} ../shared/data"


def test_the_configuration_is_the_samplers_unless_one_is_named(monkeypatch):
    monkeypatch.delenv("ARTIST_SIM_CONFIG", raising=False)
    assert config_path() == Path("configs/sampler.yaml")
    monkeypatch.setenv("ARTIST_SIM_CONFIG", "mine.yaml")
    assert config_path() == Path("mine.yaml")
