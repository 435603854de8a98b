"""What Beam's direct runner makes of the catalogue that every engine gets."""

import pytest

from tests.pipeline.engines.contract import SAMPLER, build


@pytest.fixture(scope="package")
def sampler_directly(tmp_path_factory):
    """The folder of the sampler's examples."""
    target = tmp_path_factory.mktemp("direct")
    build(SAMPLER, target, [])
    return target
