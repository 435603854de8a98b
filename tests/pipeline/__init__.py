"""The pipeline as a whole: its configuration, its runs, its command lines."""
