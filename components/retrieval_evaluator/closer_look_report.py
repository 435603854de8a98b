"""The closer look as tables for `report.md`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from components.retrieval_evaluator.closer_look import NOT_MEASURED
from components.retrieval_evaluator.names import (
    BLESSED_MODEL,
    COLD,
    KNN,
    MODEL,
    MODEL_PAIRWISE,
    metric_title,
    system_title,
)
from trainer.ranking.names import ALL, LONG_TAIL

_SHOWN: Final = (MODEL, MODEL_PAIRWISE, BLESSED_MODEL, KNN, "popularity", "random")
"""Whose figures are in the report; those of all are in `metrics.json`."""


def closer_look_lines(metrics: Mapping[str, Any]) -> list[str]:
    """The lines of the sections that `CloserLook.sections` adds.

    Args:
      metrics: the content of `metrics.json`; empty lines for one without these sections.
    """
    if "consistency" not in metrics:
        return []
    return [
        *_cold_start(metrics["cold_start_protocol"]),
        *_consistency(metrics["consistency"]),
        *_groups(metrics["modality_groups"]),
        *_space(metrics["space"]),
        *_stability(metrics["stability"]),
    ]


def _cold_start(section: Mapping[str, Any]) -> list[str]:
    systems = [name for name in _SHOWN if name in section["scores"]]
    figures = section["scores"][MODEL]
    number = next(iter(figures.values()))["num_queries"]
    rows = (
        (metric_title(name), *(_value(section["scores"][system][name]) for system in systems))
        for name in figures
    )
    return [
        "",
        f"Cold start after Deezer's protocol: {number:,} artists of whom only content is known, "
        f"against {section['num_candidates']:,} artists; "
        f"{section['num_without_edge']:,} have no similar artist and are skipped.",
        "",
        *_table(("cold start", *map(system_title, systems)), rows),
    ]


def _consistency(section: Mapping[str, Any]) -> list[str]:
    if not section["kinds"]:
        return []
    lines = [
        "",
        f"Consistent@{section['k']}: the share of an artist's tags that the artists retrieved for "
        "it have; in brackets the long tail, with at most one visible edge. *: the model reads "
        "these tags.",
    ]
    for condition, scores in section["scores"].items():
        systems = [name for name in _SHOWN if name in scores]
        rows = (
            (
                f"{_cell(kind)}{'*' if about['read_by_model'] else ''}",
                *(_with_long_tail(scores[system][kind]) for system in systems),
            )
            for kind, about in section["kinds"].items()
        )
        lines += ["", *_table((condition, *map(system_title, systems)), rows)]
    return lines


def _groups(section: Mapping[str, Any]) -> list[str]:
    groups = section["groups"]
    if len(groups) < 2:
        return ["", "Modality groups: not measured, all artists have the same modalities."]
    names = [_cell(group["name"]) for group in groups]
    systems = [name for name in _SHOWN if name in section["scores"][COLD]]
    rows = [
        (f"queries with {name}", *map(_share, row))
        for name, row in zip(names, section["scores"][COLD][MODEL]["matrix"], strict=True)
    ]
    rows.append(("share of the artists", *(_share(group["share"]) for group in groups)))
    entropy = (
        (
            condition,
            *(_number(scores[system]["entropy"]) for system in systems),
            _number(section["entropy_of_shares"]),
        )
        for condition, scores in section["scores"].items()
    )
    return [
        "",
        f"Which modalities the first {section['k']} artists of a list have: the new model, cold.",
        "",
        *_table((COLD, *names), rows),
        "",
        "Entropy of these rows, averaged; the last column is that of the artists' shares.",
        "",
        *_table(("entropy", *map(system_title, systems), "shares"), entropy),
    ]


def _space(section: Mapping[str, Any]) -> list[str]:
    rank = "; ".join(
        f"{condition}: {system_title(system)} {_number(value, 1)}"
        for condition, systems in section["rankme"].items()
        for system, value in systems.items()
    )
    found = section["modalities"]
    if NOT_MEASURED in found:
        text = f"not measured, {found[NOT_MEASURED]}"
    else:
        text = ", ".join(
            f"{name.replace('_', ' ')} {_interval(figure)}"
            for name, figure in found.items()
            if name != "names"
        )
        text += f" ({', '.join(found['names'])})"
    return [
        "",
        f"RankMe of the judged embeddings: {rank}.",
        "",
        f"Modalities in the space: {text}.",
    ]


def _stability(section: Mapping[str, Any]) -> list[str]:
    if NOT_MEASURED in section:
        return ["", f"Neighbours that stay: not measured, {section[NOT_MEASURED]}."]
    conditions = list(section)
    rows = (
        (
            name,
            *(_interval(section[condition][name]) for condition in conditions),
            _number(section[conditions[0]][name]["chance"]),
        )
        for name in section[conditions[0]]
    )
    return [
        "",
        "Neighbours that stay when the last blessed model is replaced, as a share of the first k.",
        "",
        *_table(("stability", *conditions, "by chance"), rows),
    ]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(header)} |",
        f"|---|{'---|' * (len(header) - 1)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _value(figure: Mapping[str, Any]) -> str:
    return _number(figure["value"])


def _with_long_tail(figures: Mapping[str, Any]) -> str:
    return f"{_value(figures[ALL])} ({_value(figures[LONG_TAIL])})"


def _interval(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "–"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f}%"
