"""What a person who waits is told, by this process and by workers that it starts."""

import subprocess
import sys
import threading
from collections import Counter

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from components.beam_progress import listening, tell


class Heard(Counter):
    """Adds up what is told, by phase."""

    def __call__(self, phase, more):
        self[phase] += more


def told_from_another_process(*lines):
    code = "import sys\nfrom components.beam_progress import tell\n"
    code += "".join(f"tell({phase!r}, {more})\n" for phase, more in lines)
    subprocess.run([sys.executable, "-c", code], check=True)


def test_this_process_tells_at_once():
    heard = Heard()
    with listening(heard):
        tell("reading", 3)
        assert heard == {"reading": 3}


def test_other_processes_are_heard_to_their_last_word():
    heard = Heard()
    with listening(heard):
        told_from_another_process(("reading tables", 500), ("joining", 7), ("reading tables", 11))
        told_from_another_process(("joining", 5))
    assert heard == {"reading tables": 511, "joining": 12}


def test_nobody_listens_before_or_after(monkeypatch, tmp_path):
    tell("reading", 1)
    with listening(Heard()):
        pass
    tell("reading", 1)
    # Nor in a worker whose folder is gone.
    monkeypatch.setenv("ARTIST_SIM_PROGRESS", str(tmp_path / "gone"))
    tell("reading", 1)


def test_an_inner_listener_hears_alone_and_the_outer_one_is_heard_again():
    outer, inner = Heard(), Heard()
    with listening(outer):
        with listening(inner):
            told_from_another_process(("reading", 1))
        told_from_another_process(("reading", 2))
        tell("reading", 4)
    assert (inner, outer) == ({"reading": 1}, {"reading": 6})


def test_what_fails_inside_is_raised_and_the_reader_ends():
    before = threading.active_count()
    with pytest.raises(ValueError, match="inside"), listening(Heard()):
        raise ValueError("inside")
    assert threading.active_count() == before


@pytest.mark.parametrize(
    "options", [[], ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]]
)
def test_a_pipeline_tells_of_every_element_wherever_it_runs(options):
    heard = Heard()
    arguments = ["--runner=DirectRunner", *options]
    with listening(heard), beam.Pipeline(options=PipelineOptions(arguments)) as pipeline:
        _ = pipeline | beam.Create(range(40)) | beam.Reshuffle() | beam.Map(told_of)
    assert heard == {"numbers": 40}


def told_of(number):
    tell("numbers", 1)
    return number
