"""The section `smoke_test`: addresses of no use are refused, and no password is repeated."""

from __future__ import annotations

from typing import Any

import pytest

from catalogues.errors import InputError
from components.smoke_test.config import SmokeTestConfig
from pipeline.config import parse_config


def parsed(**section: Any) -> SmokeTestConfig:
    given = {"catalogue": {"path": "x"}, "smoke_test": section}
    return parse_config(given, "c.yaml").smoke_test


@pytest.mark.parametrize("server", ["localhost:8500", "serving.ml.svc:8500", "[::1]:8500"])
def test_addresses(server):
    for rest in (None, "localhost:8501", "https://serving.example.com/models"):
        assert parsed(server=server, rest_server=rest).rest_server == rest


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"server": "localhost"}, "`smoke_test.server` must be host:port of gRPC, not 'localhost'"),
        ({"server": "http://localhost:8500"}, "`smoke_test.server` must be host:port"),
        ({"rest_server": "localhost:8501"}, "`smoke_test.rest_server` is asked where gRPC fails"),
        (
            {"server": "a:1", "rest_server": "https://me:s3cret@a/"},
            "`smoke_test.rest_server` must be host:port or a URL without a user and password",
        ),
        ({"server": "a:1", "seconds": 0}, "`smoke_test.seconds` must be at least 1"),
        ({"server": "a:1", "model": ""}, "`smoke_test.model` is empty"),
        ({"sever": "a:1"}, "unknown key `smoke_test.sever`"),
    ],
)
def test_what_is_of_no_use_gets_a_sentence(section, sentence):
    with pytest.raises(InputError) as raised:
        parsed(**section)
    assert sentence in str(raised.value)
    assert "s3cret" not in str(raised.value)
