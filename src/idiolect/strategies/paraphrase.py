"""`paraphrase`: the teacher says what the reference says, sentence by sentence, in other words.

Source: the paraphrase control of arXiv 2402.11192, section 3. Deviations: the authors
paraphrased answers of GPT-4 with their errors; here the reference is paraphrased, so that the
wording is all that differs. Where there is no reference, the bare answer is shown.
"""

from idiolect.strategies.templated import hint, templated

__all__ = ["PARAPHRASE"]

PARAPHRASE = templated("paraphrase", "teacher", hint, sees=frozenset({"reference", "answer"}))
