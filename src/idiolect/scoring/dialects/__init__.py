"""How servers are asked for prompt log-probabilities: one file per dialect."""
