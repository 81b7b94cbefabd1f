"""Accuracy, drift and public suites: what training changed."""
