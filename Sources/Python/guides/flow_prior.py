# %% [markdown]
# # A flow as a prior in PyMC and NumPyro
#
# A flow learns what galaxies look like. That density is then the prior of a Bayesian model of one faint galaxy,
# which was measured badly in three bands and not at all in the fourth. Hamiltonian Monte Carlo follows the
# compiled flow's gradient, in NumPyro and in PyMC, and both are compared with importance sampling.
#
#     pip install flowir numpyro pymc matplotlib
#     python flow_prior.py GALAXIES.npy [FOLDER FOR THE PICTURE]
#
# The table has the columns redshift, u, g, r, i, z, y; the repository's is `Sources/Examples/Galaxies/galaxies.npy`.

# %%
import sys
import time
from pathlib import Path

import jax
import matplotlib
import numpy as np
import numpyro
import pymc
import pytensor.tensor as pt
from numpyro import distributions as dist

import flowir

matplotlib.use("Agg")
import matplotlib.pyplot as plt

numpyro.enable_x64()
table = np.load(sys.argv[1]).astype(np.float64)
folder = Path(sys.argv[2] if len(sys.argv) > 2 else ".")
generator = np.random.default_rng(3)

# %% [markdown]
# ## The prior
#
# Four features of each galaxy: the i magnitude and three colours, in units of their standard deviation. HMC
# wants float64; training computes in float32.

# %%
names = ["i", "g − r", "r − i", "i − z"]
galaxies = np.column_stack([table[:, 4], *(table[:, n] - table[:, n + 1] for n in (2, 3, 4))])
galaxies = generator.permutation(galaxies)
held_out, training = galaxies[:1_000], galaxies[1_000:41_000]
mean, deviation = training.mean(axis=0), training.std(axis=0)
flow = flowir.NSF(features=4, transforms=2, hidden_features=[64, 64]).fit(
    (training - mean) / deviation, epochs=10, seed=1, threads=1,
    dtype="float64")
print(f"held-out log-density: {flow.report['validation_log_likelihood']:.2f} nats")

# %% [markdown]
# ## The measurements
#
# Five exposures of one galaxy in g, r and i, so that i − z is not measured. How large the errors are is not known
# either: it is a parameter of the model.

# %%
truth = (held_out[17] - mean) / deviation
measured = truth[:3] + 0.5 * generator.standard_normal((5, 3))

# %% [markdown]
# ## NumPyro
#
# `flow.numpyro()` is a distribution like any other; with a context it is conditional.


# %%
def model() -> None:
    """A galaxy of the population, measured with unknown errors."""
    x = numpyro.sample("x", flow.numpyro())
    noise = numpyro.sample("noise", dist.HalfNormal(1.0))
    numpyro.sample("measured", dist.Normal(x[:3], noise).to_event(1), obs=measured)


start = time.perf_counter()
chain = numpyro.infer.MCMC(
    numpyro.infer.NUTS(model), num_warmup=500, num_samples=6_000, progress_bar=False)
chain.run(jax.random.key(0))
by_numpyro = {name: np.asarray(values) for name, values in chain.get_samples().items()}
print(f"NumPyro: 6,500 steps in {time.perf_counter() - start:.1f} s")

# %% [markdown]
# ## PyMC
#
# `flow.pytensor()` is a function of PyTensor's variables, whose value is added to the model's log-density.

# %%
start = time.perf_counter()
with pymc.Model():
    x = pymc.Flat("x", shape=4)
    pymc.Potential("prior", flow.pytensor()(x))
    noise = pymc.HalfNormal("noise", 1.0)
    pymc.Normal("measured", pt.broadcast_to(x[:3], (5, 3)), noise, observed=measured)
    trace = pymc.sample(
        draws=6_000, tune=500, chains=1, cores=1, random_seed=2, progressbar=False,
        compute_convergence_checks=False, initvals={"x": np.zeros(4)})
