"""Who can answer: local weights now; endpoints later. Each lives in its own file."""
