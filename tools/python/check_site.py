"""Checks a site that tools/documentation has built: every page and picture that a page names is there, and
the landing page, the guides with pictures and a symbol's page show in a browser without an error.

usage: check_site.py FOLDER
"""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

LANDING, SYMBOL = "documentation/overview/", "documentation/flows/nsf/"


def dead_links(site: Path) -> list[str]:
    """What the data of pages refers to within the site and is not there."""
    found = []
    pages = sorted((site / "data").rglob("*.json"))
    for page in pages:
        data = json.loads(page.read_text())
        for reference in data.get("references", {}).values():
            address = reference.get("url", "")
            if reference.get("type") == "unresolvable" and not reference["title"].startswith("Swift."):
                found.append(f"{page.relative_to(site)}: {reference['title']} does not resolve")
            elif address.startswith("/documentation/"):
                path = address.split("#")[0].strip("/")
                if not (site / "data" / f"{path}.json").exists() or not (site / path / "index.html").exists():
                    found.append(f"{page.relative_to(site)}: no page {address}")
            for variant in reference.get("variants", []):
                if not (site / variant["url"].lstrip("/")).is_file():
                    found.append(f"{page.relative_to(site)}: no picture {variant['url']}")
    if len(pages) < 1000:
        found.append(f"{len(pages)} pages, expected more than 1000")
    return found


def pages_with_pictures(site: Path) -> list[str]:
    """The addresses of the pages that show pictures."""
    folder = site / "data"
    return [f"{page.relative_to(folder).with_suffix('')}/" for page in sorted(folder.rglob("*.json"))
            if any(r.get("type") == "image" for r in json.loads(page.read_text())["references"].values())]


class Server(http.server.ThreadingHTTPServer):
    """Says nothing of a browser that does not wait for an answer."""

    def handle_error(self, *_: Any) -> None:
        pass


class Handler(http.server.SimpleHTTPRequestHandler):
    """Hands out the site without a word."""

    def log_message(self, *_: Any) -> None:
        pass


def browse(site: Path, shots: Path | None) -> list[str]:
    """Opens pages in a browser, and gives what is wrong with them."""
    from playwright.sync_api import TimeoutError, sync_playwright

    server = Server(("127.0.0.1", 0), functools.partial(Handler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}/"
    problems: list[str] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-gpu"])
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 1300, "height": 900}, color_scheme=scheme)
            place = ""
            page.on("console", lambda m: m.type == "error" and problems.append(f"{place}: {m.text}"))
            page.on("pageerror", lambda error: problems.append(f"{place}: {error}"))
            page.on("response", lambda r: r.status < 400 or problems.append(f"{place}: {r.status} {r.url}"))
            page.on("request", lambda r: r.url.startswith((root, "data:", "blob:"))
                    or problems.append(f"{place}: asks for {r.url}"))
            for place in ["", SYMBOL, *pages_with_pictures(site)]:
                page.goto(root + place)
                page.wait_for_selector("h1", timeout=30_000)
                page.wait_for_load_state("networkidle")
                if place == "" and not page.url.startswith(root + LANDING.rstrip("/")):
                    problems.append(f"the site's address leads to {page.url}")
                if place == SYMBOL and "struct NSF" not in page.locator("main").inner_text():
                    problems.append(f"{place}: no declaration")
                try:
                    page.wait_for_selector(".navigator-card-item", timeout=10_000)
                except TimeoutError:
                    problems.append(f"{place}: the list of pages at the side is empty")
                # Pictures are fetched as they come into view.
                page.evaluate("""async () => { for (const i of document.querySelectorAll('main img')) {
                    i.loading = 'eager'; await i.decode().catch(() => {}); } }""")
                for source, width in page.locator("main img").evaluate_all(
                        "all => all.map(i => [i.currentSrc || i.src, i.naturalWidth])"):
                    if width == 0:
                        problems.append(f"{place}: the picture {source} does not show")
                if shots:
                    name = place.strip("/").replace("/", "-") or "index"
                    page.screenshot(path=shots / f"{name}-{scheme}.png", full_page=True)
            page.close()
        browser.close()
    server.shutdown()
    return problems


def main(folder: str, shots: str | None = None) -> int:
    """Checks the site; with a second folder, pictures of the pages are written there."""
    site = Path(folder)
    problems = dead_links(site) + browse(site, Path(shots) if shots else None)
    for problem in dict.fromkeys(problems):
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
