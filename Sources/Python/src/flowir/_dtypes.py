"""The two float types of compiled flows."""

from __future__ import annotations

from typing import Any

import numpy as np

NAMES = {"float32": "f32", "f32": "f32", "float64": "f64", "f64": "f64", "double": "f64"}


def short(dtype: Any) -> str:
    """`f32` or `f64`, from the name, type or dtype of NumPy, PyTorch or JAX.

    >>> short("float32"), short(np.float64)
    ('f32', 'f64')
    """
    text = str(dtype).removeprefix("torch.")
    if text not in NAMES:
        try:
            text = np.dtype(dtype).name
        except TypeError:
            text = ""
    if text not in NAMES:
        raise ValueError(f"dtype is {dtype!r}, expected float32 or float64")
    return NAMES[text]


def numpy(name: str) -> np.dtype[Any]:
    """NumPy's type of `f32` or `f64`."""
    return np.dtype(np.float32 if name == "f32" else np.float64)
