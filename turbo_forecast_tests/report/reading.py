"""A strict reader of HTML for tests: it refuses what a browser would quietly mend."""

from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "br", "hr", "img", "link", "input", "col", "wbr"}
IN_SVG = {"circle", "line", "polyline", "polygon", "rect", "path"}


class Document(HTMLParser):
    """A parsed document. links: every href; ids; referred: ids that others name; text: what is shown; loose: attributes of an event or a
    place to load from; rows: cells of every table row."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.referred: set[str] = set()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.loose: list[tuple[str, str]] = []
        self.text, self.style = "", ""
        self.rows: list[list[str]] = []
        self.declared = ""
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_decl(self, decl: str) -> None:
        self.declared = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._take(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in IN_SVG, f"<{tag}/> is no end in HTML"
        self._take(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> ends nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            self.style += data
            return
        self.text += data
        if "tr" in self.open and {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def _take(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name in ("aria-labelledby", "aria-describedby"):
                self.referred |= set((value or "").split())
            elif name.startswith("on") or name in ("src", "srcset", "action", "xlink:href", "style", "background"):
                self.loose.append((tag, name))

    def row(self, name: str) -> list[str]:
        """The cells of the first row in which a cell begins with this name, their white space folded."""
        folded = [[" ".join(cell.split()) for cell in row] for row in self.rows]
        return next(row for row in folded if any(cell.startswith(name) for cell in row))


def document(path: Path) -> Document:
    return Document(path.read_bytes().decode("utf-8"))
