"""A page as a reader finds it: its tables, links and words, out of the HTML.

Belongs here: reading HTML with the standard library's parser, which also tells whether every tag is closed. Does not belong
here: what a page should say.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta"}
"""Elements without a closing tag; SVG's close themselves or are closed."""


@dataclass
class Cells:
    """A table: its caption, its heading texts, and its rows' texts."""

    caption: str = ""
    headings: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


class Reader(HTMLParser):
    """What is in a page. Raises AssertionError for tags that are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: list[Cells] = []
        self.links: dict[str, str] = {}
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], self._open

    @property
    def text(self) -> str:
        """All that is to be read, in one line."""
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a kind."""
        return [attributes for name, attributes in self.attributes if name == tag]

    def column(self, heading: str, table: int = 0) -> list[str]:
        """A column's texts, from the top."""
        place = self.tables[table].headings.index(heading)
        return [row[place] for row in self.tables[table].rows]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag in VOID:
            return
        self._open.append(tag)
        if tag == "table":
            self.tables.append(Cells())
        elif tag == "tr":
            self.tables[-1].rows.append([])
        elif tag in ("td", "th", "caption") or (tag == "a" and not {"td", "th"} & set(self._open)):
            self._text = []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            return
        self.words.append(data)
        self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, tag
        assert self._open.pop() == tag, (tag, self.getpos())
        text = " ".join("".join(self._text).split())
        if tag == "caption":
            self.tables[-1].caption = text
        elif tag in ("td", "th"):
            in_head = "thead" in self._open
            (self.tables[-1].headings if in_head else self.tables[-1].rows[-1]).append(text)
        elif tag == "tr" and "thead" in self._open:
            self.tables[-1].rows.pop()
        elif tag == "a" and self.attributes:
            href = next(attributes.get("href") for name, attributes in reversed(self.attributes) if name == "a")
            self.links.setdefault(text, href or "")
