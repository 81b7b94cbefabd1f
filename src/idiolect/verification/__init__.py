"""Verification: verifiers by name. Each lives in its own file."""
