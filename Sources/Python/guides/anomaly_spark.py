# %% [markdown]
# # Anomaly scores for a Parquet lake with Spark
#
# A flow learns the density of a survey's galaxies. Spark's executors score a partitioned lake with it: rows to
# which the flow gives a low density are unlike what it has seen. Some rows are spoilt on purpose here, so that
# we can count how many of them are found.
#
#     pip install 'flowir[tables]' pyspark matplotlib
#     python anomaly_spark.py GALAXIES.npy [FOLDER FOR THE LAKE AND THE PICTURE]
#
# The table has the columns redshift, u, g, r, i, z, y; the repository's is `Sources/Examples/Galaxies/galaxies.npy`.

# %%
import os
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyspark
from pyspark.sql import SparkSession

import flowir
import flowir.spark

matplotlib.use("Agg")
import matplotlib.pyplot as plt

magnitudes = np.load(sys.argv[1])[:, 1:]
folder = Path(sys.argv[2] if len(sys.argv) > 2 else ".").resolve()
generator = np.random.default_rng(0)

# %% [markdown]
# ## A lake with a few spoilt rows
#
# Eight nights of 10,000 galaxies, a file each. In 200 galaxies one band is wrong by 0.6 to 1.2 magnitudes, as
# by a cosmic ray or a bad match. Galaxies are so diverse that few of these stand out in any one column. 300
# galaxies lack a band, which is a null.

# %%
bands = "ugrizy"
rows = generator.permutation(len(magnitudes))
training, survey = magnitudes[rows[:20_000]], magnitudes[rows[20_000:]].copy()
spoilt = generator.choice(len(survey), 200, replace=False)
offset = generator.uniform(0.6, 1.2, 200) * generator.choice([-1, 1], 200)
survey[spoilt, generator.integers(0, 6, 200)] += offset
clean = np.setdiff1d(np.arange(len(survey)), spoilt)
incomplete = generator.choice(clean, 300, replace=False)
survey[incomplete, generator.integers(0, 6, 300)] = np.nan


def table(values: np.ndarray) -> pa.Table:
    """The i magnitude and the colours of adjacent bands; a band that is missing leaves nulls."""
    columns = {"i": values[:, 3]}
    for n in range(5):
        columns[f"{bands[n]}_{bands[n + 1]}"] = values[:, n] - values[:, n + 1]
    return pa.table({name: pa.array(one, from_pandas=True) for name, one in columns.items()})


lake = table(survey).append_column("id", pa.array(np.arange(len(survey))))
lake = lake.append_column("night", pa.array(np.arange(len(survey)) // 10_000))
pyarrow.dataset.write_dataset(
    lake, folder / "lake", format="parquet", partitioning=["night"], partitioning_flavor="hive",
    existing_data_behavior="delete_matching")

# %% [markdown]
# ## Train
#
# On galaxies that are not in the lake, in units of their standard deviation. A flow takes what it is given as
# features, so the lake's columns are brought to the same units: by Spark, in its own expressions.

# %%
known = table(training)
mean = {name: np.mean(known[name].to_numpy()) for name in known.column_names}
deviation = {name: np.std(known[name].to_numpy()) for name in known.column_names}
scaled = pa.table({
    name: (known[name].to_numpy() - mean[name]) / deviation[name] for name in known.column_names})
flow = flowir.NSF(features=6, transforms=2, hidden_features=[64, 64]).fit(
    scaled, epochs=15, batch_size=512, seed=1)
print(f"held-out log-density: {flow.report['validation_log_likelihood']:.2f} nats; {flow.columns.x}")

# %% [markdown]
# ## A cluster
#
# Two workers of one core each on this machine, which are processes of their own. On a real cluster only the
# master's address differs: the workers need this package and a C compiler.

# %%
os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent))
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
os.environ.setdefault("SPARK_WORKER_DIR", str(folder / "work"))
spark = (
    SparkSession.builder.master("local-cluster[2,1,600]").appName("anomalies")
    .config("spark.executor.memory", "600m").config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false").config("spark.driver.host", "127.0.0.1").getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")

# %% [markdown]
# ## Score
#
# The model travels to the executors as bytes and is compiled once on each. The result is written as a lake
# with the same partitions.

# %%
galaxies = spark.read.parquet(str(folder / "lake"))
in_units = galaxies.select(
    "id", "night", *(
        ((galaxies[name] - float(mean[name])) / float(deviation[name])).cast("float").alias(name)
        for name in flow.columns.x))
start = time.perf_counter()
scored = flowir.spark.score(in_units, flow)
scored.write.partitionBy("night").parquet(str(folder / "scored"), mode="overwrite")
print(f"scored {galaxies.count()} rows on two executors in {time.perf_counter() - start:.1f} s")

# %% [markdown]
# A row's log-density depends on the row alone: what the executors found is what this process finds, to the bit.

# %%
scored = spark.read.parquet(str(folder / "scored"))
everything = scored.orderBy("id").toArrow()
x = np.column_stack([everything[name].to_numpy() for name in flow.columns.x])
here, there = flow.log_prob(x), everything["log_prob"].to_numpy()
assert np.array_equal(there, np.where(np.isnan(there), np.nan, here), equal_nan=True)
print(f"rows without a density: {np.isnan(there).sum()}")

# %% [markdown]
# ## What is unusual?
#
# The 400 rows with the lowest densities, 0.5 % of the lake. For comparison: the 400 rows that are farthest
# from the mean in any one column, as a cut in standard deviations would find them.

# %%
unusual = scored.where("log_prob is not null").orderBy("log_prob").limit(400)
lowest = unusual.toArrow()["id"].to_numpy()
farthest = np.argsort(-np.nan_to_num(np.abs(x).max(axis=1)))[:400]
print(f"spoilt rows among the 400 of lowest density: {np.isin(spoilt, lowest).sum()} of {len(spoilt)}")
print(f"spoilt rows among the 400 farthest in a column: {np.isin(spoilt, farthest).sum()}")
spark.stop()

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
ordinary = there[clean][~np.isnan(there[clean])]
edges = np.linspace(-40, np.nanmax(there), 80)
for values, label in ((ordinary, "as observed"), (there[spoilt], "spoilt")):
    left.hist(np.maximum(values, -40), edges, alpha=0.7, label=label, log=True)
left.axvline(np.nanmax(there[lowest]), color="black", lw=0.8, ls=":")
left.set(xlabel="log-density in nats (−40 and less at the left)", ylabel="galaxies")
left.set_title("left of the dotted line: the 400 lowest")
left.legend()
colours = lake["g_r"].to_numpy(), lake["r_i"].to_numpy()
right.hexbin(
    *(one[clean] for one in colours), gridsize=90, bins="log", cmap="Greys", extent=(-0.5, 2.5, -0.7, 2))
for chosen, color, label in (
    (np.intersect1d(spoilt, lowest), "tab:red", "spoilt, found"),
    (np.setdiff1d(spoilt, lowest), "tab:blue", "spoilt, not found"),
):
    right.scatter(*(one[chosen] for one in colours), s=12, color=color, label=label)
right.set(xlabel="g − r", ylabel="r − i", xlim=(-0.5, 2.5), ylim=(-0.7, 2))
right.legend(loc="lower right")
figure.savefig(folder / "anomalies.png", dpi=120)
