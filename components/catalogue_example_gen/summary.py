"""What became of a catalogue's rows: the rejects, and the counts of all others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import apache_beam as beam

from components.catalogue_example_gen import rows
from components.catalogue_example_gen.shards import WriteShards, write_line
from components.catalogue_example_gen.whole_files import write_json

SUMMARY_FILE: Final = "summary.json"
REJECTS_FILE: Final = "rejects.jsonl"

_SHOWN_REJECTS: Final = 5
_PARTS: Final = (
    "read", "kept", "rejected", "artists", "edges", "listed", "written", "cut", "cut_tracks",
)  # fmt: skip


def write_summary(
    target: str,
    tables: Mapping[str, str],
    rejects: beam.PCollection,
    counted: Mapping[str, beam.PCollection],
) -> None:
    """Writes REJECTS_FILE, a line each, and SUMMARY_FILE.

    Args:
      target: the artifact's folder.
      tables: by what messages call it, each table's name.
      rejects: of all tables.
      counted: by the summary's part, (what is counted, how many).
    """
    _ = (
        rejects
        | "Reject lines"
        >> beam.Map(lambda reject: json.dumps(reject._asdict(), ensure_ascii=False).encode())
        | WriteShards("Write rejects", [f"{target}/{REJECTS_FILE}"], target, write_line)
    )
    by_reason = rejects | "Count rejects" >> beam.Map(
        lambda reject: (f"{reject.table}\n{reject.kind}", 1)
    )
    parts = [
        collection
        | f"Name {name}" >> beam.MapTuple(lambda key, count, name=name: ((name, key), count))
        for name, collection in {**counted, "rejected": by_reason}.items()
    ]
    totals = (
        tuple(parts)
        | "All counts" >> beam.Flatten()
        | "Sum counts" >> beam.CombinePerKey(sum)
        | "Tag counts" >> beam.Map(lambda total: ("count", total))
    )
    first = (
        rejects
        | "First rejects" >> beam.combiners.Top.Smallest(_SHOWN_REJECTS)
        | "Tag first" >> beam.Map(lambda found: ("first", [list(reject) for reject in found]))
    )
    unreadable = (
        rejects
        | "Unreadable" >> beam.Filter(lambda reject: reject.kind == rows.UNREADABLE)
        | "First unreadable" >> beam.combiners.Top.Smallest(_SHOWN_REJECTS)
        | "Tag unreadable"
        >> beam.Map(lambda found: ("unreadable", [reject.reason for reject in found]))
    )
    _ = (
        (totals, first, unreadable)
        | "Summary parts" >> beam.Flatten()
        | "Summary" >> beam.combiners.ToList()
        | "Write summary"
        >> beam.Map(lambda found: write_json(f"{target}/{SUMMARY_FILE}", _summary(found, tables)))
    )


def _summary(found: list[tuple[str, Any]], tables: Mapping[str, str]) -> dict[str, Any]:
    counts: dict[str, dict[str, Any]] = {name: {} for name in _PARTS}
    for tag, value in found:
        if tag == "count":
            (name, key), count = value
            if name == "rejected":
                table, reason = key.split("\n")
                counts[name].setdefault(table, {})[reason] = count
            else:
                counts[name][key] = count
    first: list[list[Any]] = next((value for tag, value in found if tag == "first"), [])
    unreadable: list[str] = next((value for tag, value in found if tag == "unreadable"), [])
    fields = rows.Reject._fields
    return {
        "tables": tables,
        **{name: dict(sorted(part.items())) for name, part in counts.items()},
        "first_rejects": [dict(zip(fields, reject, strict=True)) for reject in first],
        "unreadable": unreadable,
    }
