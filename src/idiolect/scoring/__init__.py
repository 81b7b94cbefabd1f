"""Scoring: ids in, log-probabilities out."""
