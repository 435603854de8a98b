"""The network of `gnn` in PyTorch Geometric, trained; runs in an environment of its own.

The same layers, widths and loss as trainer/network.py and trainer/tasks/triplet.py: a convolution
is `SAGEConv` over messages of a projection. Reads what benchmarks.cost.training writes; prints
JSON.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as functional
import torch_geometric
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader
from torch_geometric.nn import SAGEConv
from torch_sparse import SparseTensor

CUTOFF, FURTHEST = 0.5, 1.4
"""Of distance-weighted sampling, as trainer/mining/distance_weighted.py has them."""


class Layer(NamedTuple):
    """The edges of one convolution.

    Attributes:
      edges: [2, num_edges] int64, from and to; or a SparseTensor, to by from.
      num_targets: that are given a next state; the first of the sources.
    """

    edges: Any
    num_targets: int


class Network(nn.Module):
    """Convolutions, dense layers, and vectors of length 1."""

    def __init__(self, dim: int, job: Mapping[str, Any]):
        super().__init__()
        units = job["units"]
        widths = [dim, *[units] * (job["convolutions"] - 1)]
        self.project = nn.ModuleList(nn.Linear(width, units) for width in widths)
        self.convolve = nn.ModuleList(SAGEConv((units, width), units) for width in widths)
        sizes = [units, *job["backend_units"]]
        self.backend = nn.ModuleList(nn.Linear(*pair) for pair in zip(sizes, sizes[1:]))
        self.output = nn.Linear(sizes[-1], job["embedding_dim"])

    def forward(self, state: Tensor, layers: list[Layer]) -> Tensor:
        """[num targets of the last layer, embedding_dim] from [num sources of the first, dim]."""
        for project, convolve, layer in zip(self.project, self.convolve, layers):
            messages = functional.elu(project(state))
            state = convolve((messages, state[: layer.num_targets]), layer.edges)
            state = functional.normalize(functional.elu(state))
        for dense in self.backend:
            state = functional.elu(dense(state))
        return functional.normalize(self.output(state))


def loss_of(embedding: Tensor, anchor: Tensor, positive: Tensor, job: Mapping[str, Any]) -> Tensor:
    """The mean over the triplets of a fold, negatives drawn by distance."""
    rows, row = torch.unique(anchor, return_inverse=True)
    cosine = embedding[rows] @ embedding.T
    allowed = torch.ones_like(cosine, dtype=torch.bool)
    allowed[row, positive] = False
    allowed[torch.arange(len(rows)), rows] = False
    row_of = row.repeat_interleave(job["negatives"])
    with torch.no_grad():
        cumulative = cumulative_weights(chord(cosine), allowed, embedding.shape[1])
        total = cumulative[:, -1:]
        # Each row's running sums behind those of the row before: one search for all draws.
        ascending = (cumulative / total + torch.arange(len(rows))[:, None]).reshape(-1)
        drawn = torch.rand(len(row_of), dtype=torch.float64) * (1 - 1e-9) + row_of
        found = torch.searchsorted(ascending, drawn, right=True)
        negative = torch.clamp(found - row_of * len(embedding), 0, len(embedding) - 1)
    near = chord(cosine[row, positive]).repeat_interleave(job["negatives"])
    return functional.relu(near - chord(cosine[row_of, negative]) + job["margin"]).mean()


def chord(cosine: Tensor) -> Tensor:
    """Distances of vectors of length 1 by their dot products."""
    return torch.sqrt(torch.clamp(2.0 - 2.0 * cosine, min=1e-8))


def cumulative_weights(distance: Tensor, allowed: Tensor, dim: int) -> Tensor:
    """Running sums of what each column is drawn by, [num_rows, num_columns] float64."""
    near = allowed & (distance < FURTHEST)
    bounded = torch.clamp(distance, CUTOFF, 1.99)
    logits = -(dim - 2.0) * torch.log(bounded)
    logits -= (dim - 3.0) / 2.0 * torch.log(1.0 - bounded**2 / 4.0)
    logits = torch.where(near, logits, -1e9)
    weights = torch.exp(logits - logits.amax(dim=1, keepdim=True))
    weights = torch.where(near.any(dim=1, keepdim=True), weights, 1.0)
    return torch.cumsum(torch.where(allowed, weights, 0.0).double(), dim=1)


def pairs_among(edges: sp.csr_matrix, fold: np.ndarray) -> tuple[Tensor, Tensor]:
    """Anchors and positives: the edges among a fold's artists, as places in it."""
    hidden = edges[fold][:, fold].tocoo()
    return torch.from_numpy(hidden.row.astype(np.int64)), torch.from_numpy(
        hidden.col.astype(np.int64)
    )


