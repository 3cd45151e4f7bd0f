"""NumPyro: a compiled flow as a distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from numpyro import distributions

if TYPE_CHECKING:
    from .._flow import CompiledFlow


class FlowDistribution(distributions.Distribution):
    """p(x | context), made by `CompiledFlow.numpyro`; a prior, a likelihood, or a site of a guide."""

    support = distributions.constraints.real_vector

    def __init__(self, flow: CompiledFlow, context: Any = None) -> None:
        self._flow = flow.jax()
        self._given = None if context is None else jnp.asarray(context, flow.dtype)
        batch = () if self._given is None else self._given.shape[:-1]
        super().__init__(batch_shape=batch, event_shape=(flow.features,))

    def log_prob(self, value: Any) -> Any:
        """log p(value | context)."""
        return self._flow.log_prob(value, self._given)

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        """Samples of shape (*sample_shape, *batch_shape, D)."""
        return self._flow.sample(key, sample_shape, self._given)
