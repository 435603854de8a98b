"""What all tests share."""

from __future__ import annotations

import collections
import os
from pathlib import Path

import hypothesis
import pytest

# Before any test module imports TensorFlow.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A machine that is busy otherwise is no failure.
hypothesis.settings.register_profile("artist_sim", deadline=None)
hypothesis.settings.load_profile("artist_sim")

REPOSITORY = Path(__file__).resolve().parents[1]
FLINK_VARIABLE = "ARTIST_SIM_TEST_FLINK"
NO_FLINK = "Nothing ran on a Flink cluster; `make test-flink` does that."
SPARK_VARIABLE = "ARTIST_SIM_TEST_SPARK"
NO_SPARK = "Nothing ran on Spark; `make test-spark` does that."
PYTORCH_VARIABLE = "ARTIST_SIM_TEST_PYTORCH"
NO_PYTORCH = "Nothing was compared with PyTorch Geometric; `make test-pytorch` does that."


def pytest_terminal_summary(terminalreporter):
    """Says what a green run has not shown."""
    skipped = terminalreporter.stats.get("skipped", ())
    # What a system says that its contract does not ask of it lacks nothing.
    reasons = collections.Counter(
        report.longrepr[2]
        for report in skipped
        if not str(report.longrepr[0]).endswith("_contract.py")
    )
    if reasons:
        terminalreporter.section("not tested", yellow=True)
        for reason, count in sorted(reasons.items()):
            said = reason.removeprefix("Skipped: ")
            terminalreporter.write_line(f"{said} ({count} test{'s' * (count > 1)})")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; a test that needs it fails where it is missing, and says so."""
    folder = Path(os.environ.get("ARTIST_SIM_DATA") or REPOSITORY / "../shared/data").resolve()
    if not (folder / "olga").is_dir():
        pytest.fail(
            "This test needs the real data: set ARTIST_SIM_DATA to the folder that holds olga/."
        )
    return folder
