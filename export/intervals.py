"""How far a share that was counted may be from the true one."""


def wilson(count: int, of: int) -> tuple[float, float]:
    """Give the interval in which a share lies with 95 %.

    Source: Wilson (1927), as SciPy has it.
    """
    if not of:
        return 0.0, 1.0
    from scipy.stats import binomtest

    interval = binomtest(count, of).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
