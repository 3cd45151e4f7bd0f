"""Normalizing flows as native code.

    import flowir, zuko
    flow = flowir.compile(zuko_flow)
    flow.log_prob(x, context)
    flow.sample(1_000_000, context, seed=1)
"""

from ._columns import Columns
from ._compile import compile, describe, save
from ._description import Description
from ._errors import Error
from ._flow import CompiledFlow
from ._train import (
    BPF, CNF, GF, GMM, MAF, NAF, NCSF, NICE, NSF, SOSPF, UNAF, Architecture, RealNVP, TrainedFlow,
)

__version__ = "0.1.0"
__all__ = [
    "BPF", "CNF", "GF", "GMM", "MAF", "NAF", "NCSF", "NICE", "NSF", "SOSPF", "UNAF", "Architecture",
    "Columns", "CompiledFlow", "Description", "Error", "RealNVP", "TrainedFlow", "compile", "describe", "save",
]
