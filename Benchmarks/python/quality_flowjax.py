"""Training of flowjax's flows for `quality_worker.py`, with a jitted step and a jitted mean.

What `peer_flowjax.py` says of how flows are matched holds here too; a coupling NSF is `coupling_flow` with
the spline, NICE as Zuko has it (affine) is `coupling_flow`. flowjax's flows begin with its own values.
"""

import os


class Training:
    def __init__(self, request, data):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: request["threads"]])
        import equinox as eqx
        import jax
        import jax.numpy as jnp
        import optax
        from paramax import NonTrainable, unwrap

        self.request = request
        self.data = {name: jnp.asarray(rows) for name, rows in data.items()}
        self.partition = lambda flow: eqx.partition(
            flow, eqx.is_inexact_array, is_leaf=lambda leaf: isinstance(leaf, NonTrainable))
        self.optimizer = optax.adam(request["learning_rate"])
        self.jax, self.is_array, self.first = jax, eqx.is_array, None
        optimizer = self.optimizer

        def mean(params, static, x, c):
            return unwrap(eqx.combine(
                params, static, is_leaf=lambda leaf: isinstance(leaf, NonTrainable))
            ).log_prob(x, c).mean()

        @eqx.filter_jit
        def step(params, static, state, x, c, rows):
            gradient = eqx.filter_grad(
                lambda *given: -mean(*given))(params, static, x[rows], None if c is None else c[rows])
            updates, state = optimizer.update(gradient, state, params)
            return eqx.apply_updates(params, updates), state

        self.step, self.mean = step, eqx.filter_jit(mean)

    def start(self, seed):
        """The flow that a seed begins with."""
        from peer_flowjax import build

        return build(self.request["flow"], seed)

    def begin(self, seed):
        # Functions stay those of the first flow, since a step is compiled for them; arrays are the new flow's.
        leaves, structure = self.jax.tree.flatten(self.start(seed))
        if self.first is None:
            self.first = leaves, structure
        kept, structure = self.first
        flow = self.jax.tree.unflatten(structure, [
            new if self.is_array(new) else old for new, old in zip(leaves, kept, strict=True)])
        self.params, self.static = self.partition(flow)
        self.state = self.optimizer.init(self.params)

    def epoch(self, order):
        x, c = self.data["train"], self.data.get("train_context")
        batch = self.request["batch"]
        for start in range(0, len(order), batch):
            self.params, self.state = self.step(
                self.params, self.static, self.state, x, c, order[start: start + batch])
        self.jax.block_until_ready(self.params)

    def log_prob(self, part):
        return float(self.mean(
            self.params, self.static, self.data[part], self.data.get(part + "_context")))

    def keep(self):
        self.best = self.params

    def restore(self):
        self.params = self.best
