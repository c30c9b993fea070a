"""The page in a real browser: nothing is asked for, nothing is complained about, it fits and it works."""

from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import browser
import pytest

from evals.evaluation import Evaluation
from evals.report import Baseline, to_page

pytestmark = pytest.mark.skipif(browser.find_browser() is None, reason="no Chromium is installed")
WIDTHS = (390, 768, 1280)
OVERFLOWING = """[...document.querySelectorAll('.top, .provenance, .card, .item, .side, .case, .plots > figure')]
    .filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.outerHTML)"""
"""Boxes whose words leave them; logs and tables scroll inside theirs."""


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, *args: object, page: bytes, asked: list[str]) -> None:
        self._page, self._asked = page, asked
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self._page)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def page(failed: Evaluation, baseline: Baseline) -> str:
    return to_page(failed, baseline=baseline)


@pytest.fixture
def asked() -> list[str]:
    """What the server was asked for."""
    return []


@pytest.fixture
def address(page: str, asked: list[str]) -> Iterator[str]:
    """Serve the page on loopback, so that anything it asked for would be seen."""
    handler = partial(_Handler, page=page.encode(), asked=asked)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def shown(tab: browser.Page) -> int:
    return int(tab.run("[...document.querySelectorAll('.case')].filter((c) => c.offsetParent).length"))


def test_the_page_asks_for_nothing_and_fits_every_width(
    address: str, asked: list[str], tmp_path: Path
) -> None:
    with browser.browse() as tab:
        grounds = []
        for width in WIDTHS:
            for dark in (False, True):
                tab.shape(width=width, dark=dark)
                tab.open(address)
                assert tab.run("document.documentElement.scrollWidth <= innerWidth"), (width, dark)
                assert tab.run(OVERFLOWING) == [], (width, dark)
                grounds.append(tab.run("getComputedStyle(document.body).backgroundColor"))
                tab.picture(tmp_path / f"{width}-{'dark' if dark else 'light'}.png")
        assert len(set(grounds)) == 2, "dark and light"
        assert grounds[0] != grounds[1]
        assert {url.partition("#")[0] for url in tab.requests} <= {address, "data:,"}
        assert tab.complaints == []
    assert asked == ["/"] * len(WIDTHS) * 2


def test_charts_take_the_colours_of_the_page(address: str) -> None:
    script = "getComputedStyle(document.querySelector('.chart text')).fill"
    with browser.browse() as tab:
        colours = []
        for dark in (False, True):
            tab.shape(width=1280, dark=dark)
            tab.open(address)
            colours.append(tab.run(script))
            assert tab.run("[...document.querySelectorAll('.chart')].every((c) => c.clientHeight > 100)")
        assert colours[0] != colours[1]


def test_failures_are_seen_and_the_list_filters_sorts_and_opens(address: str) -> None:
    with browser.browse() as tab:
        tab.shape(width=1280)
        tab.open(address)
        assert tab.run("document.querySelector('#failures mark').checkVisibility()")
        assert shown(tab) == 9

        tab.run("search.value = 'WELL-3'; search.dispatchEvent(new Event('input'))")
        assert shown(tab) == 1
        assert tab.run("found.textContent") == "1 of 9 shown"
        tab.run("search.value = ''; state.value = 'failed'; state.dispatchEvent(new Event('change'))")
        assert shown(tab) == 1
        tab.run("state.value = 'changed'; state.dispatchEvent(new Event('change'))")
        assert shown(tab) == 2
        tab.run("state.value = ''; state.dispatchEvent(new Event('change'))")

        first = "document.querySelector('.case .name').textContent.trim()"
        tab.run("document.querySelector('#head button').click()")
        upwards = tab.run(first)
        tab.run("document.querySelector('#head button').click()")
        assert tab.run(first) != upwards

        tab.run("document.querySelector('.case summary').click()")
        assert tab.run("document.querySelector('.case .log').checkVisibility()")
        tab.run("location.hash = 'failure-2'")
        assert tab.run("document.getElementById('failure-2').open")
        assert tab.complaints == []


def test_without_scripts_everything_can_still_be_read(address: str) -> None:
    with browser.browse() as tab:
        tab.shape(width=390, scripts=False)
        tab.open(address)
        tab.call("DOM.enable")
        root = tab.call("DOM.getDocument")["root"]["nodeId"]
        cases = tab.call("DOM.querySelectorAll", nodeId=root, selector=".case")["nodeIds"]
        assert len(cases) == 9
        controls = tab.call("DOM.querySelector", nodeId=root, selector="#controls[hidden]")["nodeId"]
        assert controls, "controls that would do nothing are not shown"
        box = tab.call("DOM.getBoxModel", nodeId=cases[0])["model"]
        assert box["height"] > 0


def test_the_policy_blocks_a_script_that_slipped_in(page: str, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    injected = "<script>document.title = 'owned'</script><img src='http://127.0.0.1:9/x.png'></main>"
    target.write_text(page.replace("</main>", injected), encoding="utf-8")
    with browser.browse() as tab:
        tab.shape(width=1280)
        tab.open(target.as_uri())
        assert tab.run("document.title").startswith("FAILED")
        assert len(tab.complaints) == 2, "one for the script, one for the picture"
