"""What `quality.py` asks for a training run: flowir's command, and a process of each other library."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time

import numpy as np

PYTHON = os.path.dirname(os.path.abspath(__file__))


class Failure(Exception):
    """Why a library has no result, in a few words."""


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "rror: " in line]
    return (errors or lines or ["no output"])[-1][:300]


class Flowir:
    """Trains with `flowir train` from the model file of a flow and scores the test rows with `flowir score`.

    What a run takes apart from its epochs (starting, compiling with an empty cache, reading rows, the
    likelihoods at the end and writing the model) counts as its start.
    """

    def __init__(self, request, executable):
        self.request, self.executable, self.start_up = request, executable, None
        self.folder = tempfile.TemporaryDirectory(prefix="flowir-quality-")
        for name, rows in np.load(request["data"]).items():
            if rows.ndim == 2:
                np.save(self.path(name + ".npy"), rows)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run(self, *arguments):
        found = subprocess.run(
            [self.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "XDG_CACHE_HOME": self.path("cache")})
        if found.returncode:
            raise Failure(last_line(found.stderr))
        return found.stdout

    def train(self, seed, limit, start_model):
        request = self.request
        context = []
        if "context" in request["flow"]:
            context = ["--context-data", self.path("train_context.npy"), "--validation-context-data",
                       self.path("validation_context.npy")]
        start = time.perf_counter()
        self.run(
            "train", "--from", start_model, *context, "--data", self.path("train.npy"), "--validation-data",
            self.path("validation.npy"), "--epochs", str(request["epochs"]), "--batch-size",
            str(request["batch"]), "--learning-rate", str(request["learning_rate"]), "--schedule",
            "constant", "--seed", str(seed), "--threads", str(request["threads"]), "--log", self.path("log"),
            "--output", self.path("model.safetensors"))
        wall = time.perf_counter() - start
        with open(self.path("log")) as file:
            epochs = [json.loads(line) for line in file]
        if self.start_up is None:
            self.start_up = wall - epochs[-1]["seconds"]
        context = ["--context", self.path("test_context.npy")] if context else []
        self.run(
            "score", self.path("model.safetensors"), "--input", self.path("test.npy"), *context, "--output",
            self.path("log_prob.npy"))
        return {
            "validation": [epoch["validation_log_likelihood"] for epoch in epochs],
            "seconds": [epoch["seconds"] for epoch in epochs],
            "test": float(np.load(self.path("log_prob.npy")).astype("f8").mean())}

    def close(self):
        self.folder.cleanup()


class Worker:
    """A process of another library, which trains when it is told a seed."""

    def __init__(self, request, limit):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(PYTHON, "quality_worker.py"),
             json.dumps({**request, "began": time.time()})],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        try:
            self.start_up = self.answer(limit)["ready"]
        except Failure:
            self.close()
            raise

    def answer(self, limit):
        if not select.select([self.process.stdout], [], [], limit)[0]:
            self.process.kill()
            raise Failure(f">{limit:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            raise Failure(last_line(self.errors.read()))
        return json.loads(line)

    def train(self, seed, limit):
        return self.ask(f"{seed}", limit)

    def write_start(self, seed, path, limit):
        """Writes the flow that a seed begins with as a model file."""
        self.ask(f"{seed} {path}", limit)

    def ask(self, line, limit):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer(limit)

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.errors.close()
