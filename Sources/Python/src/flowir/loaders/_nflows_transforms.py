"""Transforms of nflows, as parts of a description."""

from __future__ import annotations

from typing import Any

import nflows.transforms as nt
import torch

from ._live import CannotDescribe
from ._nflows_networks import Networks, spline


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

    def free_spline(self, part: Any, at: str, place: str, mask: Any) -> dict[str, Any]:
        """The description of a spline with free parameters, of the features where the mask is not set."""
        if type(part) is not nt.PiecewiseRationalQuadraticCDF:
            raise CannotDescribe(at, part, "is not a transform of nflows that a description can hold")
        self.put(f"{place}.mask", mask)
        for index, name in enumerate(("widths", "heights", "derivatives")):
            self.put(f"{place}.phi.{index}", getattr(part, f"unnormalized_{name}"))
        return {
            "type": "FreeElementWiseTransform", "features": self.features, **spline(part, None, at)}

    def pointwise(self, part: Any, at: str, place: str) -> dict[str, Any]:
        """The description of a function of each feature."""
        inverse = type(part) is nt.Logit
        part = part._transform if inverse else part
        if type(part) is nt.LeakyReLU:
            return self.unconditional(
                place, {"type": "LeakyReLUTransform", "slope": part.negative_slope}, {})
        f: dict[str, Any] = {"type": f"{type(part).__name__}Transform"}
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
        rows = None
        if kind is nt.AffineCouplingTransform:
            univariate: dict[str, Any] = {
                "univariate": {
                    "type": "PositiveAffineTransform", "positive": "Sigmoid", "offset": 2,
                    "epsilon": 1e-3}, "shapes": [[], []]}
            rows = torch.arange(2 * count).reshape(2, count).T.flatten()
        elif kind is nt.AdditiveCouplingTransform:
            univariate = {"univariate": {"type": "AdditiveTransform"}, "shapes": [[]]}
        elif kind is nt.PiecewiseRationalQuadraticCouplingTransform:
            univariate = spline(part, part.transform_net, at)
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
