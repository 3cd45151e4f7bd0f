"""PyTorch: tensors in, tensors out, with gradients with respect to x and context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .. import _arrays

if TYPE_CHECKING:
    from .._flow import CompiledFlow


def _array(value: Any, name: str) -> Any:
    return None if value is None else _arrays.to_numpy(value, name)


def _tensors(values: Any) -> Any:
    if isinstance(values, tuple):
        return tuple(_tensors(value) for value in values)
    return torch.from_numpy(np.ascontiguousarray(values)) if values.ndim else torch.tensor(
        values.item(), dtype=torch.float32 if values.dtype == np.float32 else torch.float64)


def _needs_grad(*values: Any) -> bool:
    return torch.is_grad_enabled() and any(
        torch.is_tensor(value) and value.requires_grad for value in values)


class _LogProb(torch.autograd.Function):
    """log p(x | context), whose gradients are computed with it. That by x can be differentiated by x again."""

    @staticmethod
    def forward(ctx: Any, flow: CompiledFlow, x: Any, context: Any) -> Any:
        results = _tensors(flow.log_prob_and_grad(_array(x, "x"), _array(context, "context")))
        ctx.flow = flow
        # What is no tensor is not saved as one.
        ctx.context = None if torch.is_tensor(context) else context
        ctx.save_for_backward(
            *(value if torch.is_tensor(value) else None for value in (x, context)), *results[1:])
        return results[0]

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        x, context, *gradients = ctx.saved_tensors
        by_x = by_context = None
        if ctx.needs_input_grad[1]:
            given = ctx.context if context is None else _Refused.apply(context)
            by_x = _GradientByX.apply(ctx.flow, x, given, grad, gradients[0])
            by_x = by_x.sum_to_size(x.shape).to(x.dtype)
        if ctx.needs_input_grad[2]:
            others = [_Refused.apply(value) for value in (x, context) if value is not None]
            by_context = _Attached.apply(grad[..., None] * gradients[1], *others)
            by_context = by_context.sum_to_size(context.shape).to(context.dtype)
        return None, by_x, by_context


class _GradientByX(torch.autograd.Function):
    """The gradient of log p with respect to x, times the cotangent of log p."""

    @staticmethod
    def forward(ctx: Any, flow: CompiledFlow, x: Any, context: Any, grad: Any, gradient: Any) -> Any:
        ctx.flow = flow
        ctx.context = None if torch.is_tensor(context) else context
        ctx.save_for_backward(x, context if torch.is_tensor(context) else None, grad, gradient)
        return grad[..., None] * gradient

    @staticmethod
    def backward(ctx: Any, weights: Any) -> Any:
        if torch.is_grad_enabled():
            raise RuntimeError("a compiled flow has no third derivatives")
        x, context, grad, gradient = ctx.saved_tensors
        product = None
        if ctx.needs_input_grad[1]:
            context = ctx.context if context is None else context
            product = log_prob_hvp(ctx.flow, x, weights * grad[..., None], context, False)
            product = product.sum_to_size(x.shape).to(x.dtype)
        return None, product, None, (weights * gradient).sum(-1), None


class _Attached(torch.autograd.Function):
    """A value that depends on others in a way of which there is no derivative."""

    @staticmethod
    def forward(ctx: Any, value: Any, *others: Any) -> Any:
        ctx.count = len(others)
        return value.clone()

    @staticmethod
    def backward(ctx: Any, weights: Any) -> Any:
        return weights, *[None] * ctx.count


class _Refused(torch.autograd.Function):
    """A value by which nothing can be differentiated: asking for it is an error, not a zero."""

    @staticmethod
    def forward(ctx: Any, value: Any) -> Any:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, weights: Any) -> Any:
        raise RuntimeError(
            "second derivatives of a compiled flow are those by x alone, not by the context")


def log_prob(flow: CompiledFlow, x: Any, context: Any, out: Any = None) -> Any:
    """log p(x | context), part of autograd."""
    if _needs_grad(x, context):
        if out is not None:
            raise ValueError("out cannot be given where a gradient is wanted")
        return _LogProb.apply(flow, x, context)
    result = flow.log_prob(_array(x, "x"), _array(context, "context"), out=out)
    return _tensors(result) if out is None else out


def log_prob_and_grad(flow: CompiledFlow, x: Any, context: Any) -> Any:
    """log p(x | context) and its gradients, as tensors."""
    return _tensors(flow.log_prob_and_grad(_array(x, "x"), _array(context, "context")))


def log_prob_hvp(flow: CompiledFlow, x: Any, v: Any, context: Any, return_grad: bool) -> Any:
    """Products of Hessians and vectors, as tensors."""
    return _tensors(flow.log_prob_hvp(
        _array(x, "x"), _array(v, "v"), _array(context, "context"), return_grad=return_grad))


def transform(
    flow: CompiledFlow, name: str, x: Any, context: Any, return_ladj: bool, out: Any
) -> Any:
    """`transform` or `inverse`, as tensors."""
    result = flow._map(name, _array(x, "x"), _array(context, "context"), return_ladj, out)
    return _tensors(result) if out is None else result


def sample(
    flow: CompiledFlow, shape: Any, context: Any, seed: int | None, first_row: int,
    return_log_prob: bool, out: Any,
) -> Any:
    """Samples as tensors. Without a seed one is drawn from PyTorch's generator."""
    seed = int(torch.randint(1 << 62, ()).item()) if seed is None else seed
    shape = tuple(shape) if isinstance(shape, torch.Size) else shape
    result = flow.sample(
        shape, _array(context, "context"), seed=seed, first_row=first_row,
        return_log_prob=return_log_prob, out=_array(out, "out"))
    return _tensors(result) if out is None else result


