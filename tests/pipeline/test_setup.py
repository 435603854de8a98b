"""The code that setup.py packs up for workers is whole."""

import subprocess
import sys

from tests.conftest import REPOSITORY


def test_built_packages_have_the_graph_schema_beside_them(tmp_path):
    command = [sys.executable, "setup.py", "--quiet", "build_py", "--build-lib", str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    schema = REPOSITORY / "graph_schema.pbtxt"
    # Two folders above the module that reads it.
    module = tmp_path / "components" / "catalogue_example_gen" / "ego_graphs.py"
    assert module.is_file()
    assert (module.parents[2] / "graph_schema.pbtxt").read_bytes() == schema.read_bytes()
