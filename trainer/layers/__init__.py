"""Graph convolutions as TF-GNN updates, one a file."""
