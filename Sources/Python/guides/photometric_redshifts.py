# %% [markdown]
# # Photometric redshifts: p(z | magnitudes) for a catalogue
#
# A galaxy's redshift is measured exactly by a spectrum, which is expensive, and roughly from its magnitudes in
# six bands. A conditional flow learns the density of the redshift given the magnitudes from galaxies that
# have both, and gives every other galaxy a density of its own, with all its peaks.
#
#     pip install flowir matplotlib
#     python photometric_redshifts.py GALAXIES.npy [FOLDER FOR THE PICTURE]
#
# The table has the columns redshift, u, g, r, i, z, y; the repository's is `Sources/Examples/Galaxies/galaxies.npy`.

# %%
import sys
from pathlib import Path

import matplotlib
import numpy as np

import flowir

matplotlib.use("Agg")
import matplotlib.pyplot as plt

table = np.load(sys.argv[1]).astype(np.float32)
folder = Path(sys.argv[2] if len(sys.argv) > 2 else ".")
rows = np.random.default_rng(0).permutation(len(table))
held_out, training = table[rows[:5_000]], table[rows[5_000:45_000]]

# %% [markdown]
# ## Units
#
# Networks learn best from numbers near 1, so both sides are standardised by the training rows. A density in
# these units is divided by the redshift's deviation to become one in redshift.

# %%
mean, deviation = training.mean(axis=0), training.std(axis=0)


def standardized(galaxies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The redshifts as rows of one feature, and the magnitudes as their context."""
    scaled = (galaxies - mean) / deviation
    return scaled[:, :1], scaled[:, 1:]


z, magnitudes = standardized(training)
z_test, magnitudes_test = standardized(held_out)

# %% [markdown]
# ## Train
#
# Natively: `fit` needs no PyTorch. It keeps the parameters that were best on the rows held out.

# %%
flow = flowir.NSF(features=1, context=6, transforms=2, hidden_features=[64, 64], bins=12)
flow = flow.fit(z, magnitudes, validation=0.1, epochs=8, batch_size=512, seed=1)
score = flow.log_prob(z_test, magnitudes_test) - np.log(deviation[0])
print(f"held-out log-density of the true redshift: {score.mean():.2f} nats")

# %% [markdown]
# ## A point estimate and its error
#
# 200 draws for each galaxy, five thousand galaxies: a million draws.

# %%
draws = flow.sample(200, magnitudes_test, seed=2)[..., 0] * deviation[0] + mean[0]
truth = held_out[:, 0]
estimate = np.median(draws, axis=0)
scatter = (estimate - truth) / (1 + truth)
print(
    f"normalised median absolute deviation {1.4826 * np.median(np.abs(scatter)):.4f}, "
    f"outliers beyond 0.15: {np.mean(np.abs(scatter) > 0.15):.2%}"
)

# %% [markdown]
# ## Is it calibrated?
#
# If the densities are right, the share of draws below the true redshift is uniform over galaxies.

# %%
pit = (draws < truth).mean(axis=0)
deciles = np.histogram(pit, bins=10, range=(0, 1))[0] / len(pit)
print("share of galaxies in each tenth:", " ".join(f"{share:.3f}" for share in deciles))

# %% [markdown]
# ## Densities of single galaxies

# %%
axis = np.linspace(0, 3, 600, dtype=np.float32)
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
left.hexbin(truth, estimate, gridsize=80, bins="log", cmap="magma", extent=(0, 2.5, 0, 2.5))
left.plot([0, 2.5], [0, 2.5], color="white", lw=0.8)
left.set(xlabel="true redshift", ylabel="median of p(z | magnitudes)", aspect="equal")
for galaxy in np.argsort(truth)[500::900][:5]:
    points = ((axis - mean[0]) / deviation[0])[:, None]
    density = np.exp(flow.log_prob(points, magnitudes_test[galaxy])) / deviation[0]
    (line,) = middle.plot(axis, density)
    middle.axvline(truth[galaxy], color=line.get_color(), ls=":")
middle.set(xlabel="redshift", ylabel="density", title="five galaxies; dotted: the truth")
right.stairs(deciles, np.linspace(0, 1, 11), fill=True, alpha=0.6)
right.axhline(0.1, color="black", lw=0.8)
right.set(xlabel="share of draws below the truth", ylabel="share of galaxies", ylim=(0, 0.2))
figure.savefig(folder / "redshifts.png", dpi=120)
