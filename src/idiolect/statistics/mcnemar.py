"""McNemar's test of two rates on the same examples."""

__all__ = ["mcnemar"]


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p value that two paired rates are equal.

    For one seed and one answer an example. Where they agree tells nothing; under equality, the
    examples that only one got right are fair coins. Source: McNemar, Psychometrika 12, 1947,
    153-157, in its exact (binomial) form.

    Args:
        only_first: Examples that only the first got right.
        only_second: Examples that only the second got right.
    """
    from scipy import stats

    total = only_first + only_second
    return float(stats.binomtest(only_first, total).pvalue) if total else 1.0
