"""The graph builder: one Beam pipeline from a catalogue to examples, sidecars and rejects."""

from __future__ import annotations

from typing import Any, Final

import apache_beam as beam

from catalogues.spec import Catalogue
from components.catalogue_example_gen import artists as artist_stage
from components.catalogue_example_gen import rows
from components.catalogue_example_gen.config import BuildConfig
from components.catalogue_example_gen.content import ContentStatistics
from components.catalogue_example_gen.details import detail_tables, packed_detail
from components.catalogue_example_gen.edges import Distributed
from components.catalogue_example_gen.ego_graphs import catalogue_schema
from components.catalogue_example_gen.kept_plays import WriteKeptPlays
from components.catalogue_example_gen.listening import Listening, with_listening
from components.catalogue_example_gen.matrices import ContentMatrices
from components.catalogue_example_gen.packed import pack
from components.catalogue_example_gen.rows import READ, RECORDS, REJECTS, ReadTable
from components.catalogue_example_gen.summary import write_summary
from components.catalogue_example_gen.tracks import first_tracks
from components.catalogue_example_gen.whole_files import write_bytes, write_json, write_text
from components.catalogue_example_gen.written_examples import (
    LISTED,
    WRITTEN,
    WriteEgoGraphs,
    WriteHidden,
    dims_of,
)
from trainer.listener_factors import LISTENING_FILE

SCHEMA_FILE: Final = "graph_schema.pbtxt"
CONTENT_FILE: Final = "content.json"
MATRICES_FILE: Final = "content.npz"


def build(
    pipeline: beam.Pipeline,
    catalogue: Catalogue,
    config: BuildConfig,
    target: str,
    tables: str | None = None,
) -> None:
    """Adds the graph builder to a Beam pipeline.

    Side inputs: the length of each list modality and the content statistics, neither of which grows
    with the catalogue; and where there are plays, the ids of the kept listeners and their vectors,
    listeners x factors x 4 bytes.

    Args:
      pipeline: where to.
      catalogue: what to read.
      config: how.
      target: the artifact's folder, a path or an address of one of Beam's file systems. Gets
        Split-train, Split-val and Split-test (ego graphs, each split's artists), Split-hidden_val
        and Split-hidden_test (hidden edges), and the sidecars.
      tables: the catalogue's folder as workers reach it, if not by its path.
    """
    folder = tables or str(catalogue.folder)
    details = detail_tables(catalogue)
    catalogue = with_listening(catalogue, config.listening)
    # Raises where two features would have one name, before anything is read.
    catalogue_schema(catalogue, dict.fromkeys((m.name for m in catalogue.content), 1))
    keyed, num_read, rejects = _read_details(
        pipeline, catalogue, folder, details, config.max_tracks
    )
    kept = []

    table = pipeline | ReadTable(
        artist_stage.TABLE,
        catalogue,
        catalogue.artists.table,
        rows.artist_columns(catalogue),
        rows.artist_parser(catalogue),
        folder,
    )
    elsewhere = {name for detail in details for name in detail.lists}
    own_lists = tuple(m.name for m in catalogue.content if m.is_list and m.name not in elsewhere)
    good, wrong = artist_stage.checked_lengths(
        table[RECORDS], artist_stage.TABLE, own_lists, "artists"
    )
    unique = (
        good
        | "Pack artists" >> beam.MapTuple(lambda key, artist: (key, pack(tuple(artist))))
        | "By id" >> beam.GroupByKey()
        | "One an id" >> beam.ParDo(artist_stage.OnePerId()).with_outputs(REJECTS, main=RECORDS)
    )
    assembled = (
        {artist_stage.TABLE: unique[RECORDS], **keyed}
        | "With details" >> beam.CoGroupByKey()
        | "Assemble"
        >> beam.ParDo(artist_stage.Assemble(catalogue, config.fractions)).with_outputs(
            REJECTS, artist_stage.KEPT, artist_stage.CUT, main=RECORDS
        )
    )
    whole = assembled[RECORDS]
    num_read.append(table[READ])
    kept.append(assembled[artist_stage.KEPT])
    rejects += [table[REJECTS], *wrong, unique[REJECTS], assembled[REJECTS]]

    edge_table = catalogue.edges
    edge_columns = [edge_table.source, edge_table.target]
    edge_columns += [edge_table.weight] if edge_table.weight else []
    edges = pipeline | ReadTable(
        rows.EDGES, catalogue, edge_table.table, edge_columns, rows.edge_parser(edge_table), folder
    )
    distributed = {
        "edges": edges[RECORDS],
        "splits": whole | "Splits" >> beam.MapTuple(lambda key, artist: (key, artist.split)),
    } | "Edges" >> Distributed(config.neighbor_cap, edge_table.directed)
    num_read.append(edges[READ])
    kept.append(distributed["kept"])
    rejects += [edges[REJECTS], distributed["rejects"]]

    if catalogue.plays and config.listening.enabled:
        listening = whole | Listening(config.listening)
        _ = whole | WriteKeptPlays(listening["kept"], target, config.shards)
        whole = listening["artists"]
        _write_listening(target, listening["factors"])
    statistics = whole | ContentStatistics(catalogue, config.vocabulary_size)
    matrices = {"artists": whole, "statistics": statistics} | ContentMatrices(config)
    _write_sidecars(catalogue, target, statistics, matrices)
    ego_graphs = {"artists": whole, "neighbors": distributed["neighbors"]} | WriteEgoGraphs(
        catalogue, statistics, target, config.shards
    )
    hidden = distributed["hidden"] | WriteHidden(target, config.shards)
    named = {artist_stage.TABLE: catalogue.artists.table, rows.EDGES: edge_table.table}
    write_summary(
        target,
        named | {detail.name: detail.table for detail in details},
        tuple(rejects) | "All rejects" >> beam.Flatten(),
        {
            "read": tuple(num_read) | "All read" >> beam.Flatten(),
            "kept": tuple(kept) | "All kept" >> beam.Flatten(),
            "edges": distributed["kinds"],
            "artists": whole | "Split sizes" >> beam.Map(lambda keyed: (keyed[1].split, 1)),
            "listed": (ego_graphs[LISTED], hidden[LISTED]) | "All listed" >> beam.Flatten(),
            "written": (ego_graphs[WRITTEN], hidden[WRITTEN]) | "All written" >> beam.Flatten(),
            "cut_tracks": assembled[artist_stage.CUT],
            "cut": distributed["neighbors"]
            | "Cut"
            >> beam.FlatMap(
                lambda keyed: [("artists", 1), ("neighbors", keyed[1][0])] if keyed[1][0] else []
            ),
        },
    )


