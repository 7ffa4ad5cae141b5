"""Effects of several factors at once, e.g. pretraining and imagined video, over many tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from scipy.stats import t

Array = NDArray[np.float64]

MIN_FREEDOM = 4
"""Fewest tasks beyond the effects estimated; as in `clustered_bootstrap`."""
MAX_LOG_ODDS = 12.0
"""Beyond, a cell of the design has only successes or only failures, and no estimate."""
# The random intercept in standard deviations. Equally spaced points integrate a smooth bell
# to the last digit once they are closer than its own width, which is about
# 1 / (task_sd * sqrt(episodes / 4)): enough for 5,000 episodes of a task.
NODES = np.linspace(-6.0, 6.0, 601)
LOG_WEIGHTS = -0.5 * NODES**2 - logsumexp(-0.5 * NODES**2)


class Effect(NamedTuple):
    """An effect with its interval, in log odds or as a fraction of 1.

    Attributes:
        p_value: Two-sided, by Student's t.
        freedom: Its degrees of freedom.
    """

    estimate: float
    low: float
    high: float
    stderr: float
    p_value: float
    freedom: int

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


class MixedLogit(NamedTuple):
    """A logistic model with a random intercept for each task.

    Attributes:
        effects: One for each column of the design, in log odds.
        task_sd: Standard deviation of the tasks' intercepts, in log odds.
        log_likelihood: Without the binomial coefficients.
    """

    effects: list[Effect]
    task_sd: float
    log_likelihood: float


def factorial_design(factors: Mapping[str, Sequence[int]]) -> tuple[list[str], Array]:
    """Columns of an intercept, main effects and interactions of two, for factors of two levels.

    Levels are coded -1/2 and 1/2, so that a main effect is the difference of its two levels
    averaged over the others, whether or not there is an interaction. An interaction is how
    much larger one effect is at the upper level of the other than at the lower.

    Args:
        factors: Name -> level, 0 or 1, of each row.

    Returns:
        Names, and float64 of shape (num_rows, num_names).

    Raises:
        ValueError: If there is no factor, a level is not 0 or 1, or rows differ in number.
    """
    if not factors or len({len(levels) for levels in factors.values()}) != 1:
        raise ValueError("factors: got none or of different lengths, expected one level a row")
    coded = {}
    for name, levels in factors.items():
        if set(levels) != {0, 1}:
            raise ValueError(f"factor {name!r}: got levels {sorted(set(levels))}, expected 0 and 1")
        coded[name] = np.asarray(levels, dtype=np.float64) - 0.5
    pairs = list(combinations(factors, 2))
    names = ["intercept", *factors, *(f"{one} x {other}" for one, other in pairs)]
    num_rows = len(next(iter(coded.values())))
    columns = [np.ones(num_rows), *coded.values(), *(coded[a] * coded[b] for a, b in pairs)]
    return names, np.column_stack(columns)


def mixed_logit(
    successes: Sequence[int],
    episodes: Sequence[int],
    design: Array,
    tasks: Sequence[int],
    *,
    confidence: float = 0.95,
) -> MixedLogit | None:
    """Fits success to a design, where each task is easy or hard by its own amount.

    Maximum likelihood; the standard errors come from how much the tasks' contributions
    differ (a sandwich over tasks), and so stay right where arms share initial states or an
    effect differs between tasks. Simulated coverage: docs/statistics.md.

    Args:
        successes: Of each row; a row is one task in one cell of the design.
        episodes: Of each row.
        design: float64, shape (num_rows, num_effects), e.g. of `factorial_design`.
        tasks: Number of the task of each row.

    Returns:
        None if it cannot be estimated: fewer than 4 tasks more than effects, or a cell of
        only successes or only failures. `factorial_rates` still can.

    Raises:
        ValueError: If counts are impossible, lengths differ, or columns of the design are
            not independent.

    Source: random intercepts as in Agresti (2013), Categorical Data Analysis, section 13.1;
    sandwich: White (1982), Econometrica 50:1-25; checked against glmer of R's lme4 on its
    example cbpp. Not statsmodels' `BinomialBayesMixedGLM`: where an effect differs between
    tasks its 95 % interval covers 58 %, see docs/statistics.md.
    """
    k, n, x, task = _rows(successes, episodes, design, tasks)
    num_tasks, num_effects = int(task.max()) + 1, x.shape[1]
    freedom = num_tasks - num_effects
    if freedom < MIN_FREEDOM or k.sum() in (0, n.sum()):
        return None

    def loss(parameters: Array) -> tuple[float, Array]:
        log_likelihood, scores = _likelihood(parameters, k, n, x, task)
        return -log_likelihood, -scores.sum(axis=0)

    rate = k.sum() / n.sum()
    start = np.zeros(num_effects + 1)
    start[:-1] = np.linalg.lstsq(x, np.full(len(k), np.log(rate / (1 - rate))), rcond=None)[0]
    start[-1] = 0.5
    fit = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-6 * n.sum()})
    parameters = np.asarray(fit.x)
    if not np.isfinite(parameters).all() or np.abs(x @ parameters[:-1]).max() > MAX_LOG_ODDS:
        return None
    log_likelihood, scores = _likelihood(parameters, k, n, x, task)
    bread = np.linalg.pinv(_information(parameters, k, n, x, task))
    covariance = bread @ (scores.T @ scores) @ bread * num_tasks / freedom
    stderrs = np.sqrt(np.diag(covariance)[:-1])
    effects = [
        _effect(float(estimate), float(stderr), freedom, confidence)
        for estimate, stderr in zip(parameters[:-1], stderrs, strict=True)
    ]
    return MixedLogit(effects, abs(float(parameters[-1])), log_likelihood)


def factorial_rates(
    successes: Sequence[int],
    episodes: Sequence[int],
    factors: Mapping[str, Sequence[int]],
    tasks: Sequence[int],
    *,
    confidence: float = 0.95,
) -> dict[str, Effect] | None:
    """Main effects and interactions as differences of success rates, tasks with equal weight.

    Each task gives one value of each effect, and Student's t over tasks the interval: no
    model, so that it also stands where a cell has no failure. Holds for new tasks like these,
    about normally spread or many.

    Args:
        successes: Of each row; a row is one task in one cell of the design.
        episodes: Of each row.
        factors: Name -> level, 0 or 1, of each row.
        tasks: Number of the task of each row.

    Returns:
        Name -> effect, as a fraction of 1. None if there are fewer than 5 tasks.

    Raises:
        ValueError: As `factorial_design`, or a task lacks a cell of the design.

    Source: summary measures for each cluster, Donner and Klar (2000), Design and Analysis of
    Cluster Randomization Trials, chapter 6.
    """
    names, design = factorial_design(factors)
    k, n, x, task = _rows(successes, episodes, design, tasks)
    num_tasks, num_cells = int(task.max()) + 1, 2 ** len(factors)
    if num_tasks < MIN_FREEDOM + 1:
        return None
    signs = 2 * x[:, 1 : 1 + len(factors)]
    cell = ((signs > 0) @ (2 ** np.arange(len(factors)))).astype(int)
    shape = (num_tasks, num_cells)
    counts = np.zeros(shape), np.zeros(shape)
    for table, values in zip(counts, (k, n), strict=True):
        np.add.at(table, (task, cell), values)
    if (counts[1] == 0).any():
        lacking = int((counts[1] == 0).any(axis=1).sum())
        raise ValueError(f"tasks: got {lacking} that lack a cell, expected all {num_cells} in each")
    rates = counts[0] / counts[1]
    levels = (np.arange(num_cells)[:, None] >> np.arange(len(factors))) & 1
    coded = {name: 2.0 * levels[:, i] - 1 for i, name in enumerate(factors)}
    contrasts = [*coded.values(), *(coded[a] * coded[b] * 2 for a, b in combinations(coded, 2))]
    effects = {}
    for name, contrast in zip(names[1:], contrasts, strict=True):
        values = rates @ contrast / (num_cells / 2)
        stderr = float(values.std(ddof=1)) / sqrt(num_tasks)
        effects[name] = _effect(float(values.mean()), stderr, num_tasks - 1, confidence)
    return effects


def _likelihood(
    parameters: Array, k: Array, n: Array, x: Array, task: NDArray[np.int64]
) -> tuple[float, Array]:
    """Log likelihood, and each task's gradient of it, shape (num_tasks, num_effects + 1)."""
    fixed, sd = x @ parameters[:-1], parameters[-1]
    odds = fixed[:, None] + sd * NODES
    residual = k[:, None] - n[:, None] * expit(odds)
    # Sums over a task's rows as a product: ten times as fast as np.add.at.
    belongs = (np.arange(task.max() + 1)[:, None] == task).astype(np.float64)
    joint = belongs @ (k[:, None] * odds - n[:, None] * np.logaddexp(0, odds)) + LOG_WEIGHTS
    of_task = logsumexp(joint, axis=1)
    posterior = np.exp(joint - of_task[:, None])[task]
    expected = posterior * residual
    rows = np.column_stack([expected.sum(axis=1)[:, None] * x, expected @ NODES])
    return float(of_task.sum()), np.asarray(belongs @ rows)


