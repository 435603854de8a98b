"""The closer look as texts and tables, for `report.md` and for the page."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
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
_BAR: Final = "\\|"
"""A bar in a cell."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """A text with perhaps a table below it.

    Attributes:
      text: sentences.
      head: the cells of the table's first line; none: no table.
      rows: as many cells each.
    """

    text: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def closer_look(metrics: Mapping[str, Any]) -> list[Finding]:
    """What the sections say that `CloserLook.sections` adds.

    Args:
      metrics: the content of `metrics.json`; nothing is found in one without these sections.
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


def closer_look_lines(metrics: Mapping[str, Any]) -> list[str]:
    """The same in Markdown."""
    lines = []
    for finding in closer_look(metrics):
        lines += ["", finding.text] if finding.text else []
        if finding.head:
            lines += ["", _line(finding.head), f"|---|{'---|' * (len(finding.head) - 1)}"]
            lines += map(_line, finding.rows)
    return lines


def _cold_start(section: Mapping[str, Any]) -> list[Finding]:
    systems = [name for name in _SHOWN if name in section["scores"]]
    figures = section["scores"][MODEL]
    number = next(iter(figures.values()))["num_queries"]
    rows = [
        (metric_title(name), *(_value(section["scores"][system][name]) for system in systems))
        for name in figures
    ]
    text = (
        f"Cold start after Deezer's protocol: {number:,} artists of whom only content is known, "
        f"against {section['num_candidates']:,} artists; "
        f"{section['num_without_edge']:,} have no similar artist and are skipped."
    )
    return [Finding(text, ("cold start", *map(system_title, systems)), rows)]


def _consistency(section: Mapping[str, Any]) -> list[Finding]:
    if not section["kinds"]:
        return []
    text = (
        f"Consistent@{section['k']}: the share of an artist's tags that the artists retrieved for "
        "it have; in brackets the long tail, with at most one visible edge. *: the model reads "
        "these tags."
    )
    found: list[Finding] = []
    for condition, scores in section["scores"].items():
        systems = [name for name in _SHOWN if name in scores]
        rows = [
            (
                f"{kind}{'*' if about['read_by_model'] else ''}",
                *(_with_long_tail(scores[system][kind]) for system in systems),
            )
            for kind, about in section["kinds"].items()
        ]
        head = (condition, *map(system_title, systems))
        found.append(Finding("" if found else text, head, rows))
    return found


def _groups(section: Mapping[str, Any]) -> list[Finding]:
    groups = section["groups"]
    if len(groups) < 2:
        return [Finding("Modality groups: not measured, all artists have the same modalities.")]
    names = [group["name"] for group in groups]
    systems = [name for name in _SHOWN if name in section["scores"][COLD]]
    rows = [
        (f"queries with {name}", *map(_share, row))
        for name, row in zip(names, section["scores"][COLD][MODEL]["matrix"], strict=True)
    ]
    rows.append(("share of the artists", *(_share(group["share"]) for group in groups)))
    entropy = [
        (
            condition,
            *(_number(scores[system]["entropy"]) for system in systems),
            _number(section["entropy_of_shares"]),
        )
        for condition, scores in section["scores"].items()
    ]
    return [
        Finding(
            f"Which modalities the first {section['k']} artists of a list have: the new model, "
            "cold.",
            (COLD, *names),
            rows,
        ),
        Finding(
            "Entropy of these rows, averaged; the last column is that of the artists' shares.",
            ("entropy", *map(system_title, systems), "shares"),
            entropy,
        ),
    ]


def _space(section: Mapping[str, Any]) -> list[Finding]:
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
        Finding(f"RankMe of the judged embeddings: {rank}."),
        Finding(f"Modalities in the space: {text}."),
    ]


def _stability(section: Mapping[str, Any]) -> list[Finding]:
    if NOT_MEASURED in section:
        return [Finding(f"Neighbours that stay: not measured, {section[NOT_MEASURED]}.")]
    conditions = list(section)
    rows = [
        (
            name,
            *(_interval(section[condition][name]) for condition in conditions),
            _number(section[conditions[0]][name]["chance"]),
        )
        for name in section[conditions[0]]
    ]
    text = (
        "Neighbours that stay when the last blessed model is replaced, as a share of the first k."
    )
    return [Finding(text, ("stability", *conditions, "by chance"), rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', _BAR) for cell in cells)} |"


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
