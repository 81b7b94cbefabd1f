"""What a study's numbers say in words, confounds and doubts included."""

from collections.abc import Iterable, Sequence
from itertools import combinations

from idiolect.config import StudyConfig
from idiolect.pipeline.study.results import DatasetResult, Found
from idiolect.statistics import Comparison, Correlation, minimum_detectable_effect

__all__ = ["sentences"]

_LENGTHS_DIFFER = 1.15
_CORRECTNESS_DIFFERS = 0.02
_REFERENCES = ("reference", "label")


def sentences(found: Found, study: StudyConfig) -> list[str]:
    """Return what a study found, one sentence a fact, the verdicts first."""
    return [
        *(_against_base(c, "on the task") for c in found.gains),
        *(_against_base(c, "on the other tasks") for c in found.losses),
        *(f"task: {c.words}" for c in found.pairs),
        *(f"other tasks: {c.words}" for c in found.kept),
        *_references(found, study),
        *_confounds(found.datasets),
        *_noise(found),
        *_predictions(found),
    ]


def _against_base(comparison: Comparison, where: str) -> str:
    gap = comparison.difference
    facts = (
        f"{100 * gap.mean:+.1f} points (95 % {100 * gap.low:+.1f} to {100 * gap.high:+.1f}, "
        f"n = {gap.examples}, Holm p = {comparison.p_holm:.3f})"
    )
    if comparison.verdict == "cannot tell":
        return f"{comparison.first} {where}: cannot tell whether it changed, {facts}."
    return f"{comparison.first} {where}: {comparison.verdict} than the base, {facts}."


def _references(found: Found, study: StudyConfig) -> list[str]:
    """Say where human references win, and where nothing is shown to beat them."""
    said: list[str] = []
    for name, dataset in study.datasets.items():
        if set(dataset.strategies) - set(_REFERENCES):
            continue
        mine = [c for c in found.pairs if name in (c.first, c.second)]
        won = [_other(c, name) for c in mine if _winner(c) == name]
        lost = [_other(c, name) for c in mine if _winner(c) == _other(c, name)]
        if won:
            said.append(f"The references win on the task: {name} is better than {', '.join(won)}.")
        elif not lost:
            said.append(f"No dataset is shown to beat the references ({name}) on the task.")
    return said


def _winner(comparison: Comparison) -> str | None:
    names = {"better": comparison.first, "worse": comparison.second}
    return names.get(comparison.verdict)


def _other(comparison: Comparison, name: str) -> str:
    return comparison.second if comparison.first == name else comparison.first


def _confounds(datasets: Sequence[DatasetResult]) -> list[str]:
    """Name the pairs that differ in length or correctness, not in familiarity alone."""
    said: list[str] = []
    for one, other in combinations(datasets, 2):
        longer, shorter = sorted((one, other), key=lambda d: -d.facts.tokens)
        ratio = longer.facts.tokens / shorter.facts.tokens
        if ratio > _LENGTHS_DIFFER:
            said.append(
                f"confound: {longer.name} is {100 * (ratio - 1):.0f} % longer than "
                f"{shorter.name} ({longer.facts.tokens:.0f} and {shorter.facts.tokens:.0f} tokens)."
            )
        if not one.facts.checked or not other.facts.checked:
            continue
        shares = [d.facts.correct / d.facts.checked for d in (one, other)]
        if abs(shares[0] - shares[1]) > _CORRECTNESS_DIFFERS:
            said.append(
                f"confound: {shares[0]:.0%} of {one.name} is correct and {shares[1]:.0%} of "
                f"{other.name}."
            )
    return said


def _noise(found: Found) -> list[str]:
    """Say how far chance alone moves a rate, and what this study could have found."""
    said: list[str] = []
    if found.base_noise:
        said.append(
            f"noise: the base model's runs differ by up to {100 * found.base_noise.range:.1f} "
            f"points and on {100 * found.base_noise.flipped:.1f} % of the test examples."
        )
    seeds = len(found.datasets[0].cells)
    if found.seed_noise is None:
        said.append(
            "one seed: the verdicts speak about these very adapters; another training may give "
            "another order. Use at least three seeds."
        )
    else:
        said.append(
            f"noise: seeds of one dataset differ by up to {100 * found.seed_noise.range:.1f} "
            f"points (standard deviation {100 * found.seed_noise.deviation:.1f}) and on "
            f"{100 * found.seed_noise.flipped:.0f} % of the test examples."
        )
    shares = [c.difference.discordant for c in found.pairs]
    effect = minimum_detectable_effect(
        found.base["test"].examples,
        discordant=sum(shares) / len(shares),
        seeds=seeds,
        seed_deviation=found.seed_noise.deviation if found.seed_noise else 0.0,
    )
    said.append(
        f"size: a true difference of {100 * effect:.1f} points on the task is found with 80 % "
        "probability by one comparison of this size; several comparisons need more."
    )
    return said


def _predictions(found: Found) -> list[str]:
    """Say how each measure's order of the datasets agrees with the order of what came out."""
    outcomes = {"gain": found.predicted, "change on the other tasks": found.predicted_forgetting}
    said: list[str] = []
    for outcome, predicted in outcomes.items():
        defined = {name: each for name, each in predicted.items() if each.value is not None}
        if not defined:
            continue  # under three datasets, or all came out the same
        values = ", ".join(f"{name} {_correlation(each)}" for name, each in defined.items())
        count = _enough(defined.values())
        said.append(f"predicted: rank correlation with the {outcome}, {count}: {values}.")
    return said or [
        "predicted: nothing can be said; it takes three datasets that did not come out the same."
    ]


def _enough(correlations: Iterable[Correlation]) -> str:
    """Say how many datasets there are, and whether they are enough."""
    counts = sorted({each.n for each in correlations})
    said = f"n = {counts[-1]} datasets"
    return said if any(each.interval for each in correlations) else f"{said} (too few to tell)"


def _correlation(each: Correlation) -> str:
    value = f"{each.value or 0.0:+.2f}"
    if each.interval is None:
        return value
    return f"{value} ({each.interval[0]:+.2f} to {each.interval[1]:+.2f})"
