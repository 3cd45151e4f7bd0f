"""A compiled flow as a module and a distribution of PyTorch."""

from __future__ import annotations

import copy
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flowir
import pytest

torch = pytest.importorskip("torch")
from zuko_cases import build  # noqa: E402


@pytest.fixture(scope="module")
def flow() -> flowir.CompiledFlow:
    return flowir.compile(build("NSF"), dtype="float64")


def test_it_is_a_module_and_a_distribution(flow: flowir.CompiledFlow) -> None:
    live, ours = build("NSF").double(), flow.torch()
    assert isinstance(ours, torch.nn.Module) and isinstance(ours, torch.distributions.Distribution)
    c, x = torch.randn(4, 2, dtype=torch.float64), torch.randn(5, 4, 3, dtype=torch.float64)
    for found, wanted in ((ours(c), live(c)), (ours(c).expand((5, 4)), live(c).expand((5, 4)))):
        assert found.batch_shape == wanted.batch_shape and found.event_shape == wanted.event_shape
        torch.testing.assert_close(found.log_prob(x), wanted.log_prob(x).detach())
        assert found.sample((2,)).shape == wanted.sample((2,)).shape
    alone = flowir.compile(build("NSF without context")).torch()
    assert alone.sample().shape == (3,) and alone.expand((4,)).sample((2,)).shape == (2, 4, 3)
    with pytest.raises(ValueError, match=r"expected \(…, 2\)"):
        ours(torch.randn(3))


def test_samples_follow_pytorchs_seed(flow: flowir.CompiledFlow) -> None:
    given = flow.torch(torch.zeros(2))
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append(given.sample((10,)))
    assert torch.equal(*draws) and not torch.equal(draws[0], given.sample((10,)))


def test_a_module_of_it_trains_what_gives_the_context(flow: flowir.CompiledFlow) -> None:
    torch.manual_seed(0)
    encoder = torch.nn.Linear(6, 2).double()
    y, x = torch.randn(32, 6, dtype=torch.float64), torch.randn(32, 3, dtype=torch.float64)
    live = build("NSF").double()
    gradients = []
    for density in (flow.torch(), live):
        encoder.zero_grad()
        density(encoder(y)).log_prob(x).mean().backward()
        gradients.append(encoder.weight.grad.clone())
    torch.testing.assert_close(*gradients, rtol=1e-8, atol=1e-8)


def test_copies_are_equal(flow: flowir.CompiledFlow) -> None:
    given = flow.torch(torch.zeros(2))
    x = torch.randn(4, 3, dtype=torch.float64)
    assert torch.equal(copy.deepcopy(given).log_prob(x), given.log_prob(x))


def _score(flow: Any, x: Any, results: Any) -> None:
    results.put(flow.log_prob(x, torch.zeros(2, dtype=torch.float64)).tolist())


def test_processes_of_pytorch_score_after_use(flow: flowir.CompiledFlow) -> None:
    x = torch.randn(2000, 3, dtype=torch.float64)
    expected = flow.log_prob(x, torch.zeros(2, dtype=torch.float64)).tolist()
    context = torch.multiprocessing.get_context("fork")
    results = context.Queue()
    process = context.Process(target=_score, args=(flow, x, results))
    process.start()
    assert results.get(timeout=60) == expected
    process.join(60)
    assert multiprocessing.active_children() == []


def test_pytorchs_threads_and_the_flows_work_at_once(flow: flowir.CompiledFlow) -> None:
    x, c = torch.randn(20_000, 3, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    matrix = torch.randn(400, 400)
    expected, product = flow.log_prob(x, c), matrix @ matrix
    with ThreadPoolExecutor(8) as pool:
        both = [(pool.submit(flow.log_prob, x, c), pool.submit(torch.mm, matrix, matrix))
                for _ in range(20)]
    for scores, products in both:
        assert torch.equal(scores.result(), expected)
        torch.testing.assert_close(products.result(), product)