def _read_details(
    pipeline: beam.Pipeline, catalogue: Catalogue, folder: str, details, max_tracks: int
):
    """The tables with several rows an artist: ({name: records}, read, rejects)."""
    keyed: dict[str, Any] = {}
    num_read, rejects = [], []
    for detail in details:
        found = pipeline | ReadTable(
            detail.name, catalogue, detail.table, detail.columns, detail.parse, folder
        )
        keyed[detail.name], wrong = artist_stage.checked_lengths(
            found[RECORDS], detail.name, detail.lists, detail.name
        )
        keyed[detail.name] |= (
            first_tracks(detail.name, detail.vectors, max_tracks)
            if detail.vectors
            else f"Pack {detail.name}" >> beam.MapTuple(lambda key, row: (key, packed_detail(row)))
        )
        num_read.append(found[READ])
        rejects += [found[REJECTS], *wrong]
    return keyed, num_read, rejects


def _write_sidecars(catalogue, target, statistics, matrices) -> None:
    _ = statistics | "Write content" >> beam.Map(
        lambda found: write_json(f"{target}/{CONTENT_FILE}", found)
    )
    _ = matrices | "Write matrices" >> beam.Map(
        lambda found: write_bytes(f"{target}/{MATRICES_FILE}", found)
    )
    _ = statistics | "Write schema" >> beam.Map(
        lambda found: write_text(
            f"{target}/{SCHEMA_FILE}", str(catalogue_schema(catalogue, dims_of(found)))
        )
    )


def _write_listening(target, factors) -> None:
    _ = factors | "Write listening" >> beam.Map(
        lambda found: write_bytes(f"{target}/{LISTENING_FILE}", found.to_bytes())
    )
