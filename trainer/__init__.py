"""The trained part of artist_sim: graph, tracing, layers, losses, systems and export."""

import os

# Before anything imports TensorFlow: TF-GNN needs Keras 2 and refuses to load without it.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
