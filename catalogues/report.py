"""What a check of a catalogue found, and how it is shown to a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from catalogues.tables import Row

_EXAMPLES: Final = 3


@dataclass
class Problem:
    """One kind of fault: how often it occurs, and where it does first.

    Attributes:
        what: the fault in words.
        count: the number of rows that have it.
        examples: the first few as "file row N: detail".
    """

    what: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass
class Report:
    """What a catalogue holds.

    Attributes:
        name: the catalogue's name.
        rows: rows by table, as ``catalogue.yaml`` names the tables.
        num_artists: artists that can be used.
        num_edges: edges that can be used.
        degree_quartiles: the three quartiles of the number of neighbours, isolated artists
            included (an edge counts for both its ends, directed or not); None below 2 artists.
        largest_degree: the most neighbours that an artist has.
        num_isolated: artists without an edge.
        splits: artists by split, where the catalogue has a split column.
        coverage: artists that have each modality, popularity or plays.
        problems: what is wrong.
        notes: what is worth knowing and no fault.
    """

    name: str
    rows: dict[str, int] = field(default_factory=dict)
    num_artists: int = 0
    num_edges: int = 0
    degree_quartiles: tuple[float, float, float] | None = None
    largest_degree: int = 0
    num_isolated: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    coverage: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def num_faults(self) -> int:
        """How many faults were recorded."""
        return sum(problem.count for problem in self.problems)

    def fault(self, what: str, row: Row | None = None, detail: str = "") -> None:
        """Records a fault, and where it is if it is one of the first of its kind."""
        problem = next((known for known in self.problems if known.what == what), None)
        if problem is None:
            problem = Problem(what)
            self.problems.append(problem)
        problem.count += 1
        if row is not None and len(problem.examples) < _EXAMPLES:
            place = f"{row.file} row {row.number}"
            problem.examples.append(f"{place}: {detail}" if detail else place)


def print_report(report: Report) -> None:
    """Prints a report: what there is as a table, then what is wrong with it."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"catalogue {report.name}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right", style="dim")
    for name, count in report.rows.items():
        table.add_row(f"rows in {name}", f"{count:,}")
    table.add_section()
    table.add_row("artists", f"{report.num_artists:,}")
    for split, count in report.splits.items():
        table.add_row(f"  {split}", f"{count:,}", _share(count, report.num_artists))
    table.add_row("edges", f"{report.num_edges:,}")
    if report.degree_quartiles:
        quartiles = " / ".join(f"{quartile:g}" for quartile in report.degree_quartiles)
        table.add_row("  neighbours, quartiles", quartiles)
        table.add_row("  neighbours, most", f"{report.largest_degree:,}")
    isolated = _share(report.num_isolated, report.num_artists)
    table.add_row("  isolated artists", f"{report.num_isolated:,}", isolated)
    if report.coverage:
        table.add_section()
    for name, count in report.coverage.items():
        table.add_row(f"artists with {name}", f"{count:,}", _share(count, report.num_artists))
    console.print(table)
    for note in report.notes:
        console.print(f"note: {note}", highlight=False, markup=False)
    for problem in report.problems:
        console.print(
            f"wrong: {problem.what} ({problem.count:,})", style="red", highlight=False, markup=False
        )
        for example in problem.examples:
            console.print(f"    {example}", highlight=False, markup=False)
    if report.ok:
        console.print("Nothing is wrong with it.")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""
