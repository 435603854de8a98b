"""Runs the graph builder inside TFX: progress, counts, and what happens to bad rows."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from tfx import types
from tfx.components.example_gen import utils
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, proto_utils

from catalogues.errors import InputError
from catalogues.spec import Catalogue, load_catalogue
from components import beam_progress
from components.beam_workers import without_workers
from components.catalogue_example_gen import progress
from components.catalogue_example_gen.build import build
from components.catalogue_example_gen.config import (
    SUBGRAPHS,
    BuildConfig,
    Reach,
    read_config,
    read_reach,
)
from components.catalogue_example_gen.conserved import (
    LostRecordsError,
    check_conserved,
    check_sampled,
)
from components.catalogue_example_gen.rows import ARTISTS, EDGES
from components.catalogue_example_gen.sampling import reach_of
from components.catalogue_example_gen.spans import resolve_span
from components.catalogue_example_gen.staging import Workplace, workplace
from components.catalogue_example_gen.summary import REJECTS_FILE, SUMMARY_FILE
from components.catalogue_example_gen.table_rows import all_rows, table_rows
from components.catalogue_example_gen.written_examples import HIDDEN_PREFIX, JUDGED
from components.run_parameters import read_run_parameters
from trainer.console import Phases, console
from trainer.graph import SPLITS

BUILD_CONFIG: Final = "build_config"
SUBGRAPHS_OF: Final = "subgraphs_of"
ON_BAD_ROWS: Final = "on_bad_rows"
STAGING: Final = "staging"
CODE_FINGERPRINT: Final = "code_fingerprint"
ERROR: Final = "error"
SET_ASIDE: Final = "set_aside"

_Built = TypeVar("_Built")


class Executor(base_beam_executor.BaseBeamExecutor):
    """Catalogue -> Examples artifact with ego graphs, hidden edges and sidecars."""

    _beam_pipeline_args: list[str] | None

    def Do(  # noqa: N802, the name that TFX calls
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Builds the examples.

        Raises:
          InputError: the catalogue cannot be read, has a bad row while on_bad_rows is 'error', has
            no artist or no edge, a split is empty, or nothing can be written where workers are to
            find the tables.
        """
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        examples.split_names = artifact_utils.encode_split_names(
            [*SPLITS, *(HIDDEN_PREFIX + split for split in JUDGED)]
        )
        run = read_run_parameters(input_dict)
        address = catalogue_address(exec_properties, examples, run.get("span", ""))
        catalogue = load_catalogue(self._fetched(address))
        config = read_config(run["graph"] if run else json.loads(exec_properties[BUILD_CONFIG]))
        staging = exec_properties.get(STAGING) or ""
        if staging:
            # A pipeline sets them, but the tables are there before it.
            FileSystems.set_options(PipelineOptions(self._beam_pipeline_args))
        with workplace(staging, catalogue, address, examples.uri) as place:
            on_bad_rows = run["on_bad_rows"] if run else exec_properties[ON_BAD_ROWS]
            summary = self._conserved(
                lambda: self._build(catalogue, config, place, on_bad_rows), staging
            )
            console().print(summary_lines(summary), highlight=False, soft_wrap=True)
            reach = _reach(exec_properties, run)
            if reach is not None:
                self._conserved(lambda: self._sample(place, reach, config.shards, summary), staging)

    def _conserved(self, build: Callable[[], _Built], staging: str) -> _Built:
        """What `build` returns; done again without worker processes where they lose records.

        A schedule should not wait for somebody to say so (docs/decisions/0024).
        """
        try:
            return build()
        except LostRecordsError as lost:
            alone = without_workers(self._beam_pipeline_args or [])
            if alone is None or staging:
                raise
            told = f"  {lost}; building again, in this process without workers"
            console().print(told, highlight=False, soft_wrap=True)
            self._beam_pipeline_args = alone
            return build()

    def _build(
        self, catalogue: Catalogue, config: BuildConfig, place: Workplace, on_bad_rows: str
    ) -> dict[str, Any]:
        """Fills the artifact; returns its summary, which has been checked."""
        with (
            _bars(catalogue) as advance,
            beam_progress.listening(advance),
            self._make_beam_pipeline() as pipeline,
        ):
            build(pipeline, catalogue, config, place.examples, place.tables)
        place.fetch()
        summary: dict[str, Any] = json.loads(Path(place.target, SUMMARY_FILE).read_text())
        check_summary(summary, on_bad_rows)
        return summary

    def _sample(self, place: Workplace, reach: Reach, shards: int, summary: dict[str, Any]) -> None:
        """Adds subgraphs to the examples, and checks how many; reads what `_build` has written."""
        # TensorFlow, which the tables above do without.
        from components.catalogue_example_gen.subgraphs import SAMPLED_FILE, sample_subgraphs
        from trainer.subgraph_files import SUBGRAPH_SPLITS

        total = sum(summary["artists"][split] for split in SUBGRAPH_SPLITS)
        with (
            Phases({progress.SAMPLING: total}) as phases,
            beam_progress.listening(phases.advance),
            self._make_beam_pipeline() as pipeline,
        ):
            sample_subgraphs(pipeline, place, reach, shards)
        place.fetch()
        sampled = json.loads(Path(place.target, SAMPLED_FILE).read_text())
        check_sampled(sampled, summary, SUBGRAPH_SPLITS)

    def _fetched(self, address: str) -> Path:
        """The catalogue's folder, on this machine, which reads its description and counts rows."""
        if "://" not in address:
            return Path(address)
        fetched = os.path.join(self._get_tmp_dir(), "catalogue")
        io_utils.copy_dir(address, fetched)
        return Path(fetched)


