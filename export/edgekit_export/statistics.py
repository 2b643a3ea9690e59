"""The few statistics that verification and evidence rest on."""

from __future__ import annotations

import math

_Z95 = 1.959963984540054  # the 97.5 % quantile of the normal distribution


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % confidence interval of a proportion, as fractions.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.

    >>> [round(x, 3) for x in wilson_interval(93, 100)]
    [0.863, 0.966]
    """
    if trials == 0:
        return 0.0, 1.0
    p, z2 = successes / trials, _Z95**2
    centre = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z95 / (1 + z2 / trials) * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def sign_test(wins: int, losses: int) -> float:
    """The chance that one of two equals leads by as much or more: one-sided, exact.

    Args:
        wins: Cases that only the first got right.
        losses: Cases that only the second got right.

    >>> sign_test(5, 0)
    0.03125
    """
    count = wins + losses
    return sum(math.comb(count, k) for k in range(wins, count + 1)) / 2**count if count else 1.0