def without_edges_among(source: Tensor, target: Tensor, fold: Tensor, num: int) -> Tensor:
    """[num_edges] bool: of the edges that do not have both ends in one fold.

    Args:
      source: [num_edges] int64.
      target: [num_edges] int64.
      fold: [num_artists] int64, the fold of each artist; -1 is none.
      num: of artists.
    """
    return (fold[source] != fold[target]) | (fold[target] < 0)


def sampled_layers(batch: Data, convolutions: int, trimmed: bool, kind: str) -> list[Layer]:
    """The convolutions of what the neighbour loader drew, without edges among its artists.

    Args:
      batch: artists and edges by the hop in which they were found.
      convolutions: as many as hops.
      trimmed: each convolution makes only the states that the next one reads; otherwise all
        states of all artists, as the loader's own examples do.
      kind: of adjacency.
    """
    source, target = batch.edge_index
    seeds = batch.batch_size
    seen = (source >= seeds) | (target >= seeds)
    # The torch-sparse sampler does not say how many it found in each hop; the order does.
    bounds = [seeds]
    begin = 0
    for _ in range(convolutions):
        heard = source[(target >= begin) & (target < bounds[-1])]
        begin = bounds[-1]
        bounds.append(max(begin, int(heard.max()) + 1 if len(heard) else 0))
    source, target = source[seen], target[seen]
    layers = []
    for hop in range(convolutions, 0, -1):
        num_sources = bounds[hop] if trimmed else batch.num_nodes
        num_targets = bounds[hop - 1] if trimmed else batch.num_nodes
        if trimmed:
            heard = target < num_targets
            source, target = source[heard], target[heard]
        edges = adjacency(kind, source, target, (num_targets, num_sources))
        layers.append(Layer(edges, num_targets))
        if not trimmed:
            return layers * convolutions
    return layers


def adjacency(kind: str, source: Tensor, target: Tensor, sizes: tuple[int, int]) -> Any:
    """Edges as `SAGEConv` takes them.

    Args:
      kind: 'edges' are two rows of artists, 'csr' torch-sparse's SparseTensor, 'native' PyTorch's
        own sparse matrix in rows.
      source: [num_edges] int64.
      target: [num_edges] int64.
      sizes: number of targets, and of sources.
    """
    if kind == "edges":
        return torch.stack([source, target])
    if kind == "csr":
        return SparseTensor(row=target, col=source, sparse_sizes=sizes)
    order = torch.argsort(target, stable=True)
    rows = torch.zeros(sizes[0] + 1, dtype=torch.int64)
    rows[1:] = torch.cumsum(torch.bincount(target, minlength=sizes[0]), 0)
    ones = torch.ones(len(source))
    return torch.sparse_csr_tensor(rows, source[order], ones, size=sizes)


