"""The benchmark of the generation engine: `python -m benchmarks.generation`.

Several samples of each GSM8K prompt, through the model's chat template, drawn at the same
temperature with the same limit. Only tokens up to the end of turn count. Who is measured is in
`contestants`; each runs in a process of its own (`worker`), driven by `race`, and `report` writes
down what came out.
"""
