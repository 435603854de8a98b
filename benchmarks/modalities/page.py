"""The page of the modalities benchmark: tables and plots from its JSON alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.modalities.rankings import ANY, FULL, POPULATIONS
from benchmarks.modalities.trials import CONTRASTIVE
from benchmarks.page import figure, machines, table

Summary = Mapping[str, Any]

TITLES: Mapping[str, str] = {
    CONTRASTIVE: "contrastive",
    f"{CONTRASTIVE}, all modalities": "contrastive, learnt from artists with all",
    "modality:audio": "audio alone",
    "modality:listening": "listening alone",
    "modality:tags": "tags alone",
    "pca": "PCA of all",
    "random_projection": "random projection of all",
}
POPULATION_TITLES: Mapping[str, str] = {ANY: "any modality", FULL: "all three"}


def markdown_page(
    summary: Summary, layers: str | None, plots: Mapping[str, str], source: str
) -> str:
    """The page's text.

    Args:
      summary: what `figures.summarise` made, with 'machines', 'versions' and 'missing'.
      layers: a link to the page of graph layers, if there is one.
      plots: links to the plots, by name.
      source: a link to the JSON.
    """
    parts = [
        "# Results: several modalities, any of them missing",
        _intro(summary, source),
        "## Each system",
        _systems(summary),
        f"![nDCG@200 and Gini@200 of each system]({plots['systems']})",
        "## The contrastive encoders, asked with some modalities",
        _combinations(summary),
        "## Across groups of modalities",
        _groups(summary),
        f"![shares of the retrieved, by group of the query]({plots['groups']})",
        "## By popularity",
        _quantiles(summary, plots),
        "## What goes together",
        _correlations(summary),
        f"![Kendall's tau]({plots['correlations']})",
    ]
    if layers:
        parts += [
            "## Graph layers",
            f"SAGE, GatedGCN and GIN, 0 to 4 layers, on each content: [their own page]({layers}).",
        ]
    parts.append(machines(summary))
    return "\n\n".join(parts) + "\n"


def _intro(summary: Summary, source: str) -> str:
    sizes = summary["populations"]
    missing = summary["missing"]
    text = (
        f"Written by `make benchmark SUITE=modalities` from [{source.split('/')[-1]}]({source}). "
        "OLGA with its partly missing audio descriptors, listening data and tags. Everything is "
        "learnt from training artists and without a single edge, so that all edges are what is "
        "judged by (those between the two judged splits are not in the examples): queries and "
        f"candidates are the {sizes[ANY]['artists']:,} artists with **any** of the three "
        f"({sizes[ANY]['queries']:,} of them have a similar artist there), or the "
        f"{sizes[FULL]['artists']:,} with **all three** ({sizes[FULL]['queries']:,}). In the "
        "first, an artist that has nothing of what a system reads comes in random order. Three "
        "seeds; each query's nDCG@200 is averaged over them first. In brackets the 95% bootstrap "
        "interval over queries, of a Gini index the range over seeds. Differences are paired. The "
        "paper is Ferraro et al. (2023), on other content of the same artists."
    )
    if missing:
        number = "one training is" if missing == 1 else f"{missing} trainings are"
        text += f"\n\n**Not complete**: {number} still to come."
    return text


def _systems(summary: Summary) -> str:
    rows = []
    for name, system in summary["systems"].items():
        row = [TITLES[name]]
        for population in POPULATIONS:
            found = system[population]
            row += [figure(found), _spread(found["gini"], 3)]
            if name == CONTRASTIVE:
                row.append("–")
            else:
                row.append(figure(found.get("contrastive_minus_this"), signed=True))
        rows.append([*row, _spread(system["fit_cpu_seconds"], 0)])
    head = ["system"]
    for population in POPULATIONS:
        title = POPULATION_TITLES[population]
        head += [f"nDCG@200, {title}", f"Gini@200, {title}", f"contrastive − it, {title}"]
    return table([*head, "processor seconds"], rows)


def _combinations(summary: Summary) -> str:
    rows = []
    for line in summary["combinations"]:
        row = [" + ".join(line["modalities"])]
        for population in POPULATIONS:
            row += [figure(line[population]), _spread(line[population]["gini"], 3)]
        rows.append(row)
    head = ["modalities"]
    for population in POPULATIONS:
        title = POPULATION_TITLES[population]
        head += [f"nDCG@200, {title}", f"Gini@200, {title}"]
    note = "As the paper's table 1: one model, which is given these modalities of each artist."
    return f"{note}\n\n{table(head, rows)}"


def _groups(summary: Summary) -> str:
    rows = [
        [TITLES[name], _spread(system["entropy"], 3)] for name, system in summary["systems"].items()
    ]
    note = (
        "As the paper's table 2 and figure 2: the artists with all three are put into 7 groups of "
        "equal size at random, and each group keeps one set of modalities. A row shows which "
        "groups the first 5 places of a group's lists go to; without any bias every cell has 1/7 "
        "and the entropy is ln 7 = 1.946. The draw changes with the seed; in brackets the range."
    )
    return f"{note}\n\n{table(['system', 'entropy'], rows)}"


def _quantiles(summary: Summary, plots: Mapping[str, str]) -> str:
    parts = [
        "As the paper's figure 4: the queries with listening data, cut into quantiles of "
        "log(plays + 1), and how much better than listening data alone each system is there: its "
        "nDCG@200 over that of listening alone, minus 1.",
        f"![improvement by popularity quantile]({plots['popularity']})",
    ]
    for population in POPULATIONS:
        lines = summary["quantiles"][population]
        if not lines:
            continue
        names = list(lines[0]["improvement"])
        rows = [
            [
                f"{line['from']:.1f} – {line['to']:.1f}",
                f"{line['queries']:,}",
                f"{line['listening']:.3f}",
                *(_percent(line["improvement"][name]) for name in names),
            ]
            for line in lines
        ]
        head = ["log(plays + 1)", "queries", "listening alone", *(TITLES[name] for name in names)]
        title = POPULATION_TITLES[population]
        parts += [f"### Artists with {title}", table(head, rows)]
    return "\n\n".join(parts)


def _correlations(summary: Summary) -> str:
    found = summary["correlations"]
    names = list(found)
    rows = [[_plain(a), *(_number(found[a][b]) for b in names)] for a in names]
    note = (
        "As the paper's figure 5: Kendall's tau over the artists with all three, mean over the "
        "seeds of the contrastive model; the expected contrastive loss and the distances within "
        "and between artists are those of its modalities' embeddings."
    )
    return f"{note}\n\n{table(['', *map(_plain, names)], rows)}"


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _spread(found: Mapping[str, float | None], digits: int) -> str:
    if found["mean"] is None:
        return "–"
    mean, low, high = (f"{found[part]:.{digits}f}" for part in ("mean", "low", "high"))
    return mean if low == high else f"{mean} [{low}, {high}]"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.0%}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


def shown_systems(summary: Summary) -> Sequence[str]:
    """The systems in the order of the plots: the contrastive ones first."""
    return sorted(summary["systems"], key=lambda name: (not name.startswith(CONTRASTIVE), name))
