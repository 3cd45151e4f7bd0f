"""PyTensor: a compiled flow's log-density as an Op with a gradient, for PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op

if TYPE_CHECKING:
    from .._flow import CompiledFlow


class _LogProbAndGrad(Op):
    """log p(x | context) and its gradients, in one call."""

    __props__ = ("flow",)

    def __init__(self, flow: CompiledFlow) -> None:
        self.flow = flow

    def make_node(self, *inputs: Any) -> Any:
        values = [pt.as_tensor_variable(value) for value in inputs]
        for value, name in zip(values, ("x", "context"), strict=False):
            if value.ndim == 0:
                raise ValueError(f"{name} is a scalar, expected the shape (…, columns)")
        batch = max(value.ndim for value in values) - 1
        kind = self.flow.dtype.name
        outputs = [pt.tensor(dtype=kind, shape=(None,) * batch)]
        outputs += [
            pt.tensor(dtype=kind, shape=(*(None,) * batch, columns))
            for columns in (self.flow.features, self.flow.context)[:len(values)]]
        return Apply(self, values, outputs)

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        for cell, value in zip(outputs, self.flow.log_prob_and_grad(*inputs), strict=True):
            cell[0] = np.asarray(value)

    def infer_shape(self, fgraph: Any, node: Any, shapes: Any) -> Any:
        batch = tuple(pt.broadcast_shape(*(shape[:-1] for shape in shapes), arrays_are_shapes=True)) \
            if len(shapes) > 1 else tuple(shapes[0][:-1])
        return [batch] + [(*batch, shape[-1]) for shape in shapes]

    def connection_pattern(self, node: Any) -> Any:
        # The gradients have no derivatives of their own here.
        return [[True] + [False] * len(node.inputs) for _ in node.inputs]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> Any:
        upstream = output_grads[0]
        if isinstance(upstream.type, DisconnectedType):
            return [DisconnectedType()() for _ in inputs]
        result = []
        for value, gradient in zip(inputs, outputs[1:], strict=True):
            gradient = upstream[..., None] * gradient
            extra = gradient.ndim - value.ndim
            if extra:
                gradient = gradient.sum(axis=tuple(range(extra)))
            for axis in range(value.ndim - 1):
                if value.type.shape[axis] == 1:
                    gradient = gradient.sum(axis=axis, keepdims=True)
            result.append(gradient.astype(value.dtype))
        return result


class PytensorFlow:
    """log p(x | context) of PyTensor's variables, made by `CompiledFlow.pytensor`.

    It is a function: `pm.Potential("prior", flow.pytensor()(x))`, or the `logp` of a `pm.CustomDist`.
    """

    def __init__(self, flow: CompiledFlow) -> None:
        self.flow = flow
        self.op = _LogProbAndGrad(flow)

    def __call__(self, x: Any, context: Any = None) -> Any:
        """The log-density, of the batch's shape."""
        if (context is None) != (self.flow.context == 0):
            raise ValueError(
                "context is given, expected none, since the flow has no context" if context is not None
                else f"context is missing, expected the shape (…, {self.flow.context})")
        return self.op(x)[0] if context is None else self.op(x, context)[0]
