"""What building graphs, training and embedding cost, over sizes of catalogues."""
