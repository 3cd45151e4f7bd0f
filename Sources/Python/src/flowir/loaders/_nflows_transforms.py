"""Transforms of nflows, as parts of a description."""

from __future__ import annotations

from typing import Any

import nflows.transforms as nt
import torch
from nflows.transforms.nonlinearities import CauchyCDF, CauchyCDFInverse

from ._linear import factors
from ._live import CannotDescribe
from ._nflows_networks import Networks
from ._nflows_splines import piecewise
from ._reference import double

CDFS = (
    nt.PiecewiseLinearCDF, nt.PiecewiseQuadraticCDF, nt.PiecewiseCubicCDF,
    nt.PiecewiseRationalQuadraticCDF)
"""The splines with free parameters."""

AUTOREGRESSIVE_SPLINES = (
    nt.MaskedPiecewiseLinearAutoregressiveTransform, nt.MaskedPiecewiseQuadraticAutoregressiveTransform,
    nt.MaskedPiecewiseCubicAutoregressiveTransform,
    nt.MaskedPiecewiseRationalQuadraticAutoregressiveTransform)
"""The splines whose parameters a masked network gives."""

COUPLING_SPLINES = (
    nt.PiecewiseLinearCouplingTransform, nt.PiecewiseQuadraticCouplingTransform,
    nt.PiecewiseCubicCouplingTransform, nt.PiecewiseRationalQuadraticCouplingTransform)
"""The splines whose parameters a network of the other features gives."""

MATRICES = (nt.NaiveLinear, nt.SVDLinear)
"""The linear transforms that are written as the factors of their matrix."""

REFLECTIONS = (nt.QRLinear, nt.HouseholderSequence)
"""The linear transforms of reflections, which keep their parameters."""

POINTWISE = (
    nt.Sigmoid, nt.Logit, nt.Tanh, nt.LeakyReLU, nt.LogTanh, CauchyCDF, CauchyCDFInverse)
"""The functions of each feature."""


