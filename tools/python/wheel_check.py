"""Checks an installed flowir: trains, compiles, scores and samples flows, and says how fast.

usage: wheel_check.py [--expect-no-compiler]

Needs nothing but the package. Used by tools/wheel/check.
"""

import sys
import time

import numpy as np

import flowir

FLOWS = {
    "NSF": flowir.NSF(6, transforms=3, hidden_features=[64, 64]),
    "MAF": flowir.MAF(6, transforms=5, hidden_features=[100, 100]),
}


def rate(call, rows):
    """Millions of rows a second: the median of seven passes."""
    call()
    passes = []
    for _ in range(7):
        start = time.perf_counter()
        call()
        passes.append(rows / (time.perf_counter() - start) / 1e6)
    return sorted(passes)[3]


def main():
    generator = np.random.default_rng(1)
    x = generator.standard_normal((2_000, 6)).astype("f4")
    if "--expect-no-compiler" in sys.argv:
        try:
            FLOWS["NSF"].fit(x, epochs=1)
        except flowir.Error as error:
            assert "pip install 'flowir[compiler]'" in str(error), error
            print("without a compiler:", error)
            return
        sys.exit("flowir: a flow was compiled, though there should be no compiler")
    for name, architecture in FLOWS.items():
        start = time.perf_counter()
        flow = architecture.fit(x, epochs=2, seed=1, threads=1)
        seconds = time.perf_counter() - start
        exact = flowir.compile(flow, dtype="float64")
        error = np.abs(flow.log_prob(x) - exact.log_prob(x)).max()
        assert error < 1e-3, f"{name}: float32 and float64 differ by {error}"
        z, ladj = exact.transform(x, return_ladj=True)
        normal = -0.5 * (z**2).sum(1) - 3 * np.log(2 * np.pi)
        np.testing.assert_allclose(exact.log_prob(x), normal + ladj, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(exact.inverse(z), x, rtol=1e-5, atol=1e-5)
        two = flow.with_threads(2)
        assert np.array_equal(two.log_prob(x), flow.log_prob(x)), f"{name}: two threads have other bits"
        rows = generator.standard_normal((100_000, 6)).astype("f4")
        for function, call in {
            "log_prob": lambda: flow.log_prob(rows),
            "sample": lambda: flow.sample(len(rows), seed=1),
            "gradient": lambda: flow.log_prob_and_grad(rows),
        }.items():
            print(f"{name} {function} {rate(call, len(rows)):.3f} M rows/s")
        print(f"{name}: trained and compiled in {seconds:.0f} s; float32 differs by {error:.1e} nats")


if __name__ == "__main__":
    main()
