"""The data of all benchmarks: made up, the same every time, as compressible as a microscope's images."""

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["cube_of", "image", "median_ratio", "values_of"]


def image(shape: Sequence[int], seed: int = 0) -> npt.NDArray[np.uint16]:
    """Smooth shapes, with a camera's noise on them: `deflate` leaves 56 % of it, `zstd` 73 %."""
    rng = np.random.default_rng(seed)
    out = np.empty(tuple(shape), np.uint16)
    for plane in out:
        coarse = rng.normal(1000, 300, [-(-length // 16) for length in plane.shape])
        smooth = np.kron(coarse, np.ones((16,) * plane.ndim))[tuple(map(slice, plane.shape))]
        for axis in range(smooth.ndim):
            for shift in (8, 4, 2):
                smooth = (smooth + np.roll(smooth, shift, axis)) / 2
        plane[...] = np.clip(smooth + rng.normal(0, 3, plane.shape), 0, 65535)
    return out


def values_of(shape: Sequence[int], dtype: str) -> npt.NDArray[Any]:
    """The image as `dtype`; as floats divided by 7, so that mantissas are full: `deflate` leaves 43 %, `zstd` 47 %."""
    values: npt.NDArray[Any] = image(shape)
    return values if np.dtype(dtype).kind == "u" else np.divide(values, 7, dtype=dtype)


def cube_of(nbytes: int, itemsize: int) -> tuple[int, int, int]:
    """The shape of so many bytes, a power of two, that is nearest to a cube."""
    n = (nbytes // itemsize).bit_length() - 1
    return 1 << (n + 2) // 3, 1 << (n + 1) // 3, 1 << n // 3


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """The median of the ratios of measurements that were made side by side."""
    return median(a / b for a, b in zip(numerators, denominators, strict=True))
