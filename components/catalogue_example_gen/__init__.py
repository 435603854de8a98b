"""From a catalogue's tables to ego graphs, on Beam."""
