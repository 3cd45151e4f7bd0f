"""Draws samples from a compiled flow and scores them, by ctypes and numpy.

usage: score.py ./libmodel.so [PREFIX]
"""

import ctypes
import json
import sys

import numpy as np

library = ctypes.CDLL(sys.argv[1])
prefix = sys.argv[2] if len(sys.argv) > 2 else "flowir"
floats = ctypes.POINTER(ctypes.c_float)
i64, u64 = ctypes.c_int64, ctypes.c_uint64


def function(name, restype=ctypes.c_int, *argtypes):
    found = getattr(library, f"{prefix}_{name}")
    found.restype, found.argtypes = restype, argtypes
    return found


description = json.loads(function("description", ctypes.c_char_p)())
last_error = function("last_error", ctypes.c_char_p)
sample = function("sample", ctypes.c_int, u64, i64, floats, i64, i64, floats, floats)
log_prob = function("log_prob", ctypes.c_int, floats, floats, i64, i64, floats)


def pointer(array):
    return None if array is None else array.ctypes.data_as(floats)


def check(status):
    if status:
        raise RuntimeError(last_error().decode())


rows, features, size = 1000, description["features"], description["context"]
context = np.zeros((1, size), np.float32) if size else None
contexts = 1 if size else 0
x = np.empty((rows, features), np.float32)
drawn, scored = np.empty(rows, np.float32), np.empty(rows, np.float32)
check(sample(1, 0, pointer(context), rows, contexts, pointer(x), pointer(drawn)))
check(log_prob(pointer(x), pointer(context), rows, contexts, pointer(scored)))
print(f"mean log-density   {scored.mean():.4f}")
np.testing.assert_allclose(scored, drawn, rtol=1e-3, atol=1e-3)
