"""JAX: a compiled flow as functions of JAX arrays, by XLA's foreign function interface.

They work under `jit`, `vmap`, `grad` and `jvp`. One handler, which the C compiler makes once, serves every
flow.
"""

from __future__ import annotations

import ctypes
import hashlib
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import _cache, _toolchain
from .._errors import Error

if TYPE_CHECKING:
    from .._flow import CompiledFlow

TARGET = "flowir_call"
FUNCTIONS = ("log_prob", "log_prob_gradient", "transform", "inverse", "sample")


@cache
def _handler() -> ctypes.CDLL:
    """The handler, compiled against JAX's headers and registered."""
    source = Path(__file__).with_name("jax_ffi.c")
    include = jax.ffi.include_dir()
    key = _cache.key("jax", source.read_bytes(), jax.__version__, include)
    folder = _cache.entry(
        key, lambda place: _toolchain.shared_object(source, place / "handler.so", [include]))
    library = ctypes.CDLL(str(folder / "handler.so"))
    library.flowir_register.argtypes = [ctypes.c_int64] * 4 + [ctypes.c_void_p] * 2
    jax.ffi.register_ffi_target(TARGET, jax.ffi.pycapsule(library.flowir_call), platform="cpu")
    return library


@cache
def _register(path: str, artifact: Any) -> int:
    """Registers an object with the handler; gives its number, which is made of its content."""
    number = int.from_bytes(hashlib.sha256(Path(path).read_bytes()).digest()[:8], "little") >> 1
    calls = (ctypes.c_void_p * len(FUNCTIONS))(*(
        artifact.address(name) if name in artifact.functions else None for name in FUNCTIONS))
    failed = _handler().flowir_register(
        number, artifact.features, artifact.context, int(artifact.dtype == np.float64),
        ctypes.cast(calls, ctypes.c_void_p), artifact.last_error_address)
    if failed:
        raise Error("not enough memory to register the flow with JAX")
    return number


