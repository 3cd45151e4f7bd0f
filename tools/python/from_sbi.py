"""Writes a density estimator of sbi, or any flow made of Zuko's parts, as a model file.

    from from_sbi import save
    save(posterior.posterior_estimator, "model.safetensors")

or, for an estimator that was saved by `torch.save(estimator, "estimator.pt")`,

    python tools/python/from_sbi.py estimator.pt model.safetensors

The model scores as `estimator.log_prob` does: z-scoring of the parameters and a map to the support
of the prior are transforms of the flow, z-scoring of the data and a fully connected embedding net
become the description's "embedding". A net of another kind stays in Python: with `embedded=True`
the model's context is what `estimator.embedding_net` gives.

Needs torch, zuko and safetensors, sbi to load an estimator, and zuko_networks.py beside it.
"""

import functools
import json
import sys

import torch
import zuko
from safetensors.torch import save_file
from torch import nn
from torch.distributions import transforms as torch_transforms

from zuko_networks import (
    ACTIVATIONS, CannotDescribe, activation_name, adjacency, kind, masked_network, plain_network)

BIJECTIONS = "ExpTransform SigmoidTransform TanhTransform SoftplusTransform".split()


def save(estimator, path, embedded=False):
    """Writes the model file; `embedded` leaves the embedding net out."""
    tensors, description = model(estimator, embedded)
    save_file(tensors, path, metadata={"flowir.flow": json.dumps(description)})


def model(estimator, embedded=False):
    """The tensors by name and the description of a flow or an estimator."""
    estimator = getattr(estimator, "posterior_estimator", estimator)
    flow = getattr(estimator, "net", estimator)
    if not isinstance(flow, zuko.flows.Flow):
        raise CannotDescribe(f"found {type(flow).__name__}, expected a flow or an estimator of one")
    tensors = dict(flow.state_dict())
    parts = []
    for i, part in enumerate(flow.transform.transforms if composed(flow) else [flow.transform]):
        parts.append((f"transform.transforms.{i}" if composed(flow) else "transform", part))
    sizes = [size for size in (find_size(part) for _, part in parts) if size]
    if not sizes:
        raise CannotDescribe("no transform of the flow tells its number of features")
    features, condition = sizes[0]
    size = {"features": features, "context": condition}
    described = [describe(part, name, size, tensors) for name, part in parts]
    description = {
        "type": "Flow", "zuko": zuko.__version__, **size,
        "transform": described if composed(flow) else described[0],
        "base": describe_base(flow.base),
    }
    network = getattr(estimator, "_embedding_net", None)
    if network is not None and not embedded:
        shape = tuple(estimator.condition_shape)
        if len(shape) != 1:
            raise CannotDescribe(
                f"conditions have the shape {shape}, expected vectors; pass embedded=True and "
                "give the model what estimator.embedding_net gives")
        layers = []
        embed(network, "_embedding_net", shape[0], layers, tensors)
        if layers:
            description.update(context=shape[0], embedding=layers)
    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    return tensors, description


def composed(flow):
    return hasattr(flow.transform, "transforms")


# Lazy transforms.


def find_size(part):
    """Features and context of a lazy transform; None if it does not tell."""
    name = kind(part)
    if name == "LazyInverse":
        return find_size(part.transform)
    if name == "LazyComposedTransform":
        return next(filter(None, map(find_size, part.transforms)), None)
    if name == "MaskedAutoregressiveTransform":
        features = part.hyper.out_features // part.total
        return features, part.hyper.in_features - features
    if name == "GeneralCouplingTransform":
        return len(part.mask), part.hyper.in_features - int(part.mask.sum())
    if name == "ElementWiseTransform":
        if hasattr(part, "hyper"):
            return part.hyper.out_features // part.total, part.hyper.in_features
        return len(part.phi[0]), 0
    if name == "FFJTransform":
        features = part.ode.out_features
        return features, part.ode.in_features - features - 2 * len(part.freqs)
    return None


def describe(part, path, size, tensors):
    """The description of a lazy transform; may add tensors that it needs."""
    name = kind(part)
    if name == "LazyInverse":
        return {
            "type": name,
            "transform": describe(part.transform, path + ".transform", size, tensors)}
    if name == "LazyComposedTransform":
        inner = [
            describe(p, f"{path}.transforms.{i}", size, tensors)
            for i, p in enumerate(part.transforms)]
        return {"type": name, "transforms": inner}
    if name == "UnconditionalTransform":
        return describe_unconditional(part, path, size, tensors)
    if name == "FFJTransform":
        return {
            "type": name, **size, "freqs": len(part.freqs), "atol": part.atol, "rtol": part.rtol,
            "exact": part.exact, **plain_network(part.ode, path)}
    if name not in ("MaskedAutoregressiveTransform", "GeneralCouplingTransform",
                    "ElementWiseTransform"):
        raise CannotDescribe(f"{path}: {name} is not a transform that a description can hold")
    result = {"type": name, **size, **describe_univariate(part, path)}
    if name == "MaskedAutoregressiveTransform":
        result.update(masked_network(part.hyper, path))
        if part.order is None:
            result["adjacency"] = adjacency(part, size)
        elif part.passes != size["features"]:
            result["passes"] = part.passes
    elif hasattr(part, "hyper"):
        result.update(plain_network(part.hyper, path))
    return result


