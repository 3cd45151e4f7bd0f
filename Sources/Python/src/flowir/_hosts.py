"""A compiled flow's methods for other libraries, which are imported only when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from ._flow import CompiledFlow


class Hosts:
    """Gives the flow as an object of another library."""

    def to_zuko(self) -> Any:
        """The flow as a flow of Zuko with the same parameters, to go on with in PyTorch."""
        from ._compile import describe
        from .hosts.zuko import build

        return build(describe(cast("CompiledFlow", self)))

    def torch(self, context: Any = None) -> Any:
        """The flow as a module and distribution of PyTorch; called with a context, the flow given that."""
        from .hosts.torch import TorchFlow

        return TorchFlow(cast("CompiledFlow", self), context)

    def jax(self) -> Any:
        """The flow as functions of JAX arrays, for `jit`, `vmap` and `grad`."""
        from .hosts.jax import JaxFlow

        return JaxFlow(cast("CompiledFlow", self))

    def numpyro(self, context: Any = None) -> Any:
        """p(x | context) as a distribution of NumPyro."""
        from .hosts.numpyro import FlowDistribution

        return FlowDistribution(cast("CompiledFlow", self), context)

    def pytensor(self) -> Any:
        """log p(x | context) as a function of PyTensor's variables, for PyMC."""
        from .hosts.pytensor import PytensorFlow

        return PytensorFlow(cast("CompiledFlow", self))
