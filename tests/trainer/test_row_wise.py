"""What a saved model says of its signatures' rows is true of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from serving.embedded.servable import Servable, _row_wise
from tests.trainer.saved_models import save, weighted_case
from tests.trainer.small_systems import small_diffusion_config
from trainer.row_wise import ROW_WISE


@pytest.fixture(scope="module")
def servable(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "7"
    save(weighted_case(), path, small_diffusion_config, pairwise=(0.5, 0.25, 0.1))
    servable = Servable(path)
    yield servable
    servable.close()


def rows_of(signature: str, num: int) -> dict[str, np.ndarray]:
    """Different artists, some of them unknown, and embeddings of any length."""
    rng = np.random.default_rng(num)
    ids = np.array([f"artist:{row:04d}".encode() for row in range(16)], object)
    by_row = {
        "artist_id": ids[rng.integers(len(ids), size=num)],
        "exclude_id": ids[rng.integers(len(ids), size=(num, 2))],
        "embedding": rng.normal(size=(num, 8)).astype(np.float32),
    }
    return {name: by_row[name] for name in ROW_WISE[signature]}


def others_of(servable: Servable, signature: str) -> dict[str, np.ndarray]:
    said = {
        "k": np.int32(5),
        "modality": np.array([b"tags"], object),
        "min_popularity": np.float32(0),
        "exclude_id": np.array([[b""]], object),
    }
    inputs = servable.signatures[signature].inputs
    return {name: said[name] for name in inputs if name not in ROW_WISE[signature]}


@pytest.mark.parametrize("signature", ROW_WISE)
def test_a_row_has_the_same_bits_in_any_batch(servable, signature):
    known = servable.signatures[signature]
    others = others_of(servable, signature)

    def run(rows):
        return servable.run(signature, {**rows, **others}, known.outputs)

    for num in (2, 3, 8, 33):
        rows = rows_of(signature, num)
        if "embedding" in rows:
            dim = known.inputs["embedding"].shape[1]
            rows["embedding"] = np.resize(rows["embedding"], (num, dim))
        together = run(rows)
        for place in range(num):
            alone = run({name: value[place : place + 1] for name, value in rows.items()})
            for name, value in alone.items():
                assert value.tobytes() == together[name][place : place + 1].tobytes() or (
                    value.dtype == object and (value == together[name][place : place + 1]).all()
                )


def test_the_server_reads_what_the_model_says(servable):
    assert servable.row_wise == {name: tuple(inputs) for name, inputs in ROW_WISE.items()}


@pytest.mark.parametrize(
    "said, read",
    [
        ("no JSON", {}),
        ("[]", {}),
        (json.dumps({"nothing": ["artist_id"]}), {}),
        (json.dumps({"similar": ["k"]}), {}),
        (json.dumps({"similar": ["artist"]}), {}),
        (json.dumps({"similar": [["artist_id"]]}), {}),
        (json.dumps({"similar": "artist_id"}), {}),
        (json.dumps({"similar": []}), {}),
        (json.dumps({"similar": ["artist_id"], "nearest": 3}), {"similar": ("artist_id",)}),
    ],
)
def test_what_does_not_fit_is_passed_over(tmp_path: Path, servable, said, read):
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "row_wise.json").write_text(said)
    assert _row_wise(tmp_path, servable.signatures) == read
    assert _row_wise(tmp_path / "nowhere", servable.signatures) == {}
