"""Perplexities that the authors' files hold for a 7B and a 13B model, by task and variant.

Arithmetic means over rows, as the authors average. Sources, both in `docs/paper.md` of the
project's reference: §2.5 (fields stored in older data files of arXiv 2402.11192), and §2.6 (logs
of arXiv 2502.11779, n = 300, Mistral) where marked. §2.5 does not say over how many rows; the
published files hold 1,000 of GSM8K, MATH and ECQA, 374 of MBPP and twice 82 of HumanEval (its
appendix B). Neither gives an interval or a revision of the models. A minimal change is scored
there by the model whose answer it corrects, so each model has one of the two. The follow-up's
step-by-step answers are other texts than the paper's, so theirs are not here.
"""

__all__ = ["GEOMETRIC", "NAMES", "RECORDED"]

NAMES = {
    "mistral-7b-instruct": "Mistral-7B-Instruct-v0.2",
    "llama-2-13b-chat": "Llama-2-13b-chat",
}
"""Model -> its full name, as the reference's list of names has it."""

RECORDED: dict[str, dict[str, dict[str, float]]] = {
    "mistral-7b-instruct": {
        "gsm8k": {
            "reference": 6.44,  # §2.6
            "gpt4": 2.39,  # §2.6
            "claude": 2.13,
            "gpt4o_mini": 2.18,
            "gpt4_paraphrase_of_gpt4": 7.81,
            "mistral_minimal_change": 2.11,
        },
        "math_algebra": {
            "reference": 5.78,
            "gpt4": 2.20,
            "claude": 2.10,
            "mistral_minimal_change": 1.83,
        },
        "ecqa": {
            "reference": 51.3,
            "gpt4": 6.25,
            "claude": 3.83,
            "gpt4_rewrite_of_reference": 8.97,
            "mistral_minimal_change": 4.02,
        },
        "mbpp": {
            "reference": 9.77,
            "gpt4": 3.42,
            "claude": 5.96,
            "mistral_minimal_change": 3.14,
        },
        "humaneval": {"reference": 17.0, "gpt4": 20.3, "mistral_minimal_change": 1.87},
    },
    "llama-2-13b-chat": {
        "gsm8k": {
            "claude": 2.19,
            "gpt4_paraphrase_of_gpt4": 4.19,
            "llama2_minimal_change": 4.40,
        },
        "math_algebra": {
            "reference": 5.18,
            "gpt4": 2.59,
            "claude": 2.43,
            "llama2_minimal_change": 5.02,
        },
        "ecqa": {
            "reference": 12.2,
            "gpt4": 5.33,
            "claude": 3.70,
            "gpt4_rewrite_of_reference": 6.84,
            "llama2_minimal_change": 3.62,
        },
        "mbpp": {
            "reference": 4.74,
            "gpt4": 3.33,
            "claude": 4.04,
            "llama2_minimal_change": 3.52,
        },
        "humaneval": {"reference": 8.75, "gpt4": 6.57, "llama2_minimal_change": 2.07},
    },
}

GEOMETRIC: dict[str, dict[str, dict[str, float]]] = {
    "mistral-7b-instruct": {
        "gsm8k": {"mistral_minimal_change": 1.73},
        "mbpp": {"mistral_minimal_change": 2.24},
        "humaneval": {"reference": 5.7, "gpt4": 4.4},
    },
    "llama-2-13b-chat": {
        "gsm8k": {"llama2_minimal_change": 2.02},
        "math_algebra": {"llama2_minimal_change": 2.18},
        "humaneval": {"reference": 5.1, "gpt4": 3.8},
    },
}
"""The geometric means, where §2.5 gives them."""
