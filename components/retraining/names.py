"""What a decision is called where it is written down."""

from typing import Final

DECISION: Final = "decision"
"""Key of the output, and its custom property: TRAIN or STOP."""
REASON: Final = "reason"
"""Its custom property: why, a sentence without its full stop."""
TRAIN: Final = "train"
STOP: Final = "stop"
