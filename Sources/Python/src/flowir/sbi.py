"""sbi: compiled estimators and posteriors that its samplers, diagnostics and plots accept.

    import flowir.sbi

    fast = flowir.sbi.posterior(inference.build_posterior())
    fast.set_default_x(x_o)
    fast.sample((1_000_000,))
    run_sbc(thetas, xs, fast, num_posterior_samples=1_000)

They are sbi's own classes around compiled flows, so that all that sbi does with a posterior works. An
embedding net that a description cannot hold, such as a convolutional one, goes on running in PyTorch.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from sbi.inference.posteriors import DirectPosterior
from sbi.neural_nets.estimators.base import ConditionalDensityEstimator
from sbi.neural_nets.estimators.shape_handling import reshape_to_batch_event
from sbi.utils.sbiutils import within_support

from ._compile import compile as compile_flow
from ._errors import Error
from ._flow import CompiledFlow
from ._rejection import accept
from .loaders import CannotDescribe
from .loaders.sbi import describe, estimator_of, is_flow_matching, library_of, recognises

__all__ = ["CompiledEstimator", "CompiledPosterior", "estimator", "posterior"]


class CompiledEstimator(ConditionalDensityEstimator):
    """A density estimator of sbi in native code; it cannot be trained.

    It takes part in autograd with respect to the input and the condition, and draws its seeds from PyTorch's
    generator.
    """

    def __init__(
        self, flow: CompiledFlow, input_shape: Any, condition_shape: Any, embedding_net: Any = None
    ) -> None:
        """Made by `estimator`; `embedding_net` runs in PyTorch before the flow."""
        super().__init__(torch.nn.Identity(), input_shape, condition_shape)
        self.flow = flow
        """The compiled flow."""
        self._embedding_net = embedding_net
        # sbi asks the first parameter for its device.
        self._place = torch.nn.Parameter(torch.zeros(0), requires_grad=False)

    @property
    def embedding_net(self) -> Any:
        """What runs in PyTorch before the flow; the identity if all is compiled."""
        return torch.nn.Identity() if self._embedding_net is None else self._embedding_net

    def _context(self, condition: Any) -> Any:
        """Contexts [M, C] of the flow for conditions [M, …]."""
        self._check_condition_shape(condition)
        condition = condition.reshape(-1, *self.condition_shape)
        if self._embedding_net is not None:
            return self._embedding_net(condition)
        return condition

    def log_prob(self, input: Any, condition: Any, **kwargs: Any) -> Any:
        """Log-densities [sample, batch] of inputs [sample, batch, …] or [batch, …] given conditions."""
        self._check_input_shape(input)
        rows = self.flow.features
        if condition.dim() == len(self.condition_shape) + 1 and len(condition) == 1:
            # One condition for all rows is handed over once.
            if input.dim() <= len(self.input_shape) + 1:
                input = input.unsqueeze(0)
            shape = input.shape[:2]
            value = self.flow.log_prob(input.reshape(-1, rows), self._context(condition)[0])
            return value.reshape(shape)
        input, condition, batch = self._broadcast_and_align(input, condition)
        samples = len(input)
        value = self.flow.log_prob(input.reshape(-1, rows), self._context(condition))
        return value.reshape(samples, batch)

    def loss(self, input: Any, condition: Any, **kwargs: Any) -> Any:
        """The negative log-density of each row."""
        return -self.log_prob(input.unsqueeze(0), condition)[0]

    def sample(self, sample_shape: Any, condition: Any, **kwargs: Any) -> Any:
        """Samples [*sample_shape, batch, …] for conditions [batch, …]."""
        shape = torch.Size(sample_shape)
        with torch.no_grad():
            context = self._context(condition)
            x = self.flow.sample(tuple(shape), context)
        return x.reshape(*shape, len(context), *self.input_shape)

    def sample_and_log_prob(self, sample_shape: Any, condition: Any, **kwargs: Any) -> Any:
        """Samples and their log-densities [*sample_shape, batch]."""
        shape = torch.Size(sample_shape)
        with torch.no_grad():
            context = self._context(condition)
            x, log_prob = self.flow.sample(tuple(shape), context, return_log_prob=True)
        return (
            x.reshape(*shape, len(context), *self.input_shape), log_prob.reshape(*shape, len(context)))


class CompiledPosterior(DirectPosterior):
    """A posterior of sbi whose estimator is compiled: same methods, same meaning, native samples.

    Samples outside of the prior's support are rejected for all observations at once; only those whose samples
    are not complete are drawn for again.
    """

    def sample(
        self, sample_shape: Any = torch.Size(), x: Any = None,  # noqa: B008
        max_sampling_batch_size: int = 10_000, show_progress_bars: bool = True,
        reject_outside_prior: bool = True, max_sampling_time: float | None = None,
        return_partial_on_timeout: bool = False,
    ) -> Any:
        """Samples [*sample_shape, …] of p(θ | x), or of the default x, inside the prior's support."""
        x = self._batch(self._x_else_default_x(x))
        if len(x) > 1:
            raise ValueError(
                f"x has {len(x)} observations, expected one; sample_batched draws for several")
        samples = self.sample_batched(
            sample_shape, x, show_progress_bars=show_progress_bars,
            reject_outside_prior=reject_outside_prior, max_sampling_time=max_sampling_time,
            return_partial_on_timeout=return_partial_on_timeout)
        # The dimension of the observations stands before that of the parameters.
        return samples.squeeze(-1 - len(self.posterior_estimator.input_shape))

    def sample_batched(
        self, sample_shape: Any, x: Any, max_sampling_batch_size: int = 10_000,
        show_progress_bars: bool = True, reject_outside_prior: bool = True,
        max_sampling_time: float | None = None, return_partial_on_timeout: bool = False,
    ) -> Any:
        """Samples [*sample_shape, B, …] of p(θ | x) for B observations, inside the prior's support."""
        shape, x = torch.Size(sample_shape), self._batch(x)
        if not reject_outside_prior:
            return self.posterior_estimator.sample(shape, x)
        found = accept(
            lambda count, condition: self.posterior_estimator.sample((count,), condition),
            self._is_inside, x, shape.numel(), seconds=max_sampling_time,
            partial=return_partial_on_timeout, progress=show_progress_bars).samples
        event = self.posterior_estimator.input_shape
        if len(found) < shape.numel():
            return found.reshape(-1, len(x), *event)
        return found.reshape(*shape, len(x), *event)

    @torch.no_grad()
    def leakage_correction(
        self, x: Any, num_rejection_samples: int = 10_000, force_update: bool = False,
        show_progress_bars: bool = False, rejection_sampling_batch_size: int = 10_000,
    ) -> Any:
        """The share of the estimator's samples that are inside the prior's support, for each x.

        That of the default x is kept, as sbi does.
        """
        known: Any = self.default_x
        kept: Any = self.__dict__.get("_leakage_density_correction_factor")
        is_default = known is not None and (
            x is known or (x.shape == known.shape and bool((x == known).all())))
        if is_default and kept is not None and not force_update:
            return kept
        x = self._batch(x)
        inside = self._is_inside(self.posterior_estimator.sample((num_rejection_samples,), x))
        share = inside.reshape(num_rejection_samples, len(x)).float().mean(0)
        if is_default:
            self._leakage_density_correction_factor = share
        return share

    def _batch(self, x: Any) -> Any:
        return reshape_to_batch_event(
            torch.as_tensor(x), event_shape=self.posterior_estimator.condition_shape)

    def _is_inside(self, theta: Any) -> Any:
        return within_support(self.prior, theta)