def catalogue_address(exec_properties: dict[str, Any], examples: types.Artifact, span: str) -> str:
    """The catalogue's folder, a path or an address; notes the span where no driver did."""
    inputs = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], inputs)
    base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    if not examples.has_custom_property(utils.SPAN_PROPERTY_NAME):
        found = resolve_span(base, inputs, span)
        examples.set_int_custom_property(utils.SPAN_PROPERTY_NAME, found)
    return os.path.dirname(os.path.join(base, inputs.splits[0].pattern))


def _reach(exec_properties: dict[str, Any], run: dict[str, Any]) -> Reach | None:
    """What subgraphs are to be made, if any."""
    if not run:
        given = exec_properties.get(SUBGRAPHS_OF)
        return read_reach(json.loads(given)) if given else None
    from trainer.run_fn import trainer_config

    build = read_config(run["graph"])
    return reach_of(build, trainer_config(run["trainer"])) if build.sampling == SUBGRAPHS else None


def check_summary(summary: dict[str, Any], on_bad_rows: str) -> None:
    """Raises InputError for what must stop a run; LostRecordsError where counts disagree."""
    check_conserved(summary)
    if summary["unreadable"]:
        raise InputError(summary["unreadable"][0])
    num_rejected = sum(sum(reasons.values()) for reasons in summary["rejected"].values())
    if num_rejected and on_bad_rows == ERROR:
        shown = "; ".join(
            f"{reject['file']}, row {reject['row']}: {reject['reason']}"
            for reject in summary["first_rejects"]
        )
        more = num_rejected - len(summary["first_rejects"])
        raise InputError(
            f"The catalogue has {num_rejected} bad row{'s' * (num_rejected > 1)} ({shown}"
            f"{f'; and {more} more' if more else ''}); mend them, or have them set aside with "
            "`on_bad_rows: set_aside`."
        )
    for table, num_read in summary["read"].items():
        # Without its content or plays a catalogue is poorer, without these two it is none.
        needed = table in (ARTISTS, EDGES)
        if not num_read and (needed or on_bad_rows == ERROR):
            raise InputError(
                f"The table '{summary['tables'][table]}' ({table}) is empty; add its rows"
                f"{'' if needed else ', or take it out of catalogue.yaml'}."
            )
        if needed and not summary["kept"].get(table):
            raise InputError(
                f"No row of the table '{summary['tables'][table]}' ({table}) can be used; mend the "
                f"rows that {REJECTS_FILE} beside the examples lists."
            )
    for split in SPLITS:
        if not summary["artists"].get(split):
            raise InputError(
                f"No artist is in the split '{split}'; add artists, or correct the split column or "
                "`graph.fractions`."
            )


def summary_lines(summary: dict[str, Any]) -> str:
    """What came in and what became of it, for the console."""
    lines = []
    for table, num_read in sorted(summary["read"].items()):
        rejected = summary["rejected"].get(table, {})
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(rejected.items()))
        lines.append(
            f"  {table}: {num_read:,} rows in = {summary['kept'].get(table, 0):,} kept + "
            f"{sum(rejected.values()):,} rejected{f' ({reasons})' if reasons else ''}"
        )
    if any(summary["rejected"].values()):
        lines.append(f"  rejected rows: {REJECTS_FILE} beside the examples")
    edges, artists = summary["edges"], summary["artists"]
    hidden = edges.get("val-val", 0) + edges.get("test-test", 0)
    lines.append(
        f"  artists: {', '.join(f'{artists[split]:,} {split}' for split in SPLITS)}; edges: "
        f"{edges.get('train-train', 0):,} to train on, {hidden:,} hidden to judge by, "
        f"{edges.get('train-val', 0) + edges.get('train-test', 0):,} between the two, "
        f"{edges.get('val-test', 0):,} unused (val-test)"
    )
    if summary["cut"]:
        lines.append(
            f"  neighbour lists cut: {summary['cut'].get('neighbors', 0):,} neighbours of "
            f"{summary['cut'].get('artists', 0):,} artists (`graph.neighbor_cap`)"
        )
    if summary["cut_tracks"]:
        lines.append(
            f"  tracks not averaged: {summary['cut_tracks']['tracks']:,} tracks of "
            f"{summary['cut_tracks']['artists']:,} artists (`graph.max_tracks`)"
        )
    return "\n".join(lines)


@contextlib.contextmanager
def _bars(catalogue: Catalogue) -> Iterator[Callable[[str, int], None]]:
    """One bar a phase, with the time that is left; yields the function that advances one."""

    artists = table_rows(catalogue, catalogue.artists.table)
    edges = table_rows(catalogue, catalogue.edges.table)
    totals = {
        progress.READING: all_rows(catalogue),
        progress.JOINING: 2 * edges,
        progress.WRITING: artists,
    }
    with Phases(totals) as phases:
        yield phases.advance
