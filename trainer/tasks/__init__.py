"""What systems learn: the data of a step, its loss, and the embedding that validation scores."""
