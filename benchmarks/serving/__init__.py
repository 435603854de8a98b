"""How fast a model is served: the embedded server beside another, under the same load."""
