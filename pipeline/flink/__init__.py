"""A local Flink cluster for the Beam stages: `artist-sim flink up`, `status` and `down`."""
