"""The compiled flow."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from . import _arrays, _build, _columns, _hosts, _restricted, _samples, _tables
from ._abi import Artifact
from ._arrays import Array
from ._description import architecture, write
from ._errors import Error


class CompiledFlow(_tables.Tables, _hosts.Hosts, _restricted.Restrictable):
    """A flow as native code.

    Arrays of x have the shape (…, D), contexts (…, C); batches broadcast as in Zuko. The columns of tables (of
    pandas, Polars or Arrow) are found by the names that the flow was trained on, if it was on a table. Results are
    NumPy arrays, or PyTorch's tensors where tensors are given. Objects pickle by content and are compiled anew
    where they arrive, for that processor. Calls from several threads at once are safe.

    >>> import flowir
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(2_000, 2)).astype("float32")
    >>> flow = flowir.MAF(features=2, transforms=1).fit(x, epochs=2, seed=1)
    >>> flow
    <compiled MAF: features=2, float32>
    >>> z, ladj = flow.transform(x, return_ladj=True)
    >>> bool(np.abs(flow.inverse(z) - x).max() < 1e-4)
    True
    >>> log_prob, gradient = flow.log_prob_and_grad(x[:3])
    >>> log_prob.shape, gradient.shape
    ((3,), (3, 2))
    >>> draws, log_prob = flow.sample(5, seed=1, return_log_prob=True)
    >>> bool(np.allclose(flow.log_prob(draws), log_prob, atol=1e-5))
    True
    """

    def __init__(
        self, artifact: Artifact, *, model: bytes | None, target: _build.Target,
        threads: int | None = None,
    ) -> None:
        """Made by `flowir.compile`."""
        self._artifact = artifact
        self._model = model
        self._target = target
        self.threads = threads
        """The number of threads of a call; None for one a processor."""
        self._second: Artifact | None = None

    @property
    def features(self) -> int:
        """D, the number of features."""
        return self._artifact.features

    @property
    def context(self) -> int:
        """C, the number of context features; 0 for none."""
        return self._artifact.context

    @property
    def dtype(self) -> np.dtype[Any]:
        """The float type that it computes in."""
        return self._artifact.dtype

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that were compiled."""
        return self._artifact.functions

    @property
    def description(self) -> dict[str, Any]:
        """The architecture, as a JSON object of the flow description."""
        if self._model is not None:
            return architecture(self._model, "the model")
        return dict(self._artifact.description.get("flow", {}))

    @property
    def path(self) -> Path:
        """The shared object."""
        return self._artifact.path

    def __repr__(self) -> str:
        context = f", context={self.context}" if self.context else ""
        kind = self.description.get("type", "flow")
        return f"<compiled {kind}: features={self.features}{context}, {self.dtype}>"

    def with_threads(self, threads: int | None) -> CompiledFlow:
        """The same code with another number of threads of a call."""
        return CompiledFlow(
            self._artifact, model=self._model, target=self._target, threads=threads)

    # The density.

    def log_prob(self, x: Any, context: Any = None, *, out: Any = None) -> Any:
        """log p(x | context) in nats, of the batch's shape."""
        x, context = self._ordered(x, context)
        if _arrays.is_torch(x) or _arrays.is_torch(context):
            from .hosts import torch as host

            return host.log_prob(self, x, context, out)
        x, context, batch = self._inputs(x, context)
        result = _arrays.result(out, batch, self.dtype)
        self._call("log_prob", x, context, len(x), self._count(context), result)
        return result

    def log_prob_and_grad(self, x: Any, context: Any = None) -> tuple[Any, ...]:
        """log p(x | context) and its gradients with respect to x and, if there is one, the context.

        The gradients have a row for each row of the batch.
        """
        x, context = self._ordered(x, context)
        if _arrays.is_torch(x) or _arrays.is_torch(context):
            from .hosts import torch as host

            result: tuple[Any, ...] = host.log_prob_and_grad(self, x, context)
            return result
        rows, context, batch = self._inputs(x, context)
        log_prob, grad_x = np.empty(batch, self.dtype), np.empty((*batch, self.features), self.dtype)
        if context is None:
            self._call("log_prob_gradient", rows, None, len(rows), 0, log_prob, grad_x, None)
            return log_prob, grad_x
        grad_context = np.empty((*batch, self.context), self.dtype)
        self._call(
            "log_prob_gradient", rows, context, len(rows), len(context), log_prob, grad_x, grad_context)
        return log_prob, grad_x, grad_context

    def log_prob_hvp(
        self, x: Any, v: Any, context: Any = None, *, return_grad: bool = False
    ) -> Any:
        """The Hessian of log p(x | context) with respect to x times v, for each row.

        v has the shape of x, or broadcasts to it. With `return_grad` it gives log p, its gradient with
        respect to x, and the product. Where a density is piecewise smooth, as with ReLU or splines, the
        derivatives are those of the row's piece. The function is compiled when it is first called, unless
        `functions` named it; a flow of an ODE (CNF) has none, which raises `Error`.
        """
        x, context = self._ordered(x, context)
        if any(_arrays.is_torch(value) for value in (x, v, context)):
            from .hosts import torch as host

            return host.log_prob_hvp(self, x, v, context, return_grad)
        x = _arrays.rows(x, self.dtype, self.features, "x")
        v = _arrays.rows(v, self.dtype, self.features, "v")
        try:
            shape = np.broadcast_shapes(x.shape, v.shape)
        except ValueError:
            raise ValueError(f"x has the shape {x.shape} and v {v.shape}, which do not broadcast") from None
        rows, context, batch = self._inputs(np.broadcast_to(x, shape), context)
        v = np.ascontiguousarray(np.broadcast_to(v, (*batch, self.features)))
        product = np.empty((*batch, self.features), self.dtype)
        log_prob = np.empty(batch, self.dtype) if return_grad else None
        grad = np.empty_like(product) if return_grad else None
        self._artifact_of("log_prob_hvp").call(
            "log_prob_hvp", self.threads, rows, context, v, len(rows), self._count(context), log_prob, grad,
            product)
        return (log_prob, grad, product) if return_grad else product

    # Both directions of the transform.

    def transform(
        self, x: Any, context: Any = None, *, return_ladj: bool = False, out: Any = None
    ) -> Any:
        """z = f(x | context); with `return_ladj` the logarithms of |det df/dx| too."""
        return self._map("transform", x, context, return_ladj, out)

    def inverse(
        self, z: Any, context: Any = None, *, return_ladj: bool = False, out: Any = None
    ) -> Any:
        """x with z = f(x | context); with `return_ladj` the logarithms of |det dx/dz| too."""
        return self._map("inverse", z, context, return_ladj, out)

    def _map(self, name: str, x: Any, context: Any, return_ladj: bool, out: Any) -> Any:
        if name == "transform":
            x, context = self._ordered(x, context)
        else:
            _, context = self._ordered(None, context)
        if _arrays.is_torch(x) or _arrays.is_torch(context):
            from .hosts import torch as host

            return host.transform(self, name, x, context, return_ladj, out)
        x, context, batch = self._inputs(x, context)
        result = _arrays.result(out, (*batch, self.features), self.dtype)
        ladj = np.empty(batch, self.dtype) if return_ladj else None
        self._call(name, x, context, len(x), self._count(context), result, ladj)
        return (result, ladj) if return_ladj else result

    # Samples.

    def sample(
        self, shape: int | tuple[int, ...], context: Any = None, *, seed: int | None = None,
        first_row: int = 0, return_log_prob: bool = False, out: Any = None,
    ) -> Any:
        """Samples of shape (*shape, *batch of the context, D).

        The same seed gives the same numbers at any number of threads; without one, others each time.
        Row n of the samples of context m is row m * N + n of the seed's stream, which starts at
        `first_row`: samples can be drawn in parts. Contexts are not repeated, and several have the bits that
        repeated ones have; what depends on a single context is computed once, which may round the last digit
        in another way.
        """
        _, context = self._ordered(None, context)
        if _arrays.is_torch(context) or _arrays.is_torch(out):
            from .hosts import torch as host

            return host.sample(self, shape, context, seed, first_row, return_log_prob, out)
        shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        if any(size < 0 for size in shape):
            raise ValueError(f"shape is {shape}, expected sizes of 0 or more")
        if first_row < 0:
            raise ValueError(f"first_row is {first_row}, expected 0 or more")
        seed = secrets.randbits(64) if seed is None else int(seed)
        if not 0 <= seed < 1 << 64:
            raise ValueError(f"seed is {seed}, expected 0 to 2**64 - 1")
        contexts = self._context(context)
        batch: tuple[int, ...] = () if contexts is None else contexts.shape[:-1]
        count, groups = prod(shape), prod(batch)
        one_call = contexts is None or groups == 1
        size = (*shape, *batch, self.features)
        if out is not None and not one_call:
            raise ValueError("out is for samples of one context")
        x = _arrays.result(out, size, self.dtype) if one_call else np.empty(
            (groups, count, self.features), self.dtype)
        log_prob = np.empty(
            (*shape, *batch) if one_call else (groups, count), self.dtype) if return_log_prob else None
        if one_call:
            flat = None if contexts is None else contexts.reshape(1, -1)
            self._call("sample", seed, first_row, flat, count, self._count(flat), x, log_prob)
        else:
            assert contexts is not None
            _samples.draw(
                self, contexts.reshape(groups, -1), count, seed, first_row, 0, x.reshape(-1, self.features),
                None if log_prob is None else log_prob.reshape(-1))
            x = np.moveaxis(x, 0, 1).reshape(size)
            log_prob = None if log_prob is None else log_prob.T.reshape((*shape, *batch))
        return (x, log_prob) if return_log_prob else x

    # Files and processes.

    def save(self, path: str | os.PathLike[str], *, prefix: str = "flowir") -> None:
        """Writes the shared object libNAME.so with NAME.h beside it, or the model file NAME.safetensors.

        `prefix` is what the names of the object's functions start with.
        """
        path = Path(path)
        if path.suffix == ".so":
            source = self.path
            if self._model is not None:
                source = _build.build_beside(path, self._model, replace(self._target, prefix=prefix))
            write(path, source.read_bytes())
            path.chmod(0o755)
        elif path.suffix == ".safetensors":
            if self._model is None:
                raise Error(f"{self.path} holds no parameters to write to {path}")
            write(path, self._model)
        else:
            raise Error(f"{path} ends in neither .so nor .safetensors")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CompiledFlow) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __reduce__(self) -> tuple[Any, ...]:
        from ._compile import restore

        code = self.path.read_bytes() if self._model is None else None
        return restore, (self._model, code, self._target, self.threads)

    # How calls are made.

    @staticmethod
    def _count(context: Array | None) -> int:
        return 0 if context is None else len(context)

    def _artifact_of(self, name: str) -> Artifact:
        """The object with a function that is compiled when it is first called."""
        if name in self.functions or self._model is None:
            return self._artifact
        if self._second is None:
            target = _build.Target(self._target.dtype, self._target.cpu, (name,))
            self._second = Artifact(_build.build(self._model, target))
        return self._second

    def _call(self, name: str, *arguments: Any) -> None:
        self._artifact.call(name, self.threads, *arguments)

    def _context(self, context: Any) -> Array | None:
        if self.context == 0:
            if context is not None:
                raise ValueError("context is given, expected none, since the flow has no context")
            return None
        if context is None:
            raise ValueError(f"context is missing, expected the shape (…, {self.context})")
        _, context = self._ordered(None, context)
        return _arrays.rows(context, self.dtype, self.context, "context")

    def _ordered(self, x: Any, context: Any) -> tuple[Any, Any]:
        """Tables with their columns in the order that the flow was trained on, where both have names."""
        return (_columns.in_order(x, lambda: self.columns.x, "x"),
                _columns.in_order(context, lambda: self.columns.context, "context"))

    def _inputs(self, x: Any, context: Any) -> tuple[Array, Array | None, tuple[int, ...]]:
        x = _arrays.rows(x, self.dtype, self.features, "x")
        return _arrays.broadcast(x, self._context(context))
