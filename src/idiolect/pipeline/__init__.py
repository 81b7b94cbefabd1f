"""The commands as library functions; each step reads rows from the run and adds rows to it."""
