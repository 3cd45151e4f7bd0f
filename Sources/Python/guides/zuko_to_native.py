# %% [markdown]
# # From a Zuko flow to a million rows a second
#
# A flow is trained in PyTorch as always. `flowir.compile` turns the trained flow into native code, which
# gives the same numbers, scores and samples faster, and is saved as one file that needs no PyTorch.
#
#     pip install flowir zuko matplotlib
#     python zuko_to_native.py [FOLDER FOR THE PICTURE]

# %%
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import torch
import zuko

import flowir

matplotlib.use("Agg")
import matplotlib.pyplot as plt

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
torch.manual_seed(0)

# %% [markdown]
# ## Train in PyTorch
#
# Two half moons, and a neural spline flow with Zuko's defaults.


# %%
def moons(rows: int) -> torch.Tensor:
    """Points of two interleaving half circles, with noise of 0.1."""
    angle = torch.pi * torch.rand(rows)
    side = torch.randint(2, (rows,)) * 2 - 1
    x = torch.stack((side * (torch.cos(angle) - 0.5), side * (torch.sin(angle) - 0.25)), dim=1)
    return x + 0.1 * torch.randn(rows, 2)


zuko_flow = zuko.flows.NSF(features=2, transforms=3, hidden_features=(64, 64))
optimizer = torch.optim.Adam(zuko_flow.parameters(), lr=2e-3)
for step in range(300):
    loss = -zuko_flow().log_prob(moons(256)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"trained: {-loss.item():.2f} nats on the last batch")

# %% [markdown]
# ## Compile
#
# `compile` reads the architecture and the parameters from the live flow, and compares the result with the
# flow on 64 rows before it returns. A second call takes the code from the cache.

# %%
flow = flowir.compile(zuko_flow)
x = moons(100_000)
with torch.no_grad():
    expected = zuko_flow().log_prob(x)
found = flow.log_prob(x)
error = (found - expected).abs().max().item()
print(f"largest difference of log-densities in float32: {error:.1e} nats")

# %% [markdown]
# ## Measure
#
# The best of two runs of each. PyTorch takes one pass through the network for each feature when it
# samples; the compiled flow computes each unit once.


# %%
def rate(call, rows: int) -> float:
    """Rows a second of a call, the best of two."""
    best = float("inf")
    for _ in range(2):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return rows / best


with torch.no_grad():
    rates = {
        "log_prob": (rate(lambda: zuko_flow().log_prob(x), len(x)), rate(lambda: flow.log_prob(x), len(x))),
        "sample": (
            rate(lambda: zuko_flow().sample((len(x),)), len(x)),
            rate(lambda: flow.sample(len(x), seed=1), len(x)),
        ),
    }
for name, (torch_rate, native_rate) in rates.items():
    print(
        f"{name:9} PyTorch {torch_rate / 1e6:6.2f} M rows/s   compiled {native_rate / 1e6:6.2f} M rows/s   "
        f"x {native_rate / torch_rate:.0f}"
    )

# %% [markdown]
# ## Keep it
#
# The shared object holds code and parameters. Python loads it without a compiler and without PyTorch; so does
# any language that can call C.

# %%
library = folder / "libmoons.so"
flow.save(library)
again = flowir.compile(library)
assert np.array_equal(again.log_prob(x.numpy()), found.numpy())
print(f"{library.name}: {library.stat().st_size / 1024:.0f} KB")

# %% [markdown]
# ## Look at it

# %%
axis = np.linspace(-2.5, 2.5, 400, dtype=np.float32)
grid = np.stack(np.meshgrid(axis, axis), axis=-1)
density = np.exp(again.log_prob(grid))
draws = again.sample(2_000, seed=2)
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), sharex=True, sharey=True, layout="constrained")
left.imshow(density, extent=(-2.5, 2.5, -2.5, 2.5), origin="lower", cmap="magma")
left.set(title="Density", xlabel="$x_1$", ylabel="$x_2$", xlim=(-2.5, 2.5), ylim=(-2.5, 2.5))
right.scatter(*draws.T, s=3, alpha=0.5)
right.set(title="2,000 draws", xlabel="$x_1$", aspect="equal")
figure.savefig(folder / "moons.png", dpi=120)
