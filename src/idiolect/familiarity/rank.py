"""Mean rank of the response's tokens; 1 means that greedy decoding would have written it."""

from idiolect.familiarity.base import Measure, Measured

__all__ = ["MEAN_RANK"]


def _value(measured: Measured) -> float:
    prompt = measured.prompt
    if prompt.mean_rank is None:
        raise ValueError(
            f"mean-rank of {prompt.candidate_id}: {prompt.path} tells no token ranks; "
            "leave out `mean-rank`, or score with vLLM or with the weights on this machine"
        )
    return prompt.mean_rank


MEAN_RANK = Measure(
    name="mean-rank",
    unit="",
    familiar="lower",
    needs=frozenset({"prompt"}),
    needs_ranks=True,
    value=_value,
)
