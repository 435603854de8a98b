"""The hidden world behind a synthetic catalogue, and what of it is shown."""
