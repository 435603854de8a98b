"""The simulated weeks: a world that moves as it says, a feed with its mishaps, an honest record."""
