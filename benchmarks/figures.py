"""From the kept scores to the figures of the page: means, intervals, paired differences, slices."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from benchmarks.catalogue import CONDITIONS
from benchmarks.plan import Job, jobs_of
from benchmarks.store import Queries, Store, score_name
from benchmarks.suite import Suite, SuiteSystem
from trainer.ranking.bootstrap import Interval, interval, paired_interval
from trainer.ranking.slices import quantile_groups
from trainer.systems.base import PAIRWISE, SCORE

_NUM_SLICES: Final = 4
_SUFFIX: Final = f"/{PAIRWISE}"


@dataclasses.dataclass(frozen=True)
class Judged:
    """All kept trainings of one system.

    Attributes:
      system: which.
      records: one a seed.
      by_seed: by condition, [num_seeds, num_queries].
    """

    system: SuiteSystem
    records: Sequence[Mapping[str, Any]]
    by_seed: Mapping[str, np.ndarray]

    def mean(self, condition: str) -> np.ndarray:
        """[num_queries] each query's nDCG@200, averaged over the seeds."""
        return np.asarray(self.by_seed[condition].mean(axis=0))


def collect(jobs: Sequence[Job], store: Store) -> list[Judged]:
    """Reads what is done of some jobs, by system in the order of the jobs' first mention."""
    found: dict[str, list[Job]] = {}
    for job in jobs:
        if store.find(job.key):
            found.setdefault(job.system.name, []).append(job)
    judged = []
    for same in found.values():
        system = same[0].system
        records = [store.find(job.key) or {} for job in same]
        scores = [store.scores(job.key) for job in same]
        judged.append(Judged(system, records, _stacked(scores, SCORE)))
        if any(record.get(PAIRWISE) for record in records):
            both = dataclasses.replace(
                system,
                name=f"{system.name}{_SUFFIX}",
                title=f"{system.title}, with the pairwise term",
            )
            # Where validation left the term zero, `similar` ranks by the vectors.
            records = [{**record, **(record.get(PAIRWISE) or {})} for record in records]
            judged.append(Judged(both, records, _stacked(scores, PAIRWISE)))
    return judged


def _stacked(scores: Sequence[Mapping[str, np.ndarray]], kind: str) -> dict[str, np.ndarray]:
    """By condition, [num_seeds, num_queries]; SCORE where a seed has no other."""
    return {
        c: np.stack([one.get(score_name(c, kind), one[c]) for one in scores]).astype(np.float64)
        for c in CONDITIONS
    }


def summarise(suite: Suite, digest: str, store: Store) -> dict[str, Any] | None:
    """The content of `benchmarks/results/<suite>.json`; None while nothing is done."""
    jobs = jobs_of(suite, digest)
    order = {system.name: place for place, system in enumerate(suite.systems)}
    # Stable: what the pairwise term makes of a system stays behind it.
    judged = sorted(
        collect(jobs, store), key=lambda found: order[found.system.name.removesuffix(_SUFFIX)]
    )
    queries = store.queries(digest)
    if not judged or queries is None:
        return None
    slices = quantile_groups(queries.degree, _NUM_SLICES)
    return {
        "suite": suite.name,
        "title": suite.title,
        "split": suite.split,
        "metric": "ndcg@200",
        "seeds": list(suite.seeds),
        "catalogue": {"digest": digest, "artists": queries.num_artists},
        "queries": {
            "judged": len(queries.degree),
            "skipped": queries.num_skipped,
            "with_content": int(queries.has_content.sum()),
        },
        "degree_slices": [
            {
                "low": int(queries.degree[rows].min()),
                "high": int(queries.degree[rows].max()),
                "queries": len(rows),
            }
            for rows in slices
        ],
        "compared_with": [
            name for name in suite.compare_with if any(j.system.name == name for j in judged)
        ],
        "ladders": {
            name: {"title": ladder.title, "published": ladder.published}
            for name, ladder in suite.ladders.items()
        },
        "systems": [_system(found, judged, queries, slices, suite) for found in judged],
        # Rungs without layers are one training, whichever ladders they are of.
        "missing": list({job.key: job.title for job in jobs if not store.find(job.key)}.values()),
        "machines": distinct(_trainings(judged), "machine"),
        "versions": distinct(_trainings(judged), "versions"),
    }


def _system(
    found: Judged,
    judged: Sequence[Judged],
    queries: Queries,
    slices: Sequence[np.ndarray],
    suite: Suite,
) -> dict[str, Any]:
    system, records = found.system, found.records
    return {
        "name": system.name,
        "title": system.title,
        "ladder": system.ladder,
        "convolutions": system.convolutions,
        "seeds": [record["seed"] for record in records],
        "val": {c: [record["val"][c] for record in records] for c in CONDITIONS},
        "epochs": [record["epochs"] for record in records],
        "best_epoch": [record["best_epoch"] for record in records],
        "cpu_seconds": [record["fit_cpu_seconds"] for record in records],
        **{c: _condition(found, c, judged, queries, slices, suite) for c in CONDITIONS},
    }


def _condition(
    found: Judged,
    condition: str,
    judged: Sequence[Judged],
    queries: Queries,
    slices: Sequence[np.ndarray],
    suite: Suite,
) -> dict[str, Any]:
    mean = found.mean(condition)
    references = {
        other.system.name: other
        for other in judged
        if other.system.name in suite.compare_with and other is not found
    }
    fewer = _one_convolution_fewer(found, judged)
    by_seed = found.by_seed[condition].mean(axis=1)
    return {
        **_plain(interval(mean)),
        "by_seed": [round(float(value), 6) for value in by_seed],
        "deviation_over_seeds": round(float(by_seed.std(ddof=1)), 6) if len(by_seed) > 1 else None,
        "with_content": _plain(interval(mean[queries.has_content])),
        "by_degree": [_plain(interval(mean[rows])) for rows in slices],
        "minus": {
            name: _plain(paired_interval(mean, other.mean(condition)))
            for name, other in references.items()
        },
        "minus_one_convolution_fewer": fewer
        and _plain(paired_interval(mean, fewer.mean(condition))),
    }


def _one_convolution_fewer(found: Judged, judged: Sequence[Judged]) -> Judged | None:
    system = found.system
    return next(
        (
            other
            for other in judged
            if system.convolutions
            and other.system.ladder == system.ladder
            and other.system.convolutions == system.convolutions - 1
        ),
        None,
    )


def _plain(found: Interval) -> dict[str, float | None]:
    """JSON has no NaN."""
    numbers = dataclasses.asdict(found)
    return {k: None if math.isnan(v) else round(v, 6) for k, v in numbers.items()}


def distinct(records: Iterable[Mapping[str, Any]], what: str) -> list[dict[str, Any]]:
    """The different machines or versions that records name, with how many 'trainings' name each.

    Args:
      records: of trainings.
      what: 'machine' or 'versions'.
    """
    counted: Counter[tuple[tuple[str, Any], ...]] = Counter(
        tuple(sorted(record[what].items())) for record in records
    )
    return [{**dict(pairs), "trainings": count} for pairs, count in counted.most_common()]


def _trainings(judged: Sequence[Judged]) -> Iterator[Mapping[str, Any]]:
    """Each once: what the pairwise term makes of a system is of the same trainings."""
    for found in judged:
        if not found.system.name.endswith(_SUFFIX):
            yield from found.records
