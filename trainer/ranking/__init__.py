"""How a system's ranking is scored: nDCG with its bootstrap interval."""
