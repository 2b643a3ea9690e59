"""The learning rate of each step: a linear warm-up, then half a cosine down to zero."""

from __future__ import annotations

import math

WARM_UP_STEPS = 20


def learning_rate(step: int, total_steps: int, peak: float, *, warm_up: int = WARM_UP_STEPS) -> float:
    """The learning rate of step `step`, counted from 0.

    While it warms up it does not depend on `total_steps`, so that the plan may be made meanwhile.

    Source of the cosine: I. Loshchilov and F. Hutter, SGDR: stochastic gradient descent with warm restarts, 2017.

    >>> [round(learning_rate(step, 120, 1.0), 3) for step in (0, 19, 20, 70, 119)]
    [0.05, 1.0, 1.0, 0.5, 0.0]
    """
    if step < warm_up:
        return peak * (step + 1) / warm_up
    done = (step - warm_up) / max(1, total_steps - warm_up)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
