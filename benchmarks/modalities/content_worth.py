"""What content adds to the graph: the same queries, with it and without (paired)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.figures import Judged, collect
from benchmarks.page import figure, table
from benchmarks.plan import jobs_of
from benchmarks.store import Store
from benchmarks.suite import Suite
from trainer.ranking.bootstrap import Interval, interval, paired_interval
from trainer.systems.base import PAIRWISE

GRAPH: Final = "diffusion/graph"
CONTENT: Final = "diffusion/all"
_FORMS: Final[Mapping[str, str]] = {
    "": "the vectors' dot product",
    f"/{PAIRWISE}": "`similar`, with the pairwise term",
}
"""By what is added to a system's name."""


def content_worth(suite: Suite, digest: str, store: Store) -> list[dict[str, Any]]:
    """Compares GRAPH with CONTENT in the connected condition, over the seeds that both have.

    Returns:
      A row for each way of ranking that both have, with 'form', 'seeds', and for all queries and
      for 'with_content' alone the two scores and their paired difference. Empty while one of the
      two is not trained with any seed.
    """
    queries = store.queries(digest)
    jobs = [job for job in jobs_of(suite, digest) if job.system.name in (GRAPH, CONTENT)]
    done = {
        name: {job.seed for job in jobs if job.system.name == name and store.find(job.key)}
        for name in (GRAPH, CONTENT)
    }
    both = done[GRAPH] & done[CONTENT]
    if queries is None or not both:
        return []
    found = {
        one.system.name: one for one in collect([job for job in jobs if job.seed in both], store)
    }
    rows = []
    for suffix, form in _FORMS.items():
        without, with_it = found.get(GRAPH + suffix), found.get(CONTENT + suffix)
        if without and with_it:
            rows.append(
                {
                    "form": form,
                    "seeds": sorted(seed for seed in both if seed is not None),
                    "all": _compared(without, with_it, slice(None)),
                    "with_content": _compared(without, with_it, queries.has_content),
                }
            )
    return rows


def worth_section(rows: list[dict[str, Any]], queries: Mapping[str, Any]) -> list[str]:
    """The paragraphs of the page, none without rows; `queries` is the summary's."""
    if not rows:
        return []
    asked = {
        "all": f"all {queries['judged']:,}",
        "with_content": f"the {queries['with_content']:,} with content",
    }
    seeds = min(len(row["seeds"]) for row in rows)
    text = (
        "The default system, *diffusion*, with its own number of epochs: once with the graph alone "
        "and once with all three modalities beside it. nDCG@200, connected, of each query the mean "
        f"over {seeds} seed{'s' if seeds != 1 else ''}; the difference is paired."
    )
    lines = []
    for row in rows:
        for part, title in asked.items():
            found = row[part]
            scores = [figure(found["graph"]), figure(found["content"])]
            difference = figure(found["content_minus_graph"], signed=True)
            lines.append([row["form"], title, *scores, difference])
    head = ["ranked by", "queries", "the graph alone", "with content", "content − graph"]
    return ["## With content against the graph alone", text, table(head, lines)]


def _compared(without: Judged, with_it: Judged, chosen: Any) -> dict[str, Any]:
    before, after = without.mean("connected")[chosen], with_it.mean("connected")[chosen]
    return {
        "graph": _rounded(interval(before)),
        "content": _rounded(interval(after)),
        "content_minus_graph": _rounded(paired_interval(after, before)),
    }


def _rounded(found: Interval) -> dict[str, float]:
    return {name: round(value, 6) for name, value in dataclasses.asdict(found).items()}
