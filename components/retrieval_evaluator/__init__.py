"""The judge: scores a model beside the baselines and the blessed one, and opens the gate."""
