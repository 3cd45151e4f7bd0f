"""The page of `flowir dump --html` in a browser: it opens without an error and without the network, and
what a reader clicks and types leads where it should."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("no Chromium in PATH; Debian's package is chromium", allow_module_level=True)
MODELS = ROOT / "Tests" / "ZukoParityTests" / "Fixtures"


def flowir(*arguments: str | Path) -> None:
    """Runs the command, which must succeed."""
    result = subprocess.run(
        [os.environ["FLOWIR_EXECUTABLE"], *arguments], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of an autoregressive flow, with measured times and values."""
    folder = tmp_path_factory.mktemp("report")
    rows = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    np.save(folder / "rows.npy", rows)
    flowir("train", "--flow", "MAF", "--set", "transforms=2", "--no-standardize", "--epochs", "1",
           "--data", folder / "rows.npy", "--output", folder / "maf.safetensors")
    flowir("dump", folder / "maf.safetensors", "--html", folder / "report.html", "--profile",
           "--values", folder / "rows.npy")
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser without a window."""
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    """The page; what the console says and what is asked of the network fail the test."""
    opened = browser.new_page(viewport={"width": 1300, "height": 850})
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text))
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda request: request.url.startswith("file:")
              or problems.append(request.url))
    opened.goto(report.as_uri())
    yield opened
    assert problems == []
    opened.close()


def tab(page: Any, name: str) -> None:
    """Opens a view by its name."""
    page.get_by_role("tab", name=name, exact=True).click()


def test_a_layer_is_followed_through_all_views(page: Any) -> None:
    """A click on a layer shows its lines alone, in each pass, in the tile program and in the C."""
    layer = "transform.transforms.1.hyper.2"
    page.locator(f'#tree [data-path="{layer}"]').click()
    for view in ("Passes", "Tile program", "C"):
        tab(page, view)
        scopes = page.locator("#view .line").evaluate_all("all => all.map(e => e.dataset.scope)")
        inside = [scope for scope in scopes if scope is not None]
        assert inside and all(scope == layer for scope in inside), view
    assert "layer_" in page.locator("#view").inner_text()
    page.get_by_label("only").uncheck()
    assert page.locator("#view .line.chosen").count() < page.locator("#view .line").count()


def test_a_line_leads_to_its_layer(page: Any) -> None:
    """A click on a line of the tile program marks its layer in the tree and in other views."""
    tab(page, "Tile program")
    page.locator("#view .line", has_text="by pack 1 in").first.click()
    chosen = page.locator('#tree [aria-selected="true"]')
    assert chosen.get_attribute("data-path") == "transform.transforms.0.hyper.2"
    tab(page, "C")
    assert page.locator("#view .line.chosen").count() > 0


def test_passes_are_compared(page: Any) -> None:
    """A pass shows what it took away and what it brought, with signs beside the colours."""
    tab(page, "Passes")
    page.locator("[data-stage]", has_text="fold-masks").click()
    assert "sorts the units" in page.locator("#view").inner_text()
    removed, added = page.locator(".line.removed"), page.locator(".line.added")
    assert removed.count() == 6 and added.count() > 6
    assert removed.first.locator(".sign").inner_text() == "−"
    assert added.first.locator(".sign").inner_text() == "+"
    left, right = page.locator(".sides .code").all()
    assert left.locator(".line").count() == right.locator(".line").count()


def test_search_and_keys(page: Any) -> None:
    """The slash searches, Enter goes on, digits change the view, and Escape ends the choice."""
    page.keyboard.press("3")
    assert page.get_by_role("tab", name="Tile program").get_attribute("aria-selected") == "true"
    page.keyboard.press("/")
    page.keyboard.type("linear 64 x 64")
    found = page.locator("#view mark")
    assert found.count() == 2
    assert page.locator("#found").inner_text() == "1 of 2"
    page.keyboard.press("Enter")
    assert page.locator("#found").inner_text() == "2 of 2"
    page.keyboard.press("Escape")
    page.locator("#tree .item").first.focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#tree .item").first.get_attribute("aria-expanded") == "false"
    page.keyboard.press("Enter")
    assert page.locator('#tree [aria-selected="true"]').count() == 1
    page.keyboard.press("Escape")
    assert page.locator('#tree [aria-selected="true"]').count() == 0


def test_pictures(page: Any) -> None:
    """Masks have a square for each weight, in memory no two boxes overlap, times add up."""
    tab(page, "Masks")
    dark = """() => [...document.querySelectorAll("canvas")].map(c => {
        const p = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        const off = getComputedStyle(document.documentElement).getPropertyValue("--off").trim();
        const hex = i => "#" + [0, 1, 2].map(k => p[i + k].toString(16).padStart(2, "0")).join("");
        let used = 0;
        for (let i = 0; i < p.length; i += 4) if (hex(i) !== off) used++;
        return used; })"""
    used = page.evaluate(dark)
    texts = page.locator("#view figcaption").all_inner_texts()
    stated = [int(t.split(": ")[1].split(" of ")[0].replace(",", "")) for t in texts]
    assert used[0::2] == used[1::2] == stated
    tab(page, "Memory")
    boxes = page.evaluate("() => current().memories[0].buffers")
    for i, (_, offset, size, first, last) in enumerate(boxes):
        for _, other, length, start, end in boxes[i + 1:]:
            assert last < start or end < first or offset + size <= other or other + length <= offset
    tab(page, "Time")
    nodes = page.evaluate("() => current().profile.nodes.map(n => n.ns_per_row)")
    assert page.evaluate("() => timeTree(current().profile.nodes).time") == pytest.approx(sum(nodes))
    assert page.locator("svg.flame g").count() > 5
    tab(page, "Values")
    assert "no loss of digits" in page.locator("#view").inner_text()


def test_steps_of_an_inverse(page: Any) -> None:
    """Of sampling, each step of the incremental loops is shown."""
    page.get_by_label("Function").select_option(label="sample")
    tab(page, "Inverse steps")
    assert page.locator("#view figure").count() == 2
    assert page.locator("#view table").first.locator("tr").first.locator("th").count() == 2 + 3


def test_an_address_leads_to_the_same_view(page: Any, browser: Any) -> None:
    """What is looked at stands in the address."""
    page.get_by_label("Function").select_option(label="sample")
    tab(page, "Passes")
    page.keyboard.press("]")
    page.locator('#tree [data-path="transform.transforms.0"]').click()
    other = browser.new_page()
    other.goto(page.url)
    assert other.locator("#view").inner_text() == page.locator("#view").inner_text()
    other.close()


def test_light_and_dark(page: Any, browser: Any, report: Path) -> None:
    """The page follows the system, and can be switched."""
    back = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(back)
    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate(back)
    assert light != dark
    other = browser.new_page(color_scheme="dark")
    other.goto(report.as_uri())
    assert other.evaluate(back) == dark
    other.close()


@pytest.mark.parametrize(
    "name", ["nsf-wide", "unaf-default", "cnf-default", "gmm-context", "one-feature"])
def test_models_of_all_kinds(browser: Any, tmp_path: Path, name: str) -> None:
    """Pages of other flows open without an error in every view, and are small."""
    flowir("dump", MODELS / f"{name}.safetensors", "--html", tmp_path / "r.html",
           "--function", "log_prob,sample,log_prob_gradient")
    assert (tmp_path / "r.html").stat().st_size < 3_000_000
    opened = browser.new_page()
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text))
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.goto((tmp_path / "r.html").as_uri())
    for function in ("log_prob", "sample", "log_prob_gradient"):
        opened.get_by_label("Function").select_option(label=function)
        for view in opened.get_by_role("tab").all_inner_texts():
            tab(opened, view)
            assert opened.locator("#view").inner_text().strip()
    assert problems == []
    opened.close()
