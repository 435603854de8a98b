"""Chooses a few constants on the validation split, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def coordinate_search(
    score: Callable[[tuple[float, ...]], float],
    options: Sequence[Sequence[float]],
    start: Sequence[float],
    *,
    rounds: int = 1,
) -> tuple[float, ...]:
    """Maximises a score by changing one constant at a time.

    Args:
      score: of all constants; called once for each combination that is tried.
      options: what each constant may be.
      start: the first combination; need not be among the options.
      rounds: how often each constant gets its turn; a round that changes nothing is the last.

    Returns:
      The best combination that was tried; of equal ones the first.
    """
    best = tuple(float(value) for value in start)
    known = {best: score(best)}
    for _ in range(rounds):
        before = best
        for place, values in enumerate(options):
            for value in values:
                tried = (*best[:place], float(value), *best[place + 1 :])
                if tried not in known:
                    known[tried] = score(tried)
            row = [(*best[:place], float(value), *best[place + 1 :]) for value in values]
            best = max([best, *row], key=lambda one: known[one])
        if best == before:
            break
    return best
