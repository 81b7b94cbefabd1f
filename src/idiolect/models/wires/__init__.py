"""How servers are spoken to, one protocol a file. Everything above speaks of answers only."""
