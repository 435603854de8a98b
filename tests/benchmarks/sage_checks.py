"""Checks of benchmarks/cost/others/sage.py; runs in the environment that it runs in.

Arguments: a job of benchmarks.cost.training, and a folder with `weights.npz`, those of the
project's own network, and `expected.npy`, what that embeds val's artists as.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "cost" / "others"))

import sage  # noqa: E402, it lies in no package

FORMS = (
    *("loader_edges", "loader_csr", "trimmed_edges", "trimmed_csr"),
    *("full_edges", "full_csr", "whole_edges", "whole_csr", "whole_native"),
)


def take_weights(network: sage.Network, weights: dict[str, np.ndarray]) -> None:
    """Puts the project's weights into the network; kernels lie the other way round there."""

    def dense(layer: torch.nn.Linear, kernel: np.ndarray, bias: np.ndarray | None) -> None:
        assert layer.weight.shape == kernel.T.shape
        layer.weight.copy_(torch.from_numpy(kernel.T.copy()))
        if bias is not None:
            layer.bias.copy_(torch.from_numpy(bias))

    with torch.no_grad():
        for place, (project, convolve) in enumerate(zip(network.project, network.convolve), 1):
            name = f"convolution_{place}"
            dense(project, weights[f"{name}/heard/kernel"], weights[f"{name}/heard/bias"])
            kernel, bias = weights[f"{name}/state/kernel"], weights[f"{name}/state/bias"]
            # [x; N] there; here N is the aggregated, and x the own state, without a bias.
            dense(convolve.lin_r, kernel[: -project.out_features], None)
            dense(convolve.lin_l, kernel[-project.out_features :], bias)
        for place, layer in enumerate([*network.backend, network.output]):
            dense(layer, weights[f"backend_{place}/kernel"], weights[f"backend_{place}/bias"])


def check_same_network(job: dict, folder: Path) -> None:
    """With the same weights, the same embedding."""
    training = sage.Training(Path(job["arrays"]), job)
    take_weights(training.network, dict(np.load(folder / "weights.npz")))
    found = training.validation(Path(job["arrays"]))
    np.testing.assert_allclose(found, np.load(folder / "expected.npy"), atol=1e-5)


def check_trimmed_is_the_same(job: dict) -> None:
    """What is left out changes no embedding of the batch, whatever form the edges have."""
    training = sage.Training(Path(job["arrays"]), {**job, "form": "loader_edges"})
    for batch in training.loader:
        found = []
        for trimmed in (False, True):
            for kind in ("edges", "csr", "native"):
                layers = sage.sampled_layers(batch, job["convolutions"], trimmed, kind)
                with torch.no_grad():
                    found.append(training.network(batch.x, layers)[: batch.batch_size].numpy())
        for other in found[1:]:
            np.testing.assert_allclose(other, found[0], atol=1e-5)


def check_no_pair_is_seen(job: dict) -> None:
    """No layer has an edge between two artists of one fold, which are the pairs to predict."""
    for form in ("loader_edges", "trimmed_edges", "full_edges", "whole_edges"):
        training = sage.Training(Path(job["arrays"]), {**job, "form": form})
        steps = training._loaded() if training.sampled else training._folds()
        pairs = 0
        for _, layers, parts in steps:
            for rows, (anchor, _) in parts:
                pairs += len(anchor)
                fold = torch.zeros(len(training.features), dtype=torch.bool)
                fold[rows] = True
                for layer in layers:
                    source, target = layer.edges
                    assert not (fold[source] & fold[target]).any(), form
        assert pairs, form


def check_negatives(job: dict) -> None:
    """No positive and not the anchor itself is ever drawn where there is another."""
    torch.manual_seed(1)
    vectors = torch.nn.functional.normalize(torch.randn(12, 8))
    distance = sage.chord(vectors @ vectors.T)
    allowed = ~torch.eye(12, dtype=torch.bool)
    allowed[:, 3] = False
    cumulative = sage.cumulative_weights(distance, allowed, 8)
    step = torch.diff(cumulative, dim=1, prepend=torch.zeros(12, 1))
    assert (step[~allowed] == 0).all() and (cumulative[:, -1] > 0).all()
    # q(d)^-1 by hand, for one pair that is neither too near nor too far.
    row, column = ((distance > 0.6) & (distance < 1.3) & allowed).nonzero()[0].tolist()
    others = ((distance[row] > 0.6) & (distance[row] < 1.3) & allowed[row]).nonzero().ravel()

    def inverse(d: float) -> float:
        return d ** -(8 - 2) * (1 - d * d / 4) ** (-(8 - 3) / 2)

    for other in others.tolist():
        expected = inverse(float(distance[row, column])) / inverse(float(distance[row, other]))
        assert abs(float(step[row, column] / step[row, other]) / expected - 1) < 1e-4


def main() -> None:
    """All checks; an AssertionError ends them."""
    # Two folds, so that there are pairs in each of a small graph.
    job, folder = {**json.loads(sys.argv[1]), "batches": 2}, Path(sys.argv[2])
    check_same_network(job, folder)
    check_trimmed_is_the_same(job)
    check_no_pair_is_seen(job)
    check_negatives(job)
    for form in FORMS:
        found = sage.main({**job, "form": form, "run_epochs": 2, "threads": 1})
        assert np.isfinite(found["loss"]).all() and found["loss"][1] != found["loss"][0], form


if __name__ == "__main__":
    main()
