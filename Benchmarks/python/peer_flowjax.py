"""Times flowjax under jit on the flow that is closest to Zuko's.

usage: peer_flowjax.py REQUEST      a JSON object, see `suite.py`; prints one line of JSON

How it is matched: as many layers of the same kind with the same conditioner (ReLU, equal widths),
a permutation between layers, and the same context. MAF and NSF are `masked_autoregressive_flow`,
with an affine transformer or a rational quadratic spline on [-5, 5] with as many bins (8 bins are
7 inner knots); RealNVP, NICE and an NSF of two passes are `coupling_flow`. `invert=True` makes log_prob
the fast direction, as in Zuko's. Training is Adam of optax on the mean of -log p. XLA has no thread
count that can be set, so this process is bound to as many processors as it may use.
"""

import json
import os
import sys
import time

from timing import fastest_size, measure

SIZES = [1024, 4096, 16384, 65536]


def build(flow, seed=1):
    import jax
    import jax.numpy as jnp
    from flowjax.bijections import RationalQuadraticSpline
    from flowjax.distributions import Normal
    from flowjax.flows import coupling_flow, masked_autoregressive_flow

    widths = flow["hidden_features"]
    if len(set(widths)) != 1:
        raise ValueError(f"flowjax has one width for all layers, not {widths}")
    kinds = {"MAF": masked_autoregressive_flow, "NSF": masked_autoregressive_flow,
             "RealNVP": coupling_flow, "NICE": coupling_flow}
    kind = kinds[flow["type"]]
    if flow.get("passes") == 2:
        kind = coupling_flow
    transformer = None
    if flow["type"] == "NSF":
        transformer = RationalQuadraticSpline(knots=flow.get("bins", 8) - 1, interval=5)
    return kind(
        jax.random.key(seed), base_dist=Normal(jnp.zeros(flow["features"])), transformer=transformer,
        cond_dim=flow.get("context", 0) or None, flow_layers=flow["transforms"],
        nn_width=widths[0], nn_depth=len(widths))


def main(request):
    threads, kind = request["threads"][0], request["kind"]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    import equinox as eqx
    import jax
    import optax

    description = request["flow"]
    flow = build(description)
    features, context = description["features"], description.get("context", 0)

    def batch(rows):
        x = jax.random.uniform(jax.random.key(2), (rows, features), minval=-2, maxval=2)
        c = jax.random.uniform(jax.random.key(3), (rows, context), minval=-2, maxval=2)
        return (x, c) if context else (x, None)

    result = {"rates": {}}
    if kind == "train":
        from paramax import unwrap

        rows = request["batch"]
        x, c = batch(rows)
        params, static = eqx.partition(flow, eqx.is_inexact_array)
        optimizer = optax.adam(1e-4)
        state = optimizer.init(params)

        def loss(params, x, c):
            return -unwrap(eqx.combine(params, static)).log_prob(x, c).mean()

        @eqx.filter_jit(donate="all-except-first")
        def step(data, params, state):
            gradient = eqx.filter_grad(loss)(params, *data)
            updates, state = optimizer.update(gradient, state, params)
            return eqx.apply_updates(params, updates), state

        held = [params, state]

        def call():
            held[:] = step((x, c), *held)
            jax.block_until_ready(held[0])

        items = 1
    else:
        # Parameters are constants of the compiled function: its fastest form.
        if kind == "log_prob":
            run = jax.jit(lambda x, c: flow.log_prob(x, c))
        else:
            # The inverse of standard normal numbers; drawing them is not counted.
            from paramax import unwrap

            bijection = unwrap(flow.bijection)
            if context:
                run = jax.jit(jax.vmap(lambda z, c: bijection.transform(z, c)))
            else:
                run = jax.jit(jax.vmap(lambda z, c: bijection.transform(z), in_axes=(0, None)))

        def prepare(size):
            data = batch(size)
            return lambda: run(*data).block_until_ready()

        rows = request.get("rows") or fastest_size(SIZES, prepare)
        call, items = prepare(rows), rows
    start = time.perf_counter()
    call()
    result["compile_seconds"] = time.perf_counter() - start
    result["rows"] = rows
    result["rates"][str(threads)] = measure(call, items, request["passes"], request["seconds"])
    print(json.dumps(result))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
