"""The DAG, its configuration, and the ways to run it."""

import os

# Before anything imports TensorFlow: TF-GNN needs Keras 2 and refuses to load without it.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
