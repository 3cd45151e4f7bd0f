"""Training of Zuko's flows for `quality_worker.py`: eager, or the loss under torch.compile."""

import copy

import torch
import zuko


class Training:
    def __init__(self, request, data):
        torch.distributions.Distribution.set_default_validate_args(False)
        torch.set_num_threads(request["threads"])
        self.request = request
        self.data = {name: torch.from_numpy(rows) for name, rows in data.items()}
        self.is_compiled = request["peer"] == "compile"
        self.flow = self.build(0)
        self.mean = torch.compile(self.eager_mean, dynamic=False) if self.is_compiled else self.eager_mean

    def build(self, seed):
        torch.manual_seed(seed)
        arguments = dict(self.request["flow"])
        return getattr(zuko.flows, arguments.pop("type"))(**arguments)

    def eager_mean(self, x, c):
        return self.flow(c).log_prob(x).mean()

    def start(self, seed):
        """The flow that a seed begins with."""
        return self.build(seed)

    def begin(self, seed):
        # Compiled code belongs to the flow that it was traced with: that one gets new values.
        self.flow.load_state_dict(self.build(seed).state_dict())
        self.optimizer = torch.optim.Adam(
            self.flow.parameters(), lr=self.request["learning_rate"], fused=True)

    def epoch(self, order):
        x, c = self.data["train"], self.data.get("train_context")
        batch = self.request["batch"]
        for rows in torch.from_numpy(order).split(batch):
            self.optimizer.zero_grad()
            loss = -self.mean(x[rows], None if c is None else c[rows])
            loss.backward()
            self.optimizer.step()

    def log_prob(self, part):
        # Test rows are scored once, so that code for their number need not be compiled.
        mean = self.eager_mean if part == "test" else self.mean
        with torch.no_grad():
            return float(mean(self.data[part], self.data.get(part + "_context")))

    def keep(self):
        self.best = copy.deepcopy(self.flow.state_dict())

    def restore(self):
        self.flow.load_state_dict(self.best)
