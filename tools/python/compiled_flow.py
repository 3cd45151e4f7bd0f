"""A compiled flow (`flowir compile`) as functions of NumPy arrays."""

import ctypes
import subprocess

import numpy as np


class CompiledFlow:
    """The shared object of a model file: what its functions give, with each row's own context or one.

    The gradient with respect to parameters is that of `flowir gradient`, which is not in it.
    """

    def __init__(self, flowir, model, path, dtype, features, functions):
        subprocess.run(
            [flowir, "compile", model, "--output", path, "--dtype", dtype, "--function",
             ",".join(functions)], check=True)
        self.library = ctypes.CDLL(path)
        self.dtype = np.dtype("f4" if dtype == "f32" else "f8")
        self.features = features
        self.library.flowir_last_error.restype = ctypes.c_char_p

    def _call(self, name, *arguments):
        values = [
            argument.ctypes.data_as(ctypes.c_void_p) if isinstance(argument, np.ndarray) else
            argument for argument in arguments]
        if getattr(self.library, "flowir_" + name)(*values):
            raise RuntimeError(self.library.flowir_last_error().decode())

    def _context(self, context):
        if context is None:
            return None, ctypes.c_int64(0)
        context = np.ascontiguousarray(context, self.dtype)
        return context, ctypes.c_int64(len(context))

    def log_prob(self, x, context=None):
        """The log-density of each row."""
        x = np.ascontiguousarray(x, self.dtype)
        result = np.empty(len(x), self.dtype)
        context, context_rows = self._context(context)
        self._call("log_prob", x, context, ctypes.c_int64(len(x)), context_rows, result)
        return result.astype("f8")

    def map(self, name, x, context=None):
        """The rows transformed, or their inverse, and the log-determinants."""
        x = np.ascontiguousarray(x, self.dtype)
        result, ladj = np.empty_like(x), np.empty(len(x), self.dtype)
        context, context_rows = self._context(context)
        self._call(name, x, context, ctypes.c_int64(len(x)), context_rows, result, ladj)
        return result.astype("f8"), ladj.astype("f8")

    def sample(self, seed, rows, context=None):
        """Samples and their log-densities."""
        x, log_prob = np.empty((rows, self.features), self.dtype), np.empty(rows, self.dtype)
        context, context_rows = self._context(context)
        self._call("sample", ctypes.c_uint64(seed), ctypes.c_int64(0), context,
                   ctypes.c_int64(rows), context_rows, x, log_prob)
        return x.astype("f8"), log_prob.astype("f8")
