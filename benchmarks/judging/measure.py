"""One measurement in a process of its own: `python -m benchmarks.judging.measure '<JSON>'`."""

from __future__ import annotations

import dataclasses
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import scipy.sparse as sp

MEAN_POSITIVES: Final = 5
"""Hidden edges of a query: about what a tenth of a catalogue with 48 edges an artist has."""
CUTOFFS: Final = (10, 200)
# Queries that are compared one by one.
_COMPARED: Final = 100


@dataclasses.dataclass(frozen=True)
class Task:
    """What is measured.

    Attributes:
      what: a key of MEASURED.
      queries: asked; the first of the split.
      candidates: artists of the split.
      dim: of the random vectors.
      repeats: of the same call, in one process.
    """

    what: str
    queries: int
    candidates: int
    dim: int = 100
    repeats: int = 3


class Case:
    """Random unit vectors and random hidden edges, the same for all tasks of a size."""

    def __init__(self, task: Task):
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((task.candidates, task.dim), np.float32)
        self.embedding = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        self.popularity = rng.random(task.candidates)
        # As many for each query whatever the number of queries.
        num_positives = 1 + rng.poisson(MEAN_POSITIVES - 1, task.candidates)[: task.queries]
        rows = np.repeat(np.arange(task.queries), num_positives)
        columns = rng.integers(task.candidates - 1, size=len(rows))
        columns += columns >= rows  # Nobody is a positive of itself.
        truth = sp.csr_matrix(
            (np.ones(len(rows), np.float32), (rows, columns)), (task.candidates,) * 2
        )
        truth.data[:] = 1
        self.truth, self.artists = truth, np.arange(task.candidates)
        self.queries = np.arange(task.queries)

    def scores(self) -> np.ndarray:
        """[num_queries, num_candidates] float32."""
        return self.embedding[self.queries] @ self.embedding.T


def _evaluate(case: Case) -> Callable[[], dict[str, np.ndarray]]:
    from trainer.ranking.evaluation import evaluate_ranking
    from trainer.systems.base import dot_products

    def call() -> dict[str, np.ndarray]:
        return dict(
            evaluate_ranking(
                dot_products(case.embedding), case.truth, case.artists, case.popularity, k=CUTOFFS
            ).per_query
        )

    return call


def _ndcg(case: Case) -> Callable[[], dict[str, np.ndarray]]:
    from trainer.ranking.ndcg import query_ndcg
    from trainer.systems.base import dot_products

    def call() -> dict[str, np.ndarray]:
        judged = query_ndcg(
            dot_products(case.embedding), case.truth, case.artists, queries=case.queries
        )
        return {"ndcg@200": judged.ndcg}

    return call


def _ndcg_of_scores(case: Case) -> Callable[[], dict[str, np.ndarray]]:
    from trainer.ranking.ndcg import query_ndcg

    scores = case.scores()

    def call() -> dict[str, np.ndarray]:
        judged = query_ndcg(
            lambda queries, _: scores[queries[0] : queries[-1] + 1],
            case.truth,
            case.artists,
            queries=case.queries,
        )
        return {"ndcg@200": judged.ndcg}

    return call


def _evaluate_of_scores(case: Case) -> Callable[[], dict[str, np.ndarray]]:
    from trainer.ranking.evaluation import evaluate_ranking

    scores = case.scores()

    def call() -> dict[str, np.ndarray]:
        judged = evaluate_ranking(
            lambda queries, _: scores[queries[0] : queries[-1] + 1],
            case.truth,
            case.artists,
            case.popularity,
            k=CUTOFFS,
        )
        return dict(judged.per_query)

    return call


