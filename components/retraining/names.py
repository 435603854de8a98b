"""What a decision is called where it is written down."""

from typing import Final

DECISION: Final = "decision"
"""Key of the output, and its custom property: TRAIN or STOP."""
REASON: Final = "reason"
"""Its custom property: why, a sentence without its full stop."""
TRAIN: Final = "train"
STOP: Final = "stop"
START: Final = "start"
"""Its custom property, where a person wants training to begin at the served weights: what becomes
of that, a sentence without its full stop. A model that came of it has it as well."""
