"""What the cost suite can measure; imports nothing that takes time."""

from __future__ import annotations

from typing import Final

STAGES: Final = ("graph", "workers", "pandas", "sampler", "epoch", "embed")
"""Each is a process of its own; 'workers', the graph builder with a worker process a core, has
more. 'epoch' also tells how long the first step takes to come."""
TITLES: Final = {
    "graph": "graph builder",
    "workers": "graph builder, a worker process a core",
    "pandas": "the same joins in pandas",
    "sampler": "TF-GNN's sampler",
    "epoch": "an epoch of `diffusion`",
    "embed": "embedding the catalogue",
}
"""Of the stages, on the page."""
TRAINING: Final = "training"
SCORE: Final = "score"
START: Final = "start"
BOUND: Final = "bound"
PROFILE: Final = "profile"
STEPS: Final = "steps"
WHOLE: Final = "whole"
PARTS: Final = (*STAGES, STEPS, START, WHOLE, BOUND, PROFILE, TRAINING, SCORE)
"""What may be left out. Beside the stages: where the graph builder's time goes; a run's way to its
first training step; a whole run on the largest published catalogue; what an epoch of `gnn` has to
move, and how fast the machine moves it; what its steps do and how long they wait for data; and,
beside PyTorch Geometric, an epoch, and the way to a score."""
FORMS: Final = {
    "traced": "traced mini-batches (`gnn`)",
    "loader_edges": "neighbour loader, edge_index",
    "trimmed_edges": "neighbour loader, trimmed, edge_index",
    "trimmed_csr": "neighbour loader, trimmed, CSR",
    "full_edges": "whole graph for each batch, edge_index",
    "full_csr": "whole graph for each batch, CSR",
    "whole_edges": "whole graph once, edge_index",
    "whole_csr": "whole graph once, CSR",
    "whole_native": "whole graph once, PyTorch's own CSR",
}
"""Of training, with their titles; benchmarks/cost/others/sage.py knows all but the first."""
SCORED: Final = ("traced", "trimmed_csr", "full_csr", "whole_csr")
"""The forms whose way to a score is measured."""