by_pymc = {name: trace.posterior[name].values[0] for name in ("x", "noise")}
print(f"PyMC: 6,500 steps in {time.perf_counter() - start:.1f} s")

# %% [markdown]
# ## Is it right?
#
# Two million draws of the prior, weighted by their likelihood, have the moments of the posterior. With so few
# parameters this is a reference that no sampler can mislead; with many it would need too many draws.

# %%
draws = flow.sample(2_000_000, seed=3)
noises = np.abs(generator.standard_normal(len(draws)))
squares = ((measured - measured.mean(axis=0)) ** 2).sum()
squares = squares + 5 * ((draws[:, :3] - measured.mean(axis=0)) ** 2).sum(axis=1)
logarithms = -squares / (2 * noises**2) - measured.size * np.log(noises)
weights = np.exp(logarithms - logarithms.max())
weights /= weights.sum()
print(f"importance sampling: worth {1 / (weights**2).sum():.0f} draws of the posterior")


def moments(values: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The mean and standard deviation of each column."""
    middle = np.average(values, axis=0, weights=weights)
    return middle, np.sqrt(np.average((values - middle) ** 2, axis=0, weights=weights))


def parameters(samples: dict[str, np.ndarray]) -> np.ndarray:
    """The four features and the noise, as columns."""
    return np.column_stack([samples["x"], samples["noise"]])


expected = moments(np.column_stack([draws, noises]), weights)
columns = [expected, *(moments(parameters(one)) for one in (by_numpyro, by_pymc))]
print(f"{'mean ± deviation':18} {'importance':>16} {'NumPyro':>16} {'PyMC':>16}   truth")
for n, name in enumerate([*names, "noise"]):
    cells = " ".join(f"{middle[n]:7.3f} ± {spread[n]:6.3f}" for middle, spread in columns)
    print(f"{name:18} {cells}   {[*truth, 0.5][n]:.3f}")
for name, (middle, spread) in zip(("NumPyro", "PyMC"), columns[1:]):
    error = (np.abs(middle - expected[0]) / expected[1]).max()
    ratio = np.abs(spread / expected[1] - 1).max()
    print(f"{name}: means differ by {error:.3f} deviations, deviations by {ratio:.3f} of themselves")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")


def colour(values: np.ndarray, n: int) -> np.ndarray:
    """A feature in magnitudes."""
    return values[..., n] * deviation[n] + mean[n]


left.hexbin(
    colour(draws[:300_000], 1), colour(draws[:300_000], 2), gridsize=90, bins="log", cmap="Greys",
    extent=(-0.5, 2.2, -0.5, 1.6))
points = by_numpyro["x"]
left.scatter(colour(points, 1), colour(points, 2), s=2, alpha=0.3, color="tab:red", label="posterior, NumPyro")
left.scatter(colour(measured, 1), colour(measured, 2), marker="x", color="tab:blue", label="measurements")
left.plot(colour(truth, 1), colour(truth, 2), "*", color="gold", ms=16, mec="black", label="truth")
left.set(xlabel=names[1], ylabel=names[2], xlim=(-0.5, 2.2), ylim=(-0.5, 1.6))
left.set_title("two measured colours; grey: the prior")
left.legend(loc="lower right")
edges = np.linspace(-0.4, 1.3, 60)
right.hist(colour(draws, 3), edges, density=True, color="lightgrey", label="prior")
for values, given, label in (
    (draws, weights, "importance sampling"), (by_numpyro["x"], None, "NumPyro"), (by_pymc["x"], None, "PyMC"),
):
    right.hist(
        colour(values, 3), edges, weights=given, density=True, histtype="step", lw=1.5, label=label)
right.axvline(colour(truth, 3), color="black", ls=":", label="truth")
right.set(xlabel=names[3], ylabel="density", title="the colour that was not measured")
right.legend()
figure.savefig(folder / "posterior.png", dpi=120)
