"""A random flow with parameters, rows that it is defined for, and what Zuko says of them."""

import copy
import json
import random

import numpy as np
import torch
import zuko

import random_flows
import random_parts
import zuko_flows

# Custom flows have the most to vary.
KINDS = random_flows.KINDS + ["Flow"] * 4

# Zuko halves its bracket [-10, 10] until it is 1e-6 wide; with 60 halvings its roots have all digits,
# so that gradients and inverses within a flow can be compared.
_bisection = zuko.transforms.bisection
zuko.transforms.bisection = lambda f, y, a, b, n, phi=(): _bisection(f, y, a, b, 60, phi)


class Case:
    """A description, Zuko's flow with parameters, and rows that it is defined for."""

    def __init__(self, seed):
        random.seed(seed)
        torch.manual_seed(seed)
        kind = KINDS[seed % len(KINDS)]
        start, box = ("circle", None) if kind == "NCSF" else ("real", None)
        if kind == "Flow":
            self.description, start, box = random_parts.custom()
        else:
            self.description = random_flows.draw(kind)
        self.is_continuous = "freqs" in json.dumps(self.description)
        self.has_transform = kind != "GMM"
        self.flow = self.parameters(box)
        # A tile has 64 rows in float32 and 32 in float64, or fewer.
        rows = 12 if self.is_continuous else random.choice([1, 50, 200])
        self.x = points(start, rows, self.description["features"])
        context = self.description["context"]
        self.context = torch.randn(rows, context) if context else None
        self.has_box = kind == "NCSF" or "BoxUniform" in json.dumps(self.description)
        if not self.has_box:
            self.drop_lost_rows()

    def drop_lost_rows(self):
        """Leaves out rows of density 0 in Zuko: it is positive, but a slope has lost all digits."""
        found = [self.values(dtype)["log_prob"] for dtype in (torch.float64, torch.float32)]
        is_finite = torch.from_numpy(np.isfinite(found).all(axis=0))
        if is_finite.any():
            self.x = self.x[is_finite]
            self.context = None if self.context is None else self.context[is_finite]

    def parameters(self, box):
        """Zuko's flow, with parameters scaled up so that its transforms bend."""
        flow = zuko_flows.build(self.exact())
        modules = [
            name for name, module in flow.named_modules()
            if isinstance(module, zuko.flows.UnconditionalTransform)]
        positional = [name for name in modules if random.random() < 0.3]
        flow = zuko_flows.build(self.exact(), positional)
        with torch.no_grad():
            for name, parameter in flow.named_parameters():
                if "hyper" in name or "network" in name or "integrand" in name or "ode" in name:
                    parameter.mul_(1.5)
            for name, module in flow.named_modules():
                if name not in modules or random.random() < 0.8:
                    continue
                # One number for all features.
                for tensor in [*module.parameters(), *module.buffers()]:
                    if tensor.dim() == 1 and tensor.is_floating_point():
                        tensor.data = tensor.data[0]
            if box:
                flow.base.lower.fill_(box[0])
                flow.base.upper.fill_(box[1])
            elif self.description["type"] not in ("Flow", "NCSF", "GMM") and random.random() < 0.3:
                flow.base.loc.copy_(torch.randn_like(flow.base.loc) / 2)
                flow.base.scale.copy_(torch.rand_like(flow.base.scale) + 0.5)
        return flow

    def exact(self, tolerance=1e-10):
        """The description with tolerances of differential equations."""
        def visit(value):
            if isinstance(value, list):
                return [visit(item) for item in value]
            if not isinstance(value, dict):
                return value
            result = {key: visit(item) for key, item in value.items()}
            if "freqs" in result:
                result.update(atol=tolerance, rtol=tolerance)
            return result

        return visit(self.description)

    def values(self, dtype=torch.float64, nudge=0.0):
        """What Zuko says, as NumPy arrays: `log_prob`, `z`, `ladj`, `loss` and `grad.` of each input.

        With `nudge` every parameter and input is moved by that share of itself first.
        """
        flow = copy.deepcopy(self.flow).to(dtype)
        if dtype == torch.float32:
            # No step is good enough for the tight tolerances.
            for module in flow.modules():
                if isinstance(module, zuko.flows.FFJTransform):
                    module.atol, module.rtol = 1e-6, 1e-5
        x, context = self.inputs(dtype)
        with torch.no_grad():
            for tensor in [*flow.parameters(), x] + ([] if context is None else [context]):
                tensor.mul_(1 + nudge * torch.sign(torch.randn_like(tensor)))
        x.requires_grad_()
        if context is not None:
            context.requires_grad_()
        log_prob = flow(context).log_prob(x)
        loss = -log_prob[torch.isfinite(log_prob)].sum() / max(torch.isfinite(log_prob).sum(), 1)
        if loss.requires_grad:
            loss.backward()
        result = {"log_prob": log_prob, "loss": loss}
        if self.has_transform:
            with torch.no_grad():
                result["z"], result["ladj"] = transform(flow, x, context)
        inputs = [*flow.named_parameters(), ("x", x)]
        if context is not None:
            inputs.append(("context", context))
        for name, tensor in inputs:
            result["grad." + name] = (
                torch.zeros_like(tensor) if tensor.grad is None else tensor.grad)
        return {name: tensor.detach().double().numpy() for name, tensor in result.items()}

    def inputs(self, dtype=torch.float64):
        """The rows and their contexts."""
        context = None if self.context is None else self.context.to(dtype).clone()
        return self.x.to(dtype).clone(), context

    def forward(self, x):
        """Zuko's transform of rows, in float64."""
        flow, context = copy.deepcopy(self.flow).double(), self.inputs()[1]
        with torch.no_grad():
            return tuple(part.numpy() for part in transform(flow, torch.from_numpy(x), context))

    def log_prob(self, x, context):
        """Zuko's log-density of rows, in float64."""
        flow = copy.deepcopy(self.flow).double()
        with torch.no_grad():
            context = None if context is None else context.double()
            return flow(context).log_prob(torch.from_numpy(x)).numpy()


def transform(flow, x, context):
    """Zuko's transform of rows and a log-determinant for each."""
    z, ladj = flow(context).transform.call_and_ladj(x)
    # A flow of nothing but element-wise transforms has one for each feature.
    return z, ladj.sum(dim=-1) if ladj.dim() == 2 else ladj


def points(start, rows, features):
    """Rows in a domain; on the real line some beyond the bounds of splines."""
    uniform = torch.rand(rows, features) * 0.998 + 0.001
    return {
        "real": torch.randn(rows, features) * 2, "positive": torch.randn(rows, features).exp(),
        "unit": uniform, "symmetric": 2 * uniform - 1, "circle": (2 * uniform - 1) * torch.pi,
    }[start]
