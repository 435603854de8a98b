"""The explorer: pages of the embedded server that show what a pushed model knows and why."""
