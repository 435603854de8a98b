"""Asks the served version what the judged model was asked, and takes it back where it fails."""
