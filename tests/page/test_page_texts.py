"""Whatever a text says, the page has only its own tags."""

from __future__ import annotations

import html.parser

from hypothesis import given
from hypothesis import strategies as st

from agent.config.settings import Config
from agent.model import Metric, Status
from agent.page import html as pages
from agent.page.source import CheckPage, Overview
from agent.view.snapshot import Snapshot
from tests.page.pages import NOW, Told

PAYLOADS = (
    "<script>x()</script>",
    '"><img src=x onerror=x()>',
    "'onmouseover='x()",
    "{{x}}",
    "{{!x}}",
    "</pre><b>",
    "&lt;",
)
OWN_WORDS = """
html head meta title link noscript script body a header nav p main h1 h2 h3 section table caption thead tr th tbody td
span details summary ul li time pre code footer div form h4 label input select option datalist button
"""
OWN_TAGS = frozenset(OWN_WORDS.split())


class Reader(html.parser.HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


TEXTS = st.lists(st.sampled_from(PAYLOADS) | st.text(max_size=8), max_size=4).map("".join)


@given(texts=st.lists(TEXTS, min_size=6, max_size=6))
def test_whatever_a_text_says_the_page_has_only_its_own_tags(texts: list[str]) -> None:
    check, subject, summary, details, unit, host = texts
    told = Told(check, subject, Status.CRITICAL, summary, details, (Metric(summary, 1.0, unit),))
    seen = snapshot(told)
    found = CheckPage(NOW, True, seen.checks[check])
    for part in (pages.overview(Overview(seen), host), pages.check(found, host)):
        reader = read(pages.whole(part, host, ""))
        for tag, attributes in reader.tags:
            assert tag in OWN_TAGS, tag
            assert not [name for name, _ in attributes if name.startswith("on")], attributes
        assert sum(tag == "script" for tag, _ in reader.tags) == 1


def snapshot(told: Told) -> Snapshot:
    from agent.model import Result, State
    from agent.store import LastRun
    from agent.view.compose import StoreContents, compose

    state = State(told.check, told.subject, decided=told.status, decided_since=NOW)
    result = Result(told.status, told.summary, told.subject, told.details, told.metrics)
    known = StoreContents((state,), (LastRun(told.check, told.subject, result, NOW, 0.1, 0),))
    return compose(known, Config(), NOW)


def test_what_a_text_says_is_there_to_read() -> None:
    told = Told("web", "", Status.WARNING, 'a <b> & "c"', "<i>\n</pre>")
    found = CheckPage(NOW, True, snapshot(told).checks["web"])
    text = read(pages.check(found, "h")).text
    assert 'a <b> & "c"' in text
    assert "<i>\n</pre>" in text
