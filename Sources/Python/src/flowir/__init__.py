"""Normalizing flows as native code.

A live flow of Zuko, nflows, normflows, flowjax or sbi is compiled by `flowir.compile(flow)`; a new one is
trained natively:

    >>> import flowir
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(2_000, 2)).astype("float32")
    >>> flow = flowir.MAF(features=2, transforms=1).fit(x, epochs=2, seed=1)
    >>> flow.log_prob(x).shape
    (2000,)
    >>> flow.sample(1_000, seed=1).shape
    (1000, 2)
"""

from ._columns import Columns
from ._compile import compile, describe, save
from ._description import Description
from ._ensemble import ensemble
from ._errors import Error
from ._fit import TrainedFlow, fit
from ._flow import CompiledFlow
from ._importance import ImportanceWeights
from ._restricted import RestrictedFlow
from ._train import (
    BPF, CNF, GF, GMM, MAF, NAF, NCSF, NICE, NSF, SOSPF, UNAF, Architecture, RealNVP,
)

__version__ = "0.1.0"
__all__ = [
    "BPF", "CNF", "GF", "GMM", "MAF", "NAF", "NCSF", "NICE", "NSF", "SOSPF", "UNAF", "Architecture",
    "Columns", "CompiledFlow", "Description", "Error", "ImportanceWeights", "RealNVP", "RestrictedFlow",
    "TrainedFlow", "compile", "describe", "ensemble", "fit", "save",
]
