"""Scheduled retraining over weeks of dated spans: what it does, and what it is worth."""
