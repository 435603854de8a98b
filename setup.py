"""artist_sim: artist embeddings from a catalogue and a similarity graph, as a TFX pipeline."""

from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

_SCHEMA = "graph_schema.pbtxt"


class BuildWithSchema(build_py):
    """Puts graph_schema.pbtxt, which belongs to no package, beside the packages.

    The graph builder's workers read it wherever their code was installed from.
    """

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            self.copy_file(_SCHEMA, str(Path(self.build_lib, _SCHEMA)))

    def get_source_files(self) -> list[str]:
        return [*super().get_source_files(), _SCHEMA]


setup(
    name="artist-sim",
    version="0.1.0",
    description="A production pipeline for artist similarity",
    python_requires=">=3.10,<3.11",
    packages=find_packages(
        include=["catalogues*", "components*", "pipeline*", "serving*", "trainer*"]
    ),
    cmdclass={"build_py": BuildWithSchema},
    package_data={
        "catalogues": ["sampler/*"],
        "components": ["retrieval_evaluator/*.schema.json", "retrieval_evaluator/page/*"],
        "pipeline": ["flink/pom.xml", "flink/jars.sha256"],
        "serving": ["embedded/openapi.yaml", "explorer/page/*"],
    },
    install_requires=[
        "aiohttp>=3.9",
        "apache-beam==2.61.0",
        # By which Beam packs `--setup_file`; without, it says so with a path, then does otherwise.
        # From 1.4 on it tells its steps on standard error, which Beam passes on.
        "build<1.4",
        # Schedules of retraining, checked before they are sent.
        "croniter",
        "dacite>=1.8",
        # serving/client.py, over gRPC and over REST: httpx rather than requests, as it is typed,
        # safe to share between threads, and gives answers piece by piece, so that a deadline holds.
        "grpcio",
        "httpx",
        # Listening data: weighted matrix factorisation.
        "implicit",
        "jinja2",
        "markupsafe",
        "numpy",
        "orjson>=3.9",
        "pandas",
        "prometheus-client",
        # serving/protocol.py makes its messages with what 5 no longer has.
        "protobuf<5",
        "pyarrow",
        "pyyaml",
        # The judge's page: its script is put into the page, which needs no network.
        "plotly",
        # The explorer's search.
        "rapidfuzz",
        "rich",
        # Factors of content, and the baselines of several modalities.
        "scikit-learn",
        "scipy",
        # pkg_resources, which tensorflow-hub and others import, is gone from 81 on.
        "setuptools<81",
        "tensorboard",
        "tensorflow==2.16.2",
        "tensorflow-gnn==1.0.3",
        "tensorflow-serving-api==2.16.1",
        "tf-keras==2.16.0",
        "tfx[kfp]==1.16.0",
        # The same factors whatever the number of threads.
        "threadpoolctl",
        # The map of a catalogue.
        "umap-learn",
        # The embedded server's event loop: a fifth less processor time a request than asyncio's.
        "uvloop",
    ],
    extras_require={
        "dev": [
            # A certificate for the test of serving/client.py.
            "cryptography",
            "hypothesis",
            # Holds metrics.json against its schema.
            "jsonschema",
            # Holds the manifests against Kubernetes' own description.
            "kubernetes-validate",
            "matplotlib",
            "mypy",
            "pip",
            # The explorer in a real browser, the system's own.
            "playwright",
            # benchmarks: what other people's ranking metrics cost.
            "pytrec-eval-terrier",
            # Fuzzes the embedded server against its OpenAPI description.
            "schemathesis",
            "pytest",
            # Files of tests beside each other.
            "pytest-xdist",
            "ruff",
            "types-PyYAML",
        ],
        # CUDA's libraries, for the trainer's image.
        "gpu": ["tensorflow[and-cuda]==2.16.2"],
    },
    entry_points={"console_scripts": ["artist-sim = pipeline.command_line:main"]},
)
