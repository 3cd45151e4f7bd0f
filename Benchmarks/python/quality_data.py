"""The tables of the quality benchmark, split into rows for training, validation and test.

All come with packages of pip. scikit-learn's wheel carries breast cancer, wine, digits and two photographs;
PZFlow's carries galaxies and a checkerboard. sbibm's tasks are simulated here by the definitions in its release
1.1.0 (two moons, SLCP and the Gaussian mixture), because the package needs versions of PyTorch's neighbours
that are years old.

The rows of every library are the same, in the same units: each column minus its mean, divided by its standard
deviation, both of the training rows, in float64 and then narrowed. `log_scale` is what a log-density in these
units differs by from one in the data's own units.
"""

import os
from importlib.util import find_spec

import numpy as np

# Rows for training, validation and test. Those for training are whole batches, since PyTorch compiles a step
# for one number of rows.
ROWS = {
    "cancer": (384, 92, 93), "wine": (128, 25, 25), "digits": (1280, 258, 259),
    "patches": (12800, 2560, 5120), "galaxies": (10240, 4096, 8192), "checkerboard": (10240, 4096, 8192),
}
SIMULATED = (10000, 2000, 4000)


def cancer(random):
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer().data, None


def wine(random):
    from sklearn.datasets import load_wine

    return load_wine().data, None


def digits(random):
    """Grey levels from 0 to 16 with uniform noise, as logits of 0.05 + 0.9 x (RealNVP, MAF)."""
    from sklearn.datasets import load_digits

    data = load_digits().data
    data = 0.05 + 0.9 * (data + random.uniform(size=data.shape)) / 17
    return np.log(data) - np.log1p(-data), None


def patches(random):
    """8×8 patches of two photographs, made as those of BSDS300 (Zoran and Weiss): grey levels with uniform
    noise, minus the mean of the patch, without the last pixel."""
    from sklearn.datasets import load_sample_images

    rows = sum(ROWS["patches"])
    found = []
    for image in load_sample_images().images:
        grey = image.mean(axis=2)
        windows = np.lib.stride_tricks.sliding_window_view(grey, (8, 8))
        at = random.integers(0, windows.shape[:2], (rows // 2, 2))
        found.append(windows[at[:, 0], at[:, 1]].reshape(-1, 64))
    data = np.concatenate(found)
    data = (data + random.uniform(size=data.shape)) / 256
    return (data - data.mean(axis=1, keepdims=True))[:, :63], None


def of_pzflow(name):
    import pandas

    spec = find_spec("pzflow")
    if spec is None:
        raise SystemExit("the tables of PZFlow are missing: pip install --no-deps pzflow==4.0.0")
    folder = os.path.join(spec.submodule_search_locations[0], "example_files")
    return pandas.read_pickle(os.path.join(folder, name + "-data.pkl")).to_numpy("f8"), None


def two_moons(random):
    rows = sum(SIMULATED)
    theta = random.uniform(-1, 1, (rows, 2))
    angle = random.uniform(-np.pi / 2, np.pi / 2, rows)
    radius = random.normal(0.1, 0.01, rows)
    crescent = np.stack([np.cos(angle) * radius + 0.25, np.sin(angle) * radius], axis=1)
    shift = np.stack([-np.abs(theta[:, 0] + theta[:, 1]), theta[:, 1] - theta[:, 0]], axis=1)
    return theta, crescent + shift / np.sqrt(2)


def slcp(random):
    rows = sum(SIMULATED)
    theta = random.uniform(-3, 3, (rows, 5))
    first, second = theta[:, 2] ** 2, theta[:, 3] ** 2
    rho = np.tanh(theta[:, 4])
    noise = random.normal(size=(rows, 4, 2))
    x = np.empty((rows, 4, 2))
    x[:, :, 0] = theta[:, :1] + first[:, None] * noise[:, :, 0]
    mixed = rho[:, None] * noise[:, :, 0] + np.sqrt(1 - rho**2)[:, None] * noise[:, :, 1]
    x[:, :, 1] = theta[:, 1:2] + second[:, None] * mixed
    return theta, x.reshape(rows, 8)


def gaussian_mixture(random):
    rows = sum(SIMULATED)
    theta = random.uniform(-10, 10, (rows, 2))
    scale = np.where(random.uniform(size=(rows, 1)) < 0.5, 1, 0.1)
    return theta, theta + scale * random.normal(size=(rows, 2))


TABLES = {
    "cancer": cancer, "wine": wine, "digits": digits, "patches": patches,
    "galaxies": lambda random: of_pzflow("galaxy"),
    "checkerboard": lambda random: of_pzflow("checkerboard"),
    "sbibm-two-moons": two_moons, "sbibm-slcp": slcp, "sbibm-gaussian-mixture": gaussian_mixture,
}


def standardised(values, rows):
    """Values in units of the first `rows` rows, and those units."""
    scale = values[:rows].std(axis=0)
    scale[scale == 0] = 1
    return ((values - values[:rows].mean(axis=0)) / scale).astype("f4"), scale


def load(name):
    """The parts of a table: x and context of `train`, `validation` and `test`, and `log_scale`."""
    random = np.random.default_rng(1)
    x, context = TABLES[name](random)
    parts = ROWS.get(name, SIMULATED)
    order = random.permutation(len(x))[: sum(parts)]
    x, scale = standardised(x[order], parts[0])
    result = {"log_scale": float(np.log(scale).sum())}
    if context is not None:
        context, _ = standardised(context[order], parts[0])
    start = 0
    for part, count in zip(("train", "validation", "test"), parts):
        result[part] = x[start: start + count]
        if context is not None:
            result[part + "_context"] = context[start: start + count]
        start += count
    return result


def standard_normal(x):
    """The mean log-density of rows under the flow that does nothing."""
    x = x.astype("f8")
    return float((-0.5 * (x**2 + np.log(2 * np.pi))).sum(axis=1).mean())
