"""The page of the serving suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.serving.questions import KINDS
from benchmarks.serving.servers import TITLES

_PROTOCOLS = {"rest": "REST", "grpc": "gRPC"}


def markdown_page(summary: Mapping[str, Any], plots: Mapping[str, str], source: str) -> str:
    """The page as Markdown.

    Args:
      summary: what benchmarks.serving.suite keeps.
      plots: by name, their paths from the page.
      source: path from the page to the JSON.
    """
    plan, machine, versions = summary["plan"], summary["machine"], summary["versions"]
    parts = [
        "# Results: serving",
        f"Written by `make benchmark SUITE=serving` from [{source}]({source}).",
        f"Latency in ms and requests a second of models of the default sizes (vectors of "
        f"{plan['dim']}, walks of each artist kept, by which its 1,000 nearest are ranked once "
        "more), "
        "asked over the loopback by clients that each wait for an answer before they ask again, "
        "on connections that stay open. Servers and load share one machine and ran in one go: "
        f"{plan['rounds']} rounds, in each of which the servers took turns, for "
        f"{plan['seconds']:g} s after {plan['warm_up']:g} s of warm-up. Each figure is the median "
        "over the rounds, in brackets the least and the most. One answer to each question of every "
        "run was compared with the SavedModel's own, to the last bit of its float32 numbers.",
        "The catalogues are synthetic ones of `artist-sim catalogue generate` with random splits. "
        "The models are not trained: how fast they answer does not depend on how good the answer "
        "is.",
        "`similar` is looked up among the answers that the model keeps of each artist "
        "(`trainer.kept_answers`); `similar_filtered` is computed on request.",
        "BentoML serves the same SavedModel by `tf.saved_model.load` and its signatures, in one "
        "worker with as many threads as the embedded server has, with the same bodies, over REST "
        "alone. TensorFlow Serving is "
        "measured where `TF_SERVING_ADDRESS` names one.",
    ]
    for artists in sorted({record["artists"] for record in summary["records"]}):
        records = [record for record in summary["records"] if record["artists"] == artists]
        parts.append(f"## {artists:,} artists")
        parts.append(_table(records))
    if any("ratio" in record for record in summary["records"]):
        parts.append("## The embedded server against the others")
        parts.append(
            "Of the same round: the other's p99 through the embedded server's, and the embedded "
            "server's requests a second through the other's. Above 1 the embedded server is better."
        )
        parts.append(_ratios(summary["records"]))
    for name, title in (("latency", "p99"), ("throughput", "Requests a second")):
        parts.append(f"![{title} against the number of clients]({plots[name]})")
    processor = f", {machine['processor']}" if machine["processor"] else ""
    busiest = max(one["busy"] for record in summary["records"] for one in record["rounds"])
    parts.append(
        f"{machine['cores']} cores ({machine['architecture']}{processor}), "
        f"{machine['gpus'] or 'no'} GPU; the load took at most {busiest:.0%} of one core. "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + "."
    )
    return "\n\n".join(parts) + "\n"


def _table(records: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "| asked | clients | server | p50 | p95 | p99 | requests a second |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    order = list(KINDS)
    for record in sorted(records, key=lambda one: (order.index(one["question"]), one["clients"])):
        cells = [
            KINDS[record["question"]],
            str(record["clients"]),
            f"{TITLES[record['server']]}, {_PROTOCOLS[record['protocol']]}",
            *(_spread(record[name]) for name in ("p50", "p95", "p99", "per_second")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _ratios(records: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "| artists | asked | clients | against | p99 | requests a second |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for record in records:
        if ratio := record.get("ratio"):
            against = f"{TITLES[record['server']]}, {_PROTOCOLS[record['protocol']]}"
            cells = [
                f"{record['artists']:,}",
                KINDS[record["question"]],
                str(record["clients"]),
                against,
                _spread(ratio["p99"]),
                _spread(ratio["per_second"]),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(found: Mapping[str, float]) -> str:
    return "{} [{}, {}]".format(*(_short(found[name]) for name in ("median", "least", "most")))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
