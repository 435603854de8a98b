"""`python -m tests.pipeline.engines.graph_building CATALOGUE TARGET [BEAM OPTIONS]` builds graphs.

A process of its own, as a run's is: what it sends to workers is pickled from modules, and it can be
waited for while something happens to the cluster.
"""

import sys
from pathlib import Path

import apache_beam as beam

from catalogues.spec import load_catalogue
from components.catalogue_example_gen.build import build
from components.catalogue_example_gen.config import BuildConfig

if __name__ == "__main__":
    catalogue, target, *options = sys.argv[1:]
    with beam.Pipeline(argv=options) as pipeline:
        build(pipeline, load_catalogue(Path(catalogue)), BuildConfig(), target)
