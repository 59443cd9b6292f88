"""Agreement of two ways to measure the same: difference against mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_LIMITS = 1.96
"""Standard deviations within which 95 % of normally distributed differences lie."""
_LEAST = 3


@dataclass(frozen=True, eq=False)
class BlandAltman:
    """Two people's measurements of the same things, as Bland and Altman (Lancet 1986) draw them.

    Parameters
    ----------
    means, differences : ndarray, shape (n,)
        Of each thing: the mean of the two, and the second less the first.
    bias : float
        Mean difference.
    sd : float
        Standard deviation of the differences (n - 1).
    bias_error, limit_error : float
        95 % confidence intervals reach so far from the bias, and from either limit: by the standard
        errors of the paper, sd/sqrt(n) and sd*sqrt(3/n), and Student's t of n - 1 degrees.
    """

    means: NDArray[np.float64]
    differences: NDArray[np.float64]
    bias: float
    sd: float
    bias_error: float
    limit_error: float

    @property
    def limits(self) -> tuple[float, float]:
        """The 95 % limits of agreement."""
        return self.bias - _LIMITS * self.sd, self.bias + _LIMITS * self.sd

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        return {
            "n": len(self.means),
            "bias": self.bias,
            "sd": self.sd,
            "limits": list(self.limits),
            "bias_interval": [self.bias - self.bias_error, self.bias + self.bias_error],
            "limit_error": self.limit_error,
        }


def bland_altman(first: ArrayLike, second: ArrayLike) -> BlandAltman | None:
    """Compare two people's measurements; None where fewer than three things have both.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        In the same order and unit; NaN where one did not measure.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    n = len(a)
    if n < _LEAST:
        return None
    differences = b - a
    sd = float(differences.std(ddof=1))
    quantile = float(t.ppf(0.975, n - 1))
    return BlandAltman(
        means=(a + b) / 2,
        differences=differences,
        bias=float(differences.mean()),
        sd=sd,
        bias_error=quantile * sd / n**0.5,
        limit_error=quantile * sd * (3 / n) ** 0.5,
    )
