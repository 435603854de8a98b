"""Several modalities, any of them missing: the tables and figures of 003 and 004."""