def estimator(
    obj: Any, *, dtype: Any = "float32", threads: int | None = None
) -> CompiledEstimator:
    """Compiles an estimator of sbi, as NPE and NLE train them, or that of a posterior.

    The result is an estimator of sbi too: a likelihood for its potentials and samplers, for instance.
    """
    obj = estimator_of(obj)
    if not recognises(obj):
        kind = type(obj)
        raise Error(
            f"found {kind.__module__}.{kind.__qualname__}, expected an estimator of sbi on a flow of nflows or "
            "Zuko, a mixture density network, or an estimator of FMPE")
    network = None
    try:
        describe(obj)
        whole = obj
    except CannotDescribe as error:
        if not error.place.startswith(("_embedding_net", "condition")):
            raise
        whole, network = without_embedding(obj), copy.deepcopy(obj.embedding_net).eval()
    flow = compile_flow(whole, dtype=dtype, threads=threads)
    return CompiledEstimator(flow, obj.input_shape, obj.condition_shape, network)


def without_embedding(obj: Any) -> Any:
    """What an estimator has after its embedding net."""
    if library_of(obj) == "zuko":
        return obj.net
    part = obj.net if library_of(obj) == "nflows" else obj
    result = copy.copy(part)
    result._modules = {**part._modules, "_embedding_net": torch.nn.Identity()}
    if result is not part and library_of(obj) == "sbi":
        net = part.net
        width = net.condition_layer.in_features if is_flow_matching(obj) else net.context_features
        result._condition_shape = torch.Size([width])
    return result


def posterior(
    obj: Any, *, dtype: Any = "float32", threads: int | None = None
) -> CompiledPosterior:
    """Compiles a posterior of sbi that was trained by NPE, a `DirectPosterior`, or by FMPE.

    Its prior and default x are taken over. `log_prob` of a posterior of FMPE is here normalised over the prior's
    support, as that of a `DirectPosterior` is; with `norm_posterior=False` it is what sbi gives. Posteriors
    that sample by MCMC, or from likelihoods, use `estimator` in their potential.
    """
    if not isinstance(obj, DirectPosterior) and not is_flow_matching(estimator_of(obj)):
        raise Error(
            f"found {type(obj).__name__}, expected a DirectPosterior or one of FMPE; compile the estimator of another "
            "posterior by flowir.sbi.estimator and build the posterior on that")
    result = CompiledPosterior(
        estimator(obj, dtype=dtype, threads=threads), obj.prior,
        enable_transform=obj.enable_transform)
    if obj.default_x is not None:
        result.set_default_x(obj.default_x)
    return result
