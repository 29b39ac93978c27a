"""The pages people read: their blocks of code, links, headings and the words they set as code.

Belongs here: reading Markdown. Does not belong here: what must be true of it (`test_pages.py`).
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^\s*```(\w*)\s*$")
LINK = re.compile(r"(?<!`)\[(?:[^\][]|\[[^\]]*\])*\]\(([^()\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, the line of its fence, its language and its text, without common indentation."""

    page: Path
    line: int
    language: str
    text: str
    indented: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page whose commands and snippets people may try."""
    single = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "deploy" / "README.md"]
    return [*single, *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, *languages: str) -> list[Block]:
    """The fenced blocks of a page, of these languages where any are named."""
    found, begun, lines = [], None, page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if fence and begun is None:
            begun = (number, fence[1])
        elif fence and begun is not None:
            inside = "\n".join(lines[begun[0] : number - 1])
            found.append(Block(page, *begun, textwrap.dedent(inside) + "\n", inside.startswith(" ")))
            begun = None
    assert begun is None, f"{page}: the block of line {begun and begun[0]} has no end"
    return [block for block in found if not languages or block.language in languages]


def prose(page: Path) -> str:
    """A page's text without its fenced blocks."""
    kept, inside = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        if FENCE.match(line):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def inline_code(page: Path) -> list[str]:
    """What the page's prose sets as code, on one line each."""
    return [" ".join(each.split()) for each in re.findall(r"`([^`]+)`", prose(page))]


def links(page: Path) -> list[str]:
    """The targets of the page's links and pictures."""
    return LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """The names by which a page's headings are linked to, as GitHub makes them."""
    found: dict[str, int] = {}
    names = []
    for heading in re.findall(r"^#{1,6} +(.+?)\s*$", prose(page), re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        names.append(f"{name}-{found[name]}" if name in found else name)
        found[name] = found.get(name, 0) + 1
    return set(names)


def commands(text: str) -> Iterator[str]:
    """The command lines of a block: without prompts and empty lines, parted at `&&`."""
    for line in text.replace("\\\n", " ").splitlines():
        bare = re.sub(r"^[$#] (?=\S)", "", line.strip())
        if bare and not bare.startswith("#"):
            yield from (each.strip() for each in bare.split(" && "))
