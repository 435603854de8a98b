"""Whether a run has anything to learn, and what the served model was trained on."""
