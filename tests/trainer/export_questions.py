"""Everything that the SavedModels of test_export.py are asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.trainer.ego_graphs import serialized
from tests.trainer.saved_models import FAN_OUT, NUM_ARTISTS, Served
from tests.trainer.signature_inputs import examples, given, strings, whole_graph
from trainer.batches import message_edges

NEW = "somebody:new"
UNWEIGHTED = {"random", "gin, all"}
"""Trained on edges without weights, of artists without content."""
PAIRS = np.array([3, 13, 0]), np.array([[1, 2], [12, 13], [0, 5]])
NEIGHBORS = [("artist:0002", 4.0), ("artist:0011", 2.0), ("artist:0000", 1.0)]


def questions_to(served: Mapping[str, Served]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """All of them by name: (model, signature, inputs)."""
    gnn, bare = served["gnn"], served["random"]
    graph = gnn.graph
    everyone = range(NUM_ARTISTS)
    lists = [gnn.listed(row) for row in everyone]
    five = [*NEIGHBORS, ("artist:0005", 0.5), ("artist:0007", 0.25)]
    no_weights = [(name, 0.0) for name, _ in NEIGHBORS]
    ones = [(name, 1.0) for name, _ in NEIGHBORS]
    unknown = [("nobody", 9.0), NEIGHBORS[0], ("no one", 7.0), *NEIGHBORS[1:]]
    ask_known = {"artist_id": strings(["artist:0003", "nobody", "artist:0013", "artist:0003"])}
    asked = {
        "known": ("gnn", "serving_default", ask_known),
        "known, of nobody": ("gnn", "serving_default", {"artist_id": strings([])}),
        "own": ("gnn", "embed_new", given(graph, everyone, lists)),
        "own, of mixed": ("mixed", "embed_new", given(graph, everyone, lists)),
        "own, of dnn": ("dnn", "embed_new", given(graph, everyone, lists)),
        "own, of pretrained": ("pretrained", "embed_new", given(graph, everyone, lists)),
        "own, of contrastive": ("contrastive", "embed_new", given(graph, everyone, lists)),
        "no batch, of contrastive": ("contrastive", "embed_new", given(graph, [], [])),
        "new, of diffusion": ("diffusion", "embed_new", given(graph, [1], [five[::-1]], [NEW])),
        "new, alone, of diffusion": ("diffusion", "embed_new", given(graph, [1], [[]], [NEW])),
        "no batch, of diffusion": ("diffusion", "embed_new", given(graph, [], [])),
        "similar, of diffusion": ("diffusion", "similar", {**ask_known, "k": np.int32(13)}),
        "own, of random": (
            "random",
            "embed_new",
            given(bare.graph, everyone, [bare.listed(row) for row in everyone]),
        ),
        "no batch": ("gnn", "embed_new", given(graph, [], [])),
        "new": ("gnn", "embed_new", given(graph, [1], [NEIGHBORS], [NEW])),
        "new, padded": ("gnn", "embed_new", given(graph, [1], [NEIGHBORS], [NEW], width=9)),
        "new, turned": ("gnn", "embed_new", given(graph, [1], [NEIGHBORS[::-1]], [NEW])),
        "new, five": ("gnn", "embed_new", given(graph, [1], [five[::-1]], [NEW])),
        "new, some unknown": ("gnn", "embed_new", given(graph, [1], [unknown], [NEW])),
        "new, unknown weighs": (
            "gnn",
            "embed_new",
            given(graph, [1], [[*no_weights, ("nobody", 3.0)]], [NEW]),
        ),
        "new, no weights": ("gnn", "embed_new", given(graph, [1], [no_weights], [NEW])),
        "new, weights of one": ("gnn", "embed_new", given(graph, [1], [ones], [NEW])),
        "new, alone": ("gnn", "embed_new", given(graph, [1], [[]], [NEW])),
        "new, all unknown": ("gnn", "embed_new", given(graph, [1], [[("no", 1.0)]], [NEW])),
        "new, of random": ("random", "embed_new", given(bare.graph, [1], [ones], [NEW])),
        "example, own": (
            "gnn",
            "examples",
            {"examples": examples(serialized(graph, row, lists[row]) for row in everyone)},
        ),
        "example, some unknown": (
            "gnn",
            "examples",
            {"examples": examples([serialized(graph, 1, unknown)])},
        ),
        "example, no batch": ("gnn", "examples", {"examples": strings([])}),
    }
    for k in (-1, 0, 3, 13, 500):
        inputs = {**ask_known, "k": np.int32(k)}
        asked[f"similar, {k}"] = "gnn", "similar", inputs
        asked[f"similar, {k}, of pairwise"] = "pairwise", "similar", inputs
    one = served["pairwise"]
    profile = one.system.profile(one.graph, one.graph.visible_edges("test"))
    profile = {name: part.numpy() for name, part in profile.items()}
    asked["score"] = "pairwise", "score", {**profile, "query": PAIRS[0], "candidate": PAIRS[1]}
    nobody = {"artist_id": strings([]), "k": np.int32(3)}
    asked["similar, of nobody, of pairwise"] = "pairwise", "similar", nobody
    asked["similar, of nobody"] = (
        "gnn", "similar", {"artist_id": strings([]), "k": np.int32(3)},
    )  # fmt: skip
    for name in ("gated", "gin", "gin, all"):
        one = served[name]
        known = [one.listed(row) for row in everyone]
        asked[f"own, of {name}"] = name, "embed_new", given(one.graph, everyone, known)
        for what, neighbors in (("new", ones if name in UNWEIGHTED else NEIGHBORS), ("alone", [])):
            asked[f"{what}, of {name}"] = (
                name, "embed_new", given(one.graph, [1], [neighbors], [NEW], width=5),
            )  # fmt: skip
    for name in served:
        edges = message_edges(graph.visible_edges("test"), name not in UNWEIGHTED, FAN_OUT)
        if name in UNWEIGHTED:
            edges = bare.graph.visible_edges("test")
        asked[f"graph, {name}"] = name, "embed_graph", whole_graph(served[name].graph, edges)
    return asked