class Transforms(Networks):
    """Describes transforms of a flow whose size is known; collects the tensors of the model file."""

    def linear(self, part: Any, at: str, place: str) -> dict[str, Any]:
        """The description of a linear transform whose tensors keep their names."""
        kind = type(part)
        f: dict[str, Any] = {"type": kind.__name__}
        if kind is not nt.ActNorm:
            f = {
                "type": "LUProductTransform" if kind is nt.LULinear else "BatchNorm", "epsilon": part.eps}
        tensors = {
            name: tensor for name, tensor in part.state_dict().items()
            if name != "initialized" and tensor.numel()}
        return self.unconditional(place, f, tensors, buffer=False)

    def reflections(self, part: Any, place: str) -> dict[str, Any]:
        """The description of a product of reflections, with a triangular matrix or alone."""
        tensors = {
            name.removeprefix("orthogonal."): tensor for name, tensor in part.state_dict().items()
            if tensor.numel()}
        kind = "QRLinearTransform" if type(part) is nt.QRLinear else "HouseholderTransform"
        return self.unconditional(
            place, {"type": kind, "vectors": len(tensors["q_vectors"])}, tensors, buffer=False)

    def matrix(self, part: Any, place: str) -> dict[str, Any]:
        """The description of a linear transform as the factors of its matrix in float64, a permutation and
        a shift."""
        part = double(part)
        tensors: dict[str, Any] = {}
        with torch.no_grad():
            if hasattr(part, "bias"):
                tensors["shift"] = part.bias.clone()
                part.bias.zero_()
            columns, _ = part.forward(torch.eye(self.features, dtype=torch.float64))
        lu, order = factors(columns.T.numpy())
        parts = [
            self.unconditional(
                f"{place}.transforms.0", {"type": "LULinearTransform"}, {"LU": torch.from_numpy(lu)},
                buffer=False),
            self.unconditional(f"{place}.transforms.1", {"type": "PermutationTransform"}, {
                "order": torch.from_numpy(order)})]
        if tensors:
            parts.append(self.unconditional(
                f"{place}.transforms.2", {"type": "AdditiveTransform"}, tensors, buffer=False))
        return {"type": "LazyComposedTransform", "transforms": parts}

    def gate(self, part: Any, at: str, place: str) -> dict[str, Any]:
        """The description of a feature that is multiplied by a sigmoid of the context."""
        if self.features != 1 or self.context != 1:
            raise CannotDescribe(
                at, part, "gives no determinant for each row unless feature and context are one number")
        self.put(f"{place}.hyper.0.weight", torch.tensor([[0.0], [1.0]]))
        self.put(f"{place}.hyper.0.bias", torch.zeros(2))
        return {
            "type": "ElementWiseTransform", **self.size,
            "univariate": {"type": "PositiveAffineTransform", "positive": "Sigmoid", "epsilon": 0},
            "shapes": [[], []], "network": {"type": "MLP", "hidden_features": []}}

    def free_spline(self, part: Any, at: str, place: str, mask: Any) -> dict[str, Any]:
        """The description of a spline with free parameters, of the features where the mask is not set."""
        if type(part) not in CDFS:
            raise CannotDescribe(at, part, "is not a transform of nflows that a description can hold")
        self.put(f"{place}.mask", mask)
        found = piecewise(part, None, at)
        for index, value in enumerate(found.parameters):
            self.put(f"{place}.phi.{index}", value)
        return {"type": "FreeElementWiseTransform", "features": self.features, **found.json}

    def pointwise(self, part: Any, at: str, place: str) -> dict[str, Any]:
        """The description of a function of each feature."""
        inverse = type(part) in (nt.Logit, CauchyCDFInverse)
        part = part._transform if inverse else part
        if type(part) is CauchyCDF:
            f = {"type": "CauchyTransform", **({"inverse": True} if inverse else {})}
            return self.unconditional(place, f, {})
        if type(part) is nt.LogTanh:
            return self.unconditional(
                place, {"type": "LogTanhTransform", "cut": float(part.cut_point)}, {})
        if type(part) is nt.LeakyReLU:
            return self.unconditional(
                place, {"type": "LeakyReLUTransform", "slope": part.negative_slope}, {})
        f = {"type": f"{type(part).__name__}Transform"}
        if type(part) is nt.Tanh:
            return self.unconditional(place, f, {})
        scaling = self.unconditional(f"{place}.transforms.{int(inverse)}", {"type": "AffineTransform"}, {
            "loc": torch.zeros(self.features),
            "scale": part.temperature.detach().expand(self.features)})
        steps = [scaling, self.unconditional(place, f, {})]
        if inverse:
            for step in steps:
                step["f"]["inverse"] = True
            steps.reverse()
        return {"type": "LazyComposedTransform", "transforms": steps}

    def coupling(self, part: Any, at: str, place: str) -> dict[str, Any]:
        """The description of a coupling transform."""
        kind = type(part)
        count = part.num_transform_features
        rows = scale = None
        if kind is nt.AffineCouplingTransform:
            univariate: dict[str, Any] = {
                "univariate": {
                    "type": "PositiveAffineTransform", "positive": "Sigmoid", "offset": 2,
                    "epsilon": 1e-3}, "shapes": [[], []]}
            rows = torch.arange(2 * count).reshape(2, count).T.flatten()
        elif kind is nt.AdditiveCouplingTransform:
            univariate = {"univariate": {"type": "AdditiveTransform"}, "shapes": [[]]}
        elif kind in COUPLING_SPLINES:
            found = piecewise(part, part.transform_net, at)
            univariate, scale = found.json, found.factors
        else:
            raise CannotDescribe(at, part, "is not a transform of nflows that a description can hold")
        mask = torch.zeros(self.features, dtype=torch.bool)
        mask[part.identity_features] = True
        free = part.unconditional_transform
        if free is not None:  # It acts on the other features after the network has read them.
            place, whole = f"{place}.transforms.0", place
        network, last = self.conditioner(part.transform_net, f"{at}.transform_net", f"{place}.hyper")
        if rows is not None:
            self.reorder(f"{place}.hyper.{last}", rows)
        self.multiply(f"{place}.hyper.{last}", scale)
        if count == self.features:
            if not self.context:
                raise CannotDescribe(at, part, "transforms all features and has no context")
            return {"type": "ElementWiseTransform", **self.size, **univariate, "network": network}
        self.put(f"{place}.mask", mask)
        result = {"type": "GeneralCouplingTransform", **self.size, **univariate, "network": network}
        if free is None:
            return result
        return {"type": "LazyComposedTransform", "transforms": [result, self.free_spline(
            free, f"{at}.unconditional_transform", f"{whole}.transforms.1", ~mask)]}
