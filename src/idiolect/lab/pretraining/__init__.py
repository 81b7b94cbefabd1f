"""Pretraining of the lab's targets."""