def _information(parameters: Array, k: Array, n: Array, x: Array, task: NDArray[np.int64]) -> Array:
    """Negative second derivatives, from differences of the exact gradient."""
    step = 1e-4  # error of the order of its square, 1e-8, against rounding of 1e-12 / 1e-4
    columns = []
    for index in range(len(parameters)):
        shift = np.zeros(len(parameters))
        shift[index] = step
        up = _likelihood(parameters + shift, k, n, x, task)[1].sum(axis=0)
        down = _likelihood(parameters - shift, k, n, x, task)[1].sum(axis=0)
        columns.append((down - up) / (2 * step))
    information = np.array(columns)
    return np.asarray((information + information.T) / 2)


def _effect(estimate: float, stderr: float, freedom: int, confidence: float) -> Effect:
    half = float(t.ppf((1 + confidence) / 2, freedom)) * stderr
    if stderr > 0:
        p_value = 2 * float(t.sf(abs(estimate) / stderr, freedom))
    else:  # every task shows the very same effect
        p_value = 1.0 if estimate == 0 else 0.0
    return Effect(estimate, estimate - half, estimate + half, stderr, p_value, freedom)


def _rows(
    successes: Sequence[int], episodes: Sequence[int], design: Array, tasks: Sequence[int]
) -> tuple[Array, Array, Array, NDArray[np.int64]]:
    """Rows that have episodes, with tasks numbered without gaps."""
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(episodes, dtype=np.float64)
    if not len(k) == len(n) == len(design) == len(tasks) or not len(k):
        raise ValueError(
            f"rows: got {len(k)} successes, {len(n)} episodes, {len(design)} of the design and "
            f"{len(tasks)} tasks, expected equally many, at least one"
        )
    if not ((k >= 0) & (k <= n)).all():
        raise ValueError("rows: got more successes than episodes, or fewer than none")
    kept = n > 0
    k, n, x = k[kept], n[kept], np.asarray(design, dtype=np.float64)[kept]
    if not len(k) or np.linalg.matrix_rank(x) < x.shape[1]:
        raise ValueError(
            f"design: got {x.shape[1]} columns that are not independent over the {len(k)} rows "
            "with episodes, expected each effect to vary by itself"
        )
    task = np.unique(np.asarray(tasks)[kept], return_inverse=True)[1].astype(np.int64)
    return k, n, x, task