class Training:
    """One training; `epoch` is called again and again.

    Args:
      arrays: what is learnt from.
      job: sizes, and the form: 'loader' and 'trimmed' draw neighbours, 'full' takes the whole graph
        for each fold, 'whole' for all folds in one step; then the kind of adjacency.
    """

    def __init__(self, arrays: Path, job: Mapping[str, Any]):
        torch.manual_seed(job["seed"])
        self.rng = np.random.default_rng(job["seed"])
        self.job, self.form = job, job["form"]
        how, self.kind = self.form.split("_")
        self.sampled, self.trimmed = how in ("loader", "trimmed"), how == "trimmed"
        self.at_once = how == "whole"
        self.features = torch.from_numpy(np.load(arrays / "features.npy"))
        self.num = num = len(self.features)
        self.edges = sp.csr_matrix(
            (
                np.ones(len(indices := np.load(arrays / "indices.npy")), np.float32),
                indices,
                np.load(arrays / "indptr.npy"),
            ),
            shape=(num, num),
        )
        self.artists = np.load(arrays / "artists.npy")
        self.network = Network(self.features.shape[1], job)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=job["learning_rate"])
        steps = 1 if self.at_once else job["batches"]
        warmup, total = job["warmup_epochs"] * steps, job["epochs"] * steps

        def rate(step: int) -> float:
            done = min(max((step - warmup) / max(1, total - warmup), 0.0), 1.0)
            return min((step + 1) / max(1, warmup), 1.0) * 0.5 * (1 + math.cos(math.pi * done))

        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, rate)
        coo = self.edges.tocoo()
        self.target = torch.from_numpy(coo.row.astype(np.int64))
        self.source = torch.from_numpy(coo.col.astype(np.int64))
        if self.sampled:
            data = Data(x=self.features, edge_index=torch.stack([self.source, self.target]))
            data.num_nodes = num
            self.loader = NeighborLoader(
                data,
                num_neighbors=[job["fan_out"]] * job["convolutions"],
                input_nodes=torch.from_numpy(self.artists),
                batch_size=-(-len(self.artists) // job["batches"]),
                shuffle=True,
            )

    def epoch(self) -> tuple[float, float]:
        """One epoch; the mean loss, and the seconds that steps waited for data."""
        self.network.train()
        losses: list[float] = []
        waited = 0.0
        steps = self._loaded() if self.sampled else self._folds()
        while True:
            began = time.perf_counter()
            step = next(steps, None)
            waited += time.perf_counter() - began
            if step is None:
                return float(np.mean(losses)), waited
            features, layers, parts = step
            self.optimizer.zero_grad()
            embedding = self.network(features, layers)
            of_folds = [
                loss_of(embedding[place], anchor, positive, self.job)
                for place, (anchor, positive) in parts
            ]
            loss = torch.stack(of_folds).mean()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            losses.append(float(loss))

    def _loaded(self) -> Iterator[Any]:
        for batch in self.loader:
            seeds = batch.n_id[: batch.batch_size].numpy()
            layers = sampled_layers(batch, self.job["convolutions"], self.trimmed, self.kind)
            yield batch.x, layers, [(slice(len(seeds)), pairs_among(self.edges, seeds))]

    def _folds(self) -> Iterator[Any]:
        order = self.rng.permutation(self.artists)
        folds = np.array_split(order, self.job["batches"])
        for some in [folds] if self.at_once else [[fold] for fold in folds]:
            number = torch.full((self.num,), -1)
            for place, fold in enumerate(some):
                number[fold] = place
            kept = without_edges_among(self.source, self.target, number, self.num)
            sizes = (self.num, self.num)
            edges = adjacency(self.kind, self.source[kept], self.target[kept], sizes)
            parts = [(torch.from_numpy(fold), pairs_among(self.edges, fold)) for fold in some]
            yield self.features, [Layer(edges, self.num)] * self.job["convolutions"], parts

    @torch.no_grad()
    def validation(self, arrays: Path) -> np.ndarray:
        """[num_validation, embedding_dim] float32, with all edges that may be seen."""
        self.network.eval()
        rows = np.load(arrays / "val_indptr.npy")
        edges = SparseTensor(
            rowptr=torch.from_numpy(rows.astype(np.int64)),
            col=torch.from_numpy(np.load(arrays / "val_indices.npy").astype(np.int64)),
            sparse_sizes=(self.num, self.num),
        )
        layers = [Layer(edges, self.num)] * self.job["convolutions"]
        embedding = self.network(self.features, layers)
        return embedding[torch.from_numpy(np.load(arrays / "val.npy"))].numpy()


def main(job: Mapping[str, Any]) -> dict[str, Any]:
    """Trains as the job says.

    Returns:
      By epoch `seconds`, `cpu_seconds`, `waited` (for data) and `loss`; `parameters`, `peak_mib`
      and the versions.
    """
    torch.set_num_threads(job["threads"])
    arrays = Path(job["arrays"])
    training = Training(arrays, job)
    names = ("seconds", "cpu_seconds", "waited", "loss")
    found: dict[str, Any] = {name: [] for name in names}
    for epoch in range(job["run_epochs"]):
        began, worked = time.perf_counter(), time.process_time()
        loss, waited = training.epoch()
        taken = (time.perf_counter() - began, time.process_time() - worked, waited, loss)
        for name, value in zip(names, taken):
            found[name].append(round(value, 4))
        if job.get("embeddings"):
            np.save(Path(job["embeddings"]) / f"{epoch}.npy", training.validation(arrays))
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return {
        **found,
        "parameters": sum(one.numel() for one in training.network.parameters()),
        "peak_mib": round(peak / 1024, 1),
        "versions": {"torch": torch.__version__, "torch-geometric": torch_geometric.__version__},
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
