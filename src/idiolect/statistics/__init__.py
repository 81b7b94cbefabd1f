"""Intervals, paired tests, verdicts and sample sizes: pure functions, SciPy underneath."""

from idiolect.statistics.best import probability_best
from idiolect.statistics.correlation import Correlation, rank_correlation
from idiolect.statistics.holm import holm
from idiolect.statistics.intervals import clustered_rate_interval, mean_interval, rate_interval
from idiolect.statistics.mcnemar import mcnemar
from idiolect.statistics.noise import NoiseFloor, noise_floor
from idiolect.statistics.paired import Difference, SeedSpread, paired_difference, seed_spread
from idiolect.statistics.resampling import paired_bootstrap, sample_means
from idiolect.statistics.sizes import Hint, minimum_detectable_effect, size_hint
from idiolect.statistics.verdicts import Comparison, compare_all, compare_with_base

__all__ = [
    "Comparison",
    "Correlation",
    "Difference",
    "Hint",
    "NoiseFloor",
    "SeedSpread",
    "clustered_rate_interval",
    "compare_all",
    "compare_with_base",
    "holm",
    "mcnemar",
    "mean_interval",
    "minimum_detectable_effect",
    "noise_floor",
    "paired_bootstrap",
    "paired_difference",
    "probability_best",
    "rank_correlation",
    "rate_interval",
    "sample_means",
    "seed_spread",
    "size_hint",
]
