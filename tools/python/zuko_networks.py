"""The networks of a flow of Zuko's parts, as a flow description has them.

Used by from_sbi.py.
"""

import torch

ACTIVATIONS = "ReLU ELU Tanh SiLU GELU LeakyReLU Softplus Sigmoid".split()


class CannotDescribe(ValueError):
    """A part that a flow description cannot express; says which and what to do."""


def kind(module):
    return type(module).__name__


def activation_name(modules, path):
    for module in modules:
        name = kind(module)
        if name in ACTIVATIONS:
            if repr(module) != repr(type(module)()):
                raise CannotDescribe(f"{path}: {module} has arguments of its own")
            return name
        if not hasattr(module, "weight") and name not in ("LayerNorm", "Residual", "TwoWayELU"):
            raise CannotDescribe(f"{path}: {module} is none of {', '.join(ACTIVATIONS)}")
    return "ReLU"


def plain_network(network, path):
    widths = [m.weight.shape[-2] for m in network if hasattr(m, "weight")]
    return {
        "hidden_features": widths[:-1], "activation": activation_name(network, path),
        "normalize": any(kind(m) == "LayerNorm" for m in network)}


def masked_network(network, path):
    widths, after_residual = [], False
    residual = any(kind(m) == "Residual" for m in network)
    inner = [m for block in network for m in (block if kind(block) == "Residual" else [block])]
    for module in network:
        if hasattr(module, "mask"):
            widths.append(module.mask.shape[0])
            after_residual = False
        elif kind(module) == "Residual":
            if after_residual:
                widths.append(module[0].mask.shape[0])
            after_residual = True
    return {
        "hidden_features": widths[:-1], "activation": activation_name(inner, path),
        "residual": residual}


def adjacency(part, size):
    """Which features depend on which, through the masks of the network."""
    reach = torch.eye(part.hyper.in_features)
    for module in part.hyper:
        if hasattr(module, "mask"):
            reach = (module.mask.float() @ reach > 0).float()
        elif kind(module) == "Residual":
            through = module[2].mask.float() @ (module[0].mask.float() @ reach)
            reach = (reach + through > 0).float()
    features = size["features"]
    rows = reach.reshape(features, part.total, -1).amax(dim=1)
    rows[:, :features] += torch.eye(features)
    return rows.clamp(max=1).int().tolist()
