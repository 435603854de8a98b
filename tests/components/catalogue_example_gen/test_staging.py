"""Workers that do not see this machine's files read and write at an address."""

from __future__ import annotations

import apache_beam as beam
import pytest
from apache_beam.io.aws.clients.s3.messages import S3ClientError
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from catalogues.errors import InputError
from catalogues.spec import load_catalogue
from components.catalogue_example_gen import rows
from components.catalogue_example_gen.build import build
from components.catalogue_example_gen.config import BuildConfig
from components.catalogue_example_gen.staging import table_paths, workplace
from tests.components.catalogue_example_gen import split_pairs
from tests.components.catalogue_example_gen.building import SPLITS, Built, executed, write_catalogue


@pytest.fixture(autouse=True)
def no_options(monkeypatch):
    """As in a process that has made no pipeline yet; `s3://` needs some."""
    monkeypatch.setattr(FileSystems, "_pipeline_options", None)


@pytest.fixture
def options():
    """What a pipeline would have set."""
    FileSystems.set_options(PipelineOptions([]))


def test_the_examples_are_those_of_workers_that_see_this_machine(
    tmp_path,
    pairs,
    storage,
    monkeypatch,
):
    read = []
    fetched = rows.on_this_machine
    monkeypatch.setattr(rows, "on_this_machine", lambda path: (read.append(path), fetched(path))[1])
    folder = executed(tmp_path, split_pairs.FILES, "error", staging="s3://bucket/staged/")
    assert read and all(path.startswith("s3://bucket/staged/artist-sim-") for path in read)
    assert len(read) == len(table_paths(load_catalogue(tmp_path / "catalogue")))
    found = Built(folder, {}, {}, [])
    for split in (*SPLITS, "hidden_val", "hidden_test"):
        assert found.records(split) == pairs.records(split)
    assert found.plays() == pairs.plays()
    for file in ("content.json", "content.npz", "graph_schema.pbtxt", "rejects.jsonl"):
        assert (folder / file).read_bytes() == (pairs.folder / file).read_bytes()
    # Nothing stays at the address, and nothing half-written here.
    assert storage.addresses() == []
    assert not [path for path in folder.rglob(".*")]


def test_a_catalogue_at_an_address_is_read_there(tmp_path, storage):
    catalogue = load_catalogue(write_catalogue(tmp_path / "fetched", split_pairs.FILES))
    with workplace("s3://bucket/staged", catalogue, "s3://bucket/mine", "target") as place:
        assert place.tables == "s3://bucket/mine"
        assert storage.addresses() == []


def test_without_an_address_workers_use_the_files_of_this_machine(tmp_path):
    catalogue = load_catalogue(write_catalogue(tmp_path, split_pairs.FILES))
    with workplace("", catalogue, str(tmp_path), "target") as place:
        assert (place.tables, place.examples) == (str(tmp_path), "target")


def test_what_is_made_here_goes_there(tmp_path, storage, options):
    catalogue = load_catalogue(write_catalogue(tmp_path / "catalogue", split_pairs.FILES))
    (tmp_path / "target" / "made" / "deep").mkdir(parents=True)
    (tmp_path / "target" / "made" / "deep" / "one").write_bytes(b"1")
    with workplace("s3://bucket", catalogue, "", str(tmp_path / "target")) as place:
        place.put("made")
        assert f"{place.examples}/made/deep/one" in storage.addresses()
    assert storage.addresses() == []


@pytest.mark.parametrize(
    ("staging", "reason"),
    [
        ("s3://bucket/staged", "403"),
        ("nowhere://work", "Unable to get filesystem from specified path"),
    ],
)
def test_where_nothing_can_be_written_one_sentence_says_so(
    tmp_path,
    storage,
    staging,
    reason,
):
    storage.failure = S3ClientError("Access Denied", 403)
    with pytest.raises(InputError) as raised:
        executed(tmp_path, split_pairs.FILES, "error", staging=staging)
    message = str(raised.value)
    assert message.startswith(f"`beam.staging`: nothing can be written at '{staging}' (")
    assert reason in message and "\n" not in message


def test_dataflow_would_take_the_pipeline(tmp_path, monkeypatch):
    """As far as can be seen without an account: Beam translates it."""
    # It would ask whether the bucket is there.
    monkeypatch.setattr(GoogleCloudOptions, "validate", lambda *args: [])
    catalogue = load_catalogue(write_catalogue(tmp_path, split_pairs.FILES))
    options = PipelineOptions(
        [
            "--runner=DataflowRunner",
            "--project=mine",
            "--region=europe-west1",
            "--temp_location=gs://bucket/temp",
            "--sdk_container_image=mine",
            "--no_auth",
            "--dry_run=True",
        ]
    )
    pipeline = beam.Pipeline(options=options)
    build(pipeline, catalogue, BuildConfig(), "gs://bucket/examples", "gs://bucket/mine")
    transforms = pipeline.run().job.proto_pipeline.components.transforms.values()
    assert "Edges/By second end" in {transform.unique_name for transform in transforms}
