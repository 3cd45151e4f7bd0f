"""Residual flows of normflows, as parts of a description."""

from __future__ import annotations

from typing import Any

import normflows
import numpy as np
import torch
from normflows.flows.residual import iResBlock

from .._arrays import Array
from ._live import CannotDescribe
from ._nflows_networks import Networks
from ._reference import double

EXACT = 64
"""Up to how many features a description's log-determinant is exact."""


class ResidualFlows(Networks):
    """Describes residual flows of normflows; collects the tensors of the model file."""

    def residual(self, part: Any, at: str, place: str) -> dict[str, Any]:
        """The description of `x + net(x)`; its weights are those after the division by their norms."""
        net = part.iresblock.nnet
        if type(net) is not normflows.nets.LipschitzMLP:
            raise CannotDescribe(f"{at}.iresblock.nnet", net, "is not a LipschitzMLP")
        if self.features > EXACT:
            raise CannotDescribe(
                f"{at}.iresblock.nnet", net,
                f"has {self.features} features: above {EXACT} the log-determinant is an estimate, which can't be "
                "compared with the flow's own")
        layers = list(double(net).net)
        total = 0.0
        for index, (swish, linear) in enumerate(zip(layers[::2], layers[1::2])):
            # As its compute_weight does, which rounds the divisor to PyTorch's default type.
            norm = float(linear.u @ (linear.weight @ linear.v))
            weight = linear.weight / max(1.0, norm / linear.coeff)
            total += log_norm_bound(weight.numpy())
            self.put(f"{place}.net.{2 * index}.beta", swish.beta)
            self.put(f"{place}.net.{2 * index + 1}.weight", weight)
            self.put(f"{place}.net.{2 * index + 1}.bias", linear.bias)
        constant = float(np.exp(total)) * (1 + 1e-6)
        if constant >= 0.999:
            raise CannotDescribe(
                f"{at}.iresblock.nnet", net,
                f"may stretch by {constant:.3f}, which is no contraction; bring its norms up to date with "
                "normflows.utils.update_lipschitz(flow, 200)")
        return {
            "type": "LazyResidualTransform", "features": self.features,
            "hidden_features": [int(width) for width in net.channels[1:-1]],
            "lipschitz": max(constant, 0.97)}


def log_norm_bound(weight: Array) -> float:
    """The log of an upper bound of a matrix's largest singular value, by Gram iteration: that which the
    description's transform has."""
    power = weight @ weight.T if weight.shape[0] <= weight.shape[1] else weight.T @ weight
    result, share = 0.0, 0.5
    for _ in range(8):
        norm = np.sqrt(max(float((power**2).sum()), 1e-30))
        result += share * float(np.log(norm))
        power = (power / norm) @ (power / norm)
        share /= 2
    return result + share * 0.5 * float(np.log(max(float((power**2).sum()), 1e-30)))


def without_estimates(flow: Any) -> None:
    """Gives residual flows the exact log-determinant, which normflows estimates but for two features, and an inverse
    to float64's digits."""
    for block in flow.modules():
        if isinstance(block, iResBlock):
            block._logdetgrad = lambda x, block=block: _exact(block, x)
            block._inverse_fixed_point = lambda y, block=block: _fixed_point(block, y)


def _exact(block: Any, x: Any) -> tuple[Any, Any]:
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        value = block.nnet(x)
        rows = [
            torch.autograd.grad(value[:, i].sum(), x, retain_graph=True)[0] for i in range(x.shape[1])]
    matrix = torch.stack(rows, 1) + torch.eye(x.shape[1], dtype=x.dtype)
    return value.detach(), torch.linalg.slogdet(matrix).logabsdet.view(-1, 1).detach()


def _fixed_point(block: Any, y: Any) -> Any:
    x = y
    for _ in range(2_000):
        x, before = y - block.nnet(x), x
        if bool((x - before).abs().max() < 1e-15 * (1 + y.abs().max())):
            break
    return x