class TorchFlow(torch.nn.Module, torch.distributions.Distribution):
    """p(x | context) as a module and a distribution, made by `CompiledFlow.torch`.

    Called with a context it gives the distribution for that, as a lazy distribution of Zuko does. It has no
    parameters: those of the compiled flow are fixed.
    """

    arg_constraints: dict[str, Any] = {}
    support = torch.distributions.constraints.real_vector
    has_rsample = False

    def __init__(self, flow: CompiledFlow, context: Any = None) -> None:
        torch.nn.Module.__init__(self)
        self.flow = flow
        if context is not None:
            kind = torch.float32 if flow.dtype == np.float32 else torch.float64
            context = torch.as_tensor(context, dtype=kind)
            if flow.context == 0 or context.dim() == 0 or context.shape[-1] != flow.context:
                expected = f"(…, {flow.context})" if flow.context else "none"
                raise ValueError(
                    f"context has the shape {tuple(context.shape)}, expected {expected}")
        self.given = context
        torch.distributions.Distribution.__init__(
            self, () if context is None else context.shape[:-1], (flow.features,),
            validate_args=False)

    def forward(self, context: Any = None) -> TorchFlow:
        """p(x | context)."""
        return TorchFlow(self.flow, context)

    def log_prob(self, value: Any) -> Any:
        """log p(value | context), part of autograd."""
        return log_prob(self.flow, value, self.given)

    def sample(self, sample_shape: Any = ()) -> Any:
        """Samples of shape (*sample_shape, *batch_shape, D), from PyTorch's generator."""
        shape = tuple(sample_shape)
        if self.given is None:
            shape = (*shape, *self.batch_shape)
        return sample(self.flow, shape, self.given, None, 0, False, None)

    def expand(self, batch_shape: Any, _instance: Any = None) -> TorchFlow:
        """The same distribution for a larger batch."""
        if self.given is None:
            result = TorchFlow(self.flow)
            result._batch_shape = torch.Size(batch_shape)
            return result
        return TorchFlow(self.flow, self.given.expand(*batch_shape, -1))