def describe_univariate(part, path):
    function, arguments = part.univariate, {}
    if isinstance(function, functools.partial):
        function, arguments = function.func, dict(function.keywords)
    if isinstance(function, nn.Module):
        name = kind(function)
        if name not in ("MNN", "UMNN"):
            raise CannotDescribe(f"{path}.univariate: {name} cannot be described")
        network = function.network if name == "MNN" else function.integrand
        arguments = {
            "signal": network[0].weight.shape[-1] - 1, "stack": network[0].weight.shape[0]}
        arguments.update(plain_network(network, path + ".univariate"))
        if name == "MNN":
            arguments = {k: arguments[k] for k in ("signal", "stack", "hidden_features")}
    else:
        name = function.__name__
    shapes = [list(shape) for shape in part.shapes]
    return {"univariate": {"type": name, **arguments}, "shapes": shapes}


# Unconditional parts.


def describe_unconditional(part, path, size, tensors):
    if hasattr(part.f, "transform"):  # sbi's map to the support of a prior.
        steps = bijection(part.f.transform, path, False)
        for name in [name for name in tensors if name.startswith(path + ".")]:
            del tensors[name]
        inner = []
        for i, (name, inverse, values) in enumerate(steps):
            for key, value in values.items():
                value = torch.as_tensor(value, dtype=torch.get_default_dtype())
                tensors[f"{path}.transforms.{i}.{key}"] = value.expand(size["features"])
            f = {"type": name, "inverse": True} if inverse else {"type": name}
            inner.append({"type": "UnconditionalTransform", "f": f, "buffer": True})
        return {"type": "LazyComposedTransform", "transforms": inner}
    scalars = {
        key: value for key in part._keys if not torch.is_tensor(value := getattr(part, key))}
    if any(not torch.is_tensor(getattr(part, f"_{i}")) for i in range(part._nargs)):
        raise CannotDescribe(f"{path}: numbers must be given by keyword, such as bound=11.0")
    return {
        "type": "UnconditionalTransform", "f": {"type": part.f.__name__, **scalars},
        "buffer": bool(part._buffers)}


def bijection(transform, path, inverse):
    """The steps of a transform of torch: class, whether inverted, and tensors."""
    name = kind(transform)
    if isinstance(transform, torch_transforms._InverseTransform):
        return bijection(transform.inv, path, not inverse)
    if isinstance(transform, torch_transforms.IndependentTransform):
        return bijection(transform.base_transform, path, inverse)
    if isinstance(transform, torch_transforms.ComposeTransform):
        parts = reversed(transform.parts) if inverse else transform.parts
        return [step for part in parts for step in bijection(part, path, inverse)]
    if name == "AffineTransform":
        return [(name, inverse, {"loc": transform.loc, "scale": transform.scale})]
    if name in BIJECTIONS:
        return [(name, inverse, {})]
    raise CannotDescribe(f"{path}: {name} cannot be described")


def describe_base(base):
    name = getattr(getattr(base, "f", None), "__name__", kind(base))
    if name not in ("DiagNormal", "BoxUniform", "GeneralizedNormal"):
        raise CannotDescribe(f"base: {name} is none of DiagNormal, BoxUniform, GeneralizedNormal")
    return {
        "type": "UnconditionalDistribution", "f": {"type": name}, "buffer": bool(base._buffers)}


# The embedding of the condition.


def embed(module, path, width, layers, tensors):
    """Appends the layers of a network for `width` features; gives the number that comes out."""
    name = kind(module)
    at = f"embedding.{len(layers)}"
    if isinstance(module, nn.Sequential):
        for key, child in module.named_children():
            width = embed(child, f"{path}.{key}", width, layers, tensors)
    elif name == "FCEmbedding":
        width = embed(module.net, path + ".net", width, layers, tensors)
    elif name in ("Identity", "Dropout"):
        pass
    elif name == "Standardize":
        tensors[at + ".mean"] = module._mean.expand(width)
        tensors[at + ".std"] = module._std.expand(width)
        layers.append({"type": name})
    elif name == "Linear":
        tensors[at + ".weight"] = module.weight
        layers.append({"type": name, "out_features": module.weight.shape[0]})
        if module.bias is None:
            layers[-1]["bias"] = False
        else:
            tensors[at + ".bias"] = module.bias
        width = module.weight.shape[0]
    elif name in ACTIVATIONS:
        layers.append({"type": activation_name([module], path)})
    else:
        raise CannotDescribe(
            f"{path}: {name} is not a layer that a description can hold; pass embedded=True and give "
            "the model what estimator.embedding_net gives")
    return width


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: from_sbi.py ESTIMATOR.pt MODEL.safetensors")
    try:
        save(torch.load(sys.argv[1], weights_only=False), sys.argv[2])
    except CannotDescribe as error:
        sys.exit(f"{sys.argv[1]}: {error}")
