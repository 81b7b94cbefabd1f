"""The lab's study: what the methods must show in a world where the truth is known."""
