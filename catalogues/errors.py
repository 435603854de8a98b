"""The one error that a user's own mistake raises."""

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """A user's mistake. Its text is one sentence: what is wrong, where, and how to mend it."""


def nearest(word: str, candidates: Iterable[str]) -> str:
    """Suggests the candidate that `word` was probably meant to be.

    Args:
        word: what the user wrote.
        candidates: the right names.

    Returns:
        ``" (did you mean 'x'?)"``, or ``""`` when no candidate is close.
    """
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    matches = difflib.get_close_matches(word.lower(), list(by_lower), n=1)
    return f" (did you mean '{by_lower[matches[0]]}'?)" if matches else ""
