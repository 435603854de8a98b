"""The page of a soak."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.serving.soak_watch import MIB

_UNITS: Final = {"rss": ("memory, MiB", MIB), "fds": ("open files", 1), "threads": ("threads", 1)}


def write_page(found: Mapping[str, Any], path: Path) -> None:
    """Writes Markdown.

    Args:
      found: the content of the result file.
      path: of the page.
    """
    plan = found["plan"]
    good, bad = found["good"], found["bad"]
    options = f"--requests {plan['requests']} --clients {plan['clients']} --swaps {plan['swaps']}"
    lines = [
        "# Soak of the embedded server",
        "",
        f"Written by `python -m benchmarks.serving.soak {options}`.",
        "",
        f"{good + bad:,} requests from {plan['clients']} processes in {found['seconds']:.0f} s on "
        f"{found['cores']} cores, over REST and gRPC by turns; {bad:,} of them wrong in one way or "
        f"another. Meanwhile {plan['swaps']} new versions were pushed, and a broken one. Every "
        "answer was compared with that of the SavedModel that gave it, every refusal with the "
        f"status that is due: {found['wrong']} were not right.",
        "",
        "| version | right answers |",
        "|---|---|",
    ]
    lines += [f"| {version} | {number:,} |" for version, number in found["by_version"].items()]
    lines += [
        "",
        "After a tenth of the requests as warm-up:",
        "",
        "| | first quarter | last quarter | growth | most | slope per 10,000 requests |",
        "|---|---|---|---|---|---|",
    ]
    for name, course in found["courses"].items():
        title, unit = _UNITS[name]
        first, last, most, slope = (
            course[key] / unit for key in ("first", "last", "most", "slope")
        )
        lines.append(
            f"| {title} | {first:.0f} | {last:.0f} | {course['growth']:+.1%} | {most:.0f} | "
            f"{slope:+.2f} |"
        )
    verdict = [f"- {fault}" for fault in found["faults"]] or ["Nothing was amiss."]
    path.write_text("\n".join([*lines, "", *verdict, ""]))