def _scikit_learn(case: Case, *, ignore_ties: bool) -> Callable[[], dict[str, np.ndarray]]:
    from sklearn.metrics import ndcg_score

    scores = case.scores()
    # It has no notion of a query that is no candidate: last, it is below every cut-off.
    scores[case.queries, case.queries] = scores.min() - 1
    relevance = case.truth[case.queries].toarray()
    step = max(1, 2**22 // len(case.artists))

    def call() -> dict[str, np.ndarray]:
        for start in range(0, len(scores), step):
            part = slice(start, start + step)
            ndcg_score(relevance[part], scores[part], k=200, ignore_ties=ignore_ties)
        # It returns means alone; `_one_by_one` has the values of some queries.
        return {}

    return call


def _one_by_one(case: Case) -> dict[str, np.ndarray]:
    from sklearn.metrics import ndcg_score

    rows = case.queries[:_COMPARED]
    scores = case.embedding[rows] @ case.embedding.T
    scores[rows, rows] = scores.min() - 1
    relevance = case.truth[rows].toarray()
    found = [ndcg_score(relevance[i : i + 1], scores[i : i + 1], k=200) for i in range(len(rows))]
    return {"ndcg@200": np.array(found)}


_TREC: Final = {
    "ndcg_cut_200": "ndcg@200",
    "ndcg_cut_10": "ndcg@10",
    "recall_200": "recall@200",
    "recall_10": "recall@10",
    "P_200": "precision@200",
    "P_10": "precision@10",
    "map": "map",
    "recip_rank": "mrr",
    "Rprec": "r_precision",
}


def _pytrec_eval(case: Case) -> Callable[[], dict[str, np.ndarray]]:
    import pytrec_eval

    scores = case.scores()
    names = [str(artist) for artist in case.artists]
    relevant = {
        names[q]: {names[v]: 1 for v in case.truth[q].indices.tolist()} for q in case.queries
    }
    measures = {"ndcg_cut.10,200", "recall.10,200", "P.10,200", "map", "recip_rank", "Rprec"}

    def call() -> dict[str, np.ndarray]:
        evaluator = pytrec_eval.RelevanceEvaluator(relevant, measures)
        found: list[dict[str, float]] = []
        step = max(1, 2**21 // len(names))
        for start in range(0, len(scores), step):
            run = {}
            for q in case.queries[start : start + step]:
                run[names[q]] = dict(zip(names, scores[q].tolist()))
                del run[names[q]][names[q]]
            judged = evaluator.evaluate(run)
            found += [judged[query] for query in run]
        return {
            ours: np.array([values[theirs] for values in found]) for theirs, ours in _TREC.items()
        }

    return call


MEASURED: Final[dict[str, Callable[[Case], Callable[[], dict[str, np.ndarray]]]]] = {
    "evaluate_ranking": _evaluate,
    "query_ndcg": _ndcg,
    "evaluate_ranking, scores given": _evaluate_of_scores,
    "query_ndcg, scores given": _ndcg_of_scores,
    "scikit-learn": lambda case: _scikit_learn(case, ignore_ties=False),
    "scikit-learn, ignore_ties": lambda case: _scikit_learn(case, ignore_ties=True),
    "pytrec_eval": _pytrec_eval,
}


def measure(task: Task) -> dict[str, Any]:
    """Seconds, processor seconds and MiB of a task, and the values of the first queries."""
    case = Case(task)
    call = MEASURED[task.what](case)
    before = _peak()
    seconds, cpu = [], []
    values: dict[str, np.ndarray] = {}
    for _ in range(task.repeats):
        started, worked = time.perf_counter(), time.process_time()
        values = call()
        seconds.append(time.perf_counter() - started)
        cpu.append(time.process_time() - worked)
    peak = _peak()
    if task.what == "scikit-learn":
        values = _one_by_one(case)
    return {
        **dataclasses.asdict(task),
        "seconds": statistics.median(seconds),
        "fastest": min(seconds),
        "slowest": max(seconds),
        "cpu_seconds": statistics.median(cpu),
        "peak_mib": peak,
        "added_mib": peak - before,
        "values": {name: found[:_COMPARED].tolist() for name, found in values.items()},
        "tied": _tied(case) if task.what.endswith("scores given") else [],
    }


def _tied(case: Case) -> list[int]:
    """Of the first queries, those with a positive whose score another candidate has."""
    found = []
    for query in case.queries[:_COMPARED]:
        scores = (case.embedding[query : query + 1].repeat(2, axis=0) @ case.embedding.T)[0]
        scores = np.delete(scores, query)
        values, counts = np.unique(scores, return_counts=True)
        positives = case.truth[query].indices
        own = scores[positives - (positives > query)]
        if (counts[np.searchsorted(values, own)] > 1).any():
            found.append(int(query))
    return found


def _peak() -> float:
    """Most MiB that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(measure(Task(**json.loads(sys.argv[1])))))