class JaxFlow:
    """A compiled flow as functions of JAX arrays, made by `CompiledFlow.jax`.

    Shapes and broadcasting are those of `CompiledFlow`. `log_prob` has first derivatives with respect to
    x and context.
    """

    def __init__(self, flow: CompiledFlow) -> None:
        self.flow = flow
        self.features, self.context = flow.features, flow.context
        self.dtype = flow.dtype
        if self.dtype == np.float64 and not jax.config.jax_enable_x64:
            raise ValueError(
                "the flow is of float64, which JAX has only after jax.config.update('jax_enable_x64', True)")
        self._number = _register(str(flow.path), flow._artifact)
        self._log_prob = self._differentiable()

    def log_prob(self, x: Any, context: Any = None) -> Any:
        """log p(x | context) in nats, of the batch's shape."""
        rows, context, batch = self._inputs(x, context)
        return self._log_prob(rows, context).reshape(batch)

    def log_prob_and_grad(self, x: Any, context: Any = None) -> tuple[Any, ...]:
        """log p(x | context) and its gradients, a row for each row of the batch."""
        rows, context, batch = self._inputs(x, context)
        value, *gradients = self._gradient(rows, context)
        return value.reshape(batch), *(g.reshape(*batch, g.shape[-1]) for g in gradients)

    def transform(self, x: Any, context: Any = None) -> tuple[Any, Any]:
        """z = f(x | context) and log |det df/dx|."""
        return self._map("transform", x, context)

    def inverse(self, z: Any, context: Any = None) -> tuple[Any, Any]:
        """x with z = f(x | context) and log |det dx/dz|."""
        return self._map("inverse", z, context)

    def sample(self, key: Any, shape: tuple[int, ...] = (), context: Any = None) -> Any:
        """Samples of shape (*shape, *batch of the context, D) from a key of `jax.random`."""
        context = self._context(context)
        batch = () if context is None else context.shape[:-1]
        size = (*shape, *batch)
        rows = int(np.prod(size, dtype=np.int64))
        flat = None
        if context is not None:
            one = int(np.prod(batch, dtype=np.int64)) == 1
            whole = context if one else jnp.broadcast_to(context, (*size, self.context))
            flat = whole.reshape(-1, self.context)
        seed = jax.random.bits(key, (2,), jnp.uint32)
        return self._call("sample", rows, self._shapes(rows, [self.features, None]), seed, flat)[
            0].reshape(*size, self.features)

    # How calls are made.

    def _map(self, name: str, x: Any, context: Any) -> tuple[Any, Any]:
        rows, context, batch = self._inputs(x, context)
        y, ladj = _mergeable(partial(self._rows, name, [self.features, None]))(rows, context)
        return y.reshape(*batch, self.features), ladj.reshape(batch)

    def _gradient(self, x: Any, context: Any) -> Any:
        columns = [None, self.features] + ([self.context] if self.context else [])
        return _mergeable(partial(self._rows, "log_prob_gradient", columns))(x, context)

    def _differentiable(self) -> Any:
        """`log_prob` of rows with its derivative."""

        @jax.custom_jvp
        def log_prob(x: Any, context: Any) -> Any:
            return _mergeable(partial(self._rows, "log_prob", [None]))(x, context)[0]

        @log_prob.defjvp
        def _derivative(values: Any, tangents: Any) -> Any:
            value, *gradients = self._gradient(*values)
            slope = jnp.zeros_like(value)
            for gradient, tangent in zip(gradients, tangents, strict=False):
                slope = slope + (gradient * tangent).sum(-1)
            return value, slope

        return log_prob

    def _rows(self, name: str, columns: list[int | None], x: Any, context: Any) -> Any:
        return self._call(name, len(x), self._shapes(len(x), columns), x, context)

    def _shapes(self, rows: int, columns: list[int | None]) -> list[Any]:
        return [
            jax.ShapeDtypeStruct((rows,) if size is None else (rows, size), self.dtype)
            for size in columns]

    def _call(self, name: str, rows: int, shapes: list[Any], first: Any, context: Any) -> Any:
        arguments = (first,) if context is None else (first, context)
        return jax.ffi.ffi_call(TARGET, shapes, vmap_method="sequential")(
            *arguments, flow=np.int64(self._number), function=np.int64(FUNCTIONS.index(name)))

    def _context(self, context: Any) -> Any:
        if (context is None) != (self.context == 0):
            raise ValueError(
                "context is given, expected none, since the flow has no context" if context is not None
                else f"context is missing, expected the shape (…, {self.context})")
        if context is None:
            return None
        context = jnp.asarray(context, self.dtype)
        if context.ndim == 0 or context.shape[-1] != self.context:
            raise ValueError(
                f"context has the shape {context.shape}, expected (…, {self.context})")
        return context

    def _inputs(self, x: Any, context: Any) -> tuple[Any, Any, tuple[int, ...]]:
        """Rows (R, D) and contexts (R, C) or (1, C), and the shape of the batch."""
        x, context = self.flow._ordered(x, context)
        x, context = jnp.asarray(x, self.dtype), self._context(context)
        if x.ndim == 0 or x.shape[-1] != self.features:
            raise ValueError(f"x has the shape {x.shape}, expected (…, {self.features})")
        batch: tuple[int, ...] = x.shape[:-1]
        if context is None:
            return x.reshape(-1, self.features), None, batch
        several = context.shape[:-1]
        batch = np.broadcast_shapes(batch, several)
        x = jnp.broadcast_to(x, (*batch, self.features)).reshape(-1, self.features)
        if any(size != 1 for size in several):
            context = jnp.broadcast_to(context, (*batch, self.context))
        return x, context.reshape(-1, self.context), batch


def _mergeable(function: Any) -> Any:
    """A function of rows for which `vmap` makes one call with more rows.

    A context that all elements share stays one row.
    """
    wrapped = jax.custom_batching.custom_vmap(lambda x, context: tuple(function(x, context)))

    @wrapped.def_vmap
    def _batched(size: int, is_batched: Any, x: Any, context: Any) -> Any:
        x = x if is_batched[0] else jnp.broadcast_to(x, (size, *x.shape))
        count = x.shape[1]
        if context is not None:
            if is_batched[1]:
                context = jnp.broadcast_to(context, (size, count, context.shape[-1]))
            elif len(context) > 1:
                context = jnp.broadcast_to(context, (size, *context.shape))
            context = context.reshape(-1, context.shape[-1])
        results = wrapped(x.reshape(size * count, x.shape[-1]), context)
        shaped = tuple(one.reshape(size, count, *one.shape[1:]) for one in results)
        return shaped, (True,) * len(shaped)

    return wrapped
