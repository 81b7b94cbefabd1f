"""Many answers at once from weights on this machine.

`queue` decides which prompts start together, `cohort` holds their keys and values, `attention`
reads them, `sampling` draws, `engine` drives them all. `plain` is transformers' own way, one
answer after another; `choice` takes the engine where it computes what the plain model computes.
"""
