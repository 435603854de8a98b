"""Serving: the pushed SavedModel and those who ask it."""

import os

# A pushed model is loaded by whatever Keras there is; TF-GNN, elsewhere in the process, needs 2.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
