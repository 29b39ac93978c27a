"""A page as its reader's program sees it: parsed, and asked for what every page must have."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SHAPES = {"line", "circle", "path", "rect", "polyline"}


@dataclass
class Element:
    """A tag with its attributes, its parent, and the text within."""

    tag: str
    attributes: dict[str, str | None]
    parent: "Element | None"
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def inside(self, tag: str) -> bool:
        """Whether such a tag is around it."""
        return self.parent is not None and (self.parent.tag == tag or self.parent.inside(tag))


class Document(HTMLParser):
    """All elements of a page, in their order. Raises AssertionError where tags are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: Element | None = None
        self.feed(text)
        self.close()
        assert self._open is None, f"{self._open} is left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice: {names}"
        element = Element(tag, dict(attrs), self._open)
        self.elements.append(element)
        if self._open is not None:
            self._open.children.append(element)
        if tag not in VOID:
            self._open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open is not None, f"</{tag}> closes nothing"
        assert self._open.tag == tag, f"</{tag}> closes {self._open.tag}"
        self._open = self._open.parent

    def handle_data(self, data: str) -> None:
        element = self._open
        while element is not None:
            element.text += data
            element = element.parent

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements of a tag with these attributes."""
        return [
            each
            for each in self.elements
            if each.tag == tag and all(each.attributes.get(name) == value for name, value in attributes.items())
        ]

    def table(self, caption: str) -> list[list[str]]:
        """The body's cells of the one table whose caption begins so, as text."""
        (found,) = [each for each in self.all("table") if each.children[0].text.startswith(caption)]
        (body,) = [each for each in found.children if each.tag == "tbody"]
        return [[" ".join(cell.text.split()) for cell in row.children] for row in body.children]


def require_accessible(page: Document) -> None:
    """Raises AssertionError for a table without caption or scopes, a field without a name, a picture without words."""
    identities = [each.attributes["id"] for each in page.elements if "id" in each.attributes]
    assert len(identities) == len(set(identities)), identities
    for table in page.all("table"):
        assert table.children[0].tag == "caption"
        assert table.children[0].text.strip()
    for head in page.all("th"):
        assert head.attributes.get("scope") in ("col", "row")
    for tag in ("input", "select", "textarea"):
        for each in page.all(tag):
            if each.attributes.get("type") != "hidden":
                assert each.inside("label") or each.attributes.get("aria-label"), each
            for reference in (each.attributes.get("aria-describedby"), each.attributes.get("list")):
                assert reference is None or reference in identities
    for picture in page.all("svg"):
        assert picture.attributes.get("aria-label") or picture.attributes.get("aria-hidden")
    assert [each.text.strip() != "" for each in page.all("h1")] == [True]
