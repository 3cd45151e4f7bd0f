"""Times Zuko on PyTorch: eager, under torch.compile or under AOTInductor.

usage: peer_zuko.py REQUEST      a JSON object, see `suite.py`; prints one line of JSON

The code is compiled once, for as many threads as it is given at run time
(`cpp.dynamic_threads`), so that one and two threads run the same code.
"""

import json
import sys
import tempfile
import time
import warnings

import torch
import zuko

from timing import fastest_size, measure

SIZES = [1024, 4096, 16384, 65536]


class LogProb(torch.nn.Module):
    def __init__(self, flow):
        super().__init__()
        self.flow = flow

    def forward(self, x, c=None):
        return self.flow(c).log_prob(x)


class Sample(torch.nn.Module):
    """The inverse of standard normal numbers; drawing them is not counted."""

    def __init__(self, flow):
        super().__init__()
        self.flow = flow

    def forward(self, z, c=None):
        return self.flow(c).transform.inv(z)


def ahead_of_time(module, example):
    with torch.no_grad():
        program = torch.export.export(module, example, strict=False)
        path = tempfile.mkdtemp() + "/flow.pt2"
        torch._inductor.aoti_compile_and_package(
            program, package_path=path, inductor_configs={"freezing": True})
    return torch._inductor.aoti_load_package(path)


def main(request):
    warnings.filterwarnings("ignore")
    import torch._inductor.config as inductor

    inductor.cpp.dynamic_threads = True
    torch.distributions.Distribution.set_default_validate_args(False)
    threads, peer, kind = request["threads"], request["peer"], request["kind"]
    torch.set_num_threads(max(threads))
    torch.manual_seed(1)
    arguments = dict(request["flow"])
    flow = getattr(zuko.flows, arguments.pop("type"))(**arguments)
    features, context = arguments["features"], arguments.get("context", 0)

    def batch(rows):
        x = torch.rand(rows, features) * 4 - 2
        return (x, torch.rand(rows, context) * 4 - 2) if context else (x,)

    result = {"rates": {}}
    if kind == "train":
        rows = request["batch"]
        data = batch(rows)
        # AdamW and Adam cost the same; `fused` is PyTorch's fastest.
        optimizer = torch.optim.AdamW(flow.parameters(), lr=1e-4, fused=True)

        def loss(*inputs):
            return -LogProb.forward(wrapped, *inputs).mean()

        wrapped = LogProb(flow)
        if peer == "compile":
            loss = torch.compile(loss, dynamic=False)

        def call():
            optimizer.zero_grad()
            loss(*data).backward()
            optimizer.step()

        items = 1
    else:
        module = (LogProb if kind == "log_prob" else Sample)(flow).eval()
        flow.requires_grad_(False)

        def eager_call(size):
            data = batch(size)
            return lambda: module(*data)

        with torch.no_grad():
            rows = request.get("rows") or fastest_size(SIZES, eager_call)
        data = batch(rows)
        items = rows
        run = module
        start = time.perf_counter()
        if peer == "aot":
            run = ahead_of_time(module, data)
            result["compile_seconds"] = time.perf_counter() - start
        elif peer == "compile":
            run = torch.compile(module, dynamic=False)

        def call():
            with torch.no_grad():
                run(*data)

    if peer == "compile":
        start = time.perf_counter()
        call()
        result["compile_seconds"] = time.perf_counter() - start
    result["rows"] = rows
    for count in threads:
        torch.set_num_threads(count)
        result["rates"][str(count)] = measure(call, items, request["passes"], request["seconds"])
    print(json.dumps(result))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
