# %% [markdown]
# # sbi in seconds
#
# A posterior that sbi trained is compiled, and takes the place of sbi's own in its diagnostics and plots: a
# million draws, and simulation-based calibration of a thousand observations, take seconds.
#
#     pip install flowir sbi
#     python sbi_in_seconds.py [FOLDER FOR THE PICTURE]

# %%
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import torch
from sbi.diagnostics import check_sbc, run_sbc
from sbi.inference import NPE
from sbi.utils import BoxUniform

import flowir.sbi

matplotlib.use("Agg")
import matplotlib.pyplot as plt

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
torch.manual_seed(0)

# %% [markdown]
# ## Simulate and train
#
# The parameters of a damped oscillation, from five noisy measurements of it.

# %%
times = torch.linspace(0.5, 4, 5)
prior = BoxUniform(torch.tensor([0.5, 0.1]), torch.tensor([2.0, 1.0]))


def simulate(theta: torch.Tensor) -> torch.Tensor:
    """Positions at five times for frequencies and dampings, with noise of 0.1."""
    frequency, damping = theta[:, :1], theta[:, 1:]
    return torch.exp(-damping * times) * torch.cos(frequency * times) + 0.1 * torch.randn(len(theta), 5)


theta = prior.sample((4_000,))
inference = NPE(prior, density_estimator="maf", show_progress_bars=False)
inference.append_simulations(theta, simulate(theta)).train(max_num_epochs=25)
posterior = inference.build_posterior()

# %% [markdown]
# ## Compile
#
# `flowir.sbi.posterior` gives a posterior of sbi around the compiled estimator: with the prior's support,
# rejection and the correction of leakage.

# %%
fast = flowir.sbi.posterior(posterior)
truth = torch.tensor([[1.3, 0.4]])
observed = simulate(truth)
start = time.perf_counter()
draws = fast.sample((1_000_000,), x=observed, show_progress_bars=False)
seconds = time.perf_counter() - start
print(f"a million draws in {seconds:.2f} s: mean {draws.mean(0).tolist()}, truth {truth[0].tolist()}")
start = time.perf_counter()
slow = posterior.sample((20_000,), x=observed, show_progress_bars=False)
print(
    f"sbi's own: {20_000 / (time.perf_counter() - start):.0f} draws a second, "
    f"compiled: {1_000_000 / seconds:.0f}"
)
assert torch.allclose(slow.mean(0), draws.mean(0), atol=0.02)

# %% [markdown]
# ## Is it calibrated?
#
# 500 observations with 1,000 draws each. Small p-values say that ranks are not uniform.

# %%
thetas = prior.sample((500,))
observations = simulate(thetas)
start = time.perf_counter()
ranks, dap_samples = run_sbc(
    thetas, observations, fast, num_posterior_samples=1_000, show_progress_bar=False
)
print(f"calibration in {time.perf_counter() - start:.1f} s")
checks = check_sbc(ranks, thetas, dap_samples, num_posterior_samples=1_000)
print("p-values of uniform ranks:", [round(p, 3) for p in checks["ks_pvals"].tolist()])

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.hist2d(*draws.T.numpy(), bins=100, range=((0.5, 2.0), (0.1, 1.0)), cmap="magma")
left.plot(*truth[0].numpy(), "+", color="white", ms=14)
left.set(xlabel="frequency", ylabel="damping", title="posterior of one observation; +: the truth")
bins = np.linspace(0, 1_000, 11)
for rank, name in zip(ranks.T.numpy(), ("frequency", "damping")):
    right.stairs(np.histogram(rank, bins)[0], bins, label=name)
right.axhline(len(thetas) / 10, color="black", lw=0.8)
right.set(xlabel="rank of the truth among 1,000 draws", ylabel="observations", ylim=(0, None))
right.legend()
figure.savefig(folder / "calibration.png", dpi=120)
