"""`make benchmark SUITE=olga`: trains and judges what a suite names, and writes its page."""
