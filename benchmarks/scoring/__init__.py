"""The benchmark of the scoring engine: `python -m benchmarks.scoring`.

What is measured is in `workloads`, who is measured in `contestants`, the limit they are held
against in `limits`. Each contestant runs in a process of its own (`worker`), driven by
`race`; `report` writes down what came out.
"""
