"""`Page`: what a report is made of. Every text is escaped here and nowhere else."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgekit.version import __version__
from edgekit_export.page.photos import photo_url

Mood = Literal["good", "warn", "bad", "plain"]
_AMOUNT = r"[-+<>≈±]?[\d.,]+( ?(%|ms|s|kB|MB|points|photos))?"
_NUMBER = re.compile(rf"{_AMOUNT}|{_AMOUNT} \({_AMOUNT} to {_AMOUNT}\)|")


@dataclass(frozen=True)
class Shown:
    """A photo to show, and the lines under it; `mood` colours its frame.

    Where it cannot be read, or is None, `instead` stands in its place.
    """

    photo: Path | bytes | NDArray[np.uint8] | Image.Image | None
    lines: tuple[str, ...]
    mood: Mood = "plain"
    instead: str = "cannot be read"


Cell: TypeAlias = "str | int | float"


class Page:
    """A report that grows from top to bottom.

    Args:
        title: Of the page.
        about: One line under it: of what, when asked for how.
    """

    def __init__(self, title: str, about: str = "") -> None:
        self._title, self._about = title, about
        self._parts: list[str] = []
        self._contents: list[tuple[str, str]] = []
        self._before = 0  # how many parts stand before the first section, and so before the contents

    def verdict(self, mood: Mood, headline: str, explanation: str = "") -> None:
        """What the reader came for, in a box: first on the page."""
        more = f"<p>{escape(explanation)}</p>" if explanation else ""
        self._parts.append(f'<div class="verdict {mood}"><strong>{escape(headline)}</strong>{more}</div>')

    def section(self, heading: str, *paragraphs: str, mood: Mood = "plain") -> None:
        """A heading, also in the list of contents, which stands before the first one, and what stands under it."""
        anchor = f"s{len(self._contents)}"
        if not self._contents:
            self._before = len(self._parts)
        self._contents.append((anchor, heading))
        self._parts.append(f'<h2 id="{anchor}" class="{mood}">{escape(heading)}</h2>')
        for paragraph in paragraphs:
            self.text(paragraph)

    def heading(self, text: str, *, mood: Mood = "plain") -> None:
        """A smaller heading."""
        kind = "" if mood == "plain" else f' class="{mood}"'
        self._parts.append(f"<h3{kind}>{escape(text)}</h3>")

    def text(self, paragraph: str) -> None:
        """A paragraph."""
        self._parts.append(f"<p>{escape(paragraph)}</p>")

    def items(self, lines: Sequence[str]) -> None:
        """A list."""
        self._parts.append("<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>")

    def command(self, line: str) -> None:
        """A command to type."""
        self._parts.append(f"<pre><code>{escape(line)}</code></pre>")

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Names and values."""
        body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
        self._parts.append(f'<div class="wide"><table class="facts">{body}</table></div>')

    def table(self, header: Sequence[str], rows: Sequence[Sequence[Cell]], *, moods: Sequence[Mood] = ()) -> None:
        """A table; cells that are numbers stand right. `moods` colour rows."""
        head = "".join(_head(name, [row[i] for row in rows]) for i, name in enumerate(header))
        moods = moods or ["plain"] * len(rows)
        body = "".join(
            f'<tr class="{mood}">' + "".join(_cell(cell) for cell in row) + "</tr>"
            for row, mood in zip(rows, moods, strict=True)
        )
        self._parts.append(
            f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        )

    def figure(self, svg: str, caption: str = "", *, least_rem: float = 0) -> None:
        """A plot, from `edgekit_export.page.figure.draw`; on a screen narrower than `least_rem` it is scrolled."""
        self._parts.append(_figure(svg, caption, least_rem))

    def figures(self, shown: Sequence[tuple[str, str]]) -> None:
        """Small plots side by side, each with its caption, as many as fit into a row."""
        self._parts.append(f'<div class="figures">{"".join(_figure(svg, caption) for svg, caption in shown)}</div>')

    def photos(self, shown: Sequence[Shown]) -> None:
        """Photos side by side, as many as fit into a row."""
        self._parts.append('<div class="photos">' + "".join(_photo(one) for one in shown) + "</div>")

    def groups(self, groups: Sequence[tuple[str, Sequence[Shown]]]) -> None:
        """Photos that belong together, each group in a box under its caption, as many boxes as fit into a row."""
        boxes = "".join(
            f'<figure class="group"><figcaption>{escape(caption)}</figcaption>'
            f'<div class="photos">{"".join(_photo(one) for one in shown)}</div></figure>'
            for caption, shown in groups
        )
        self._parts.append(f'<div class="groups">{boxes}</div>')

    @contextlib.contextmanager
    def folded(self, summary: str) -> Iterator[None]:
        """What is added meanwhile is shown when the reader asks for it; a printed page shows it."""
        self._parts.append(f"<details><summary>{escape(summary)}</summary>")
        try:
            yield
        finally:
            self._parts.append("</details>")

    def html(self) -> str:
        """The page: one file that asks for no other."""
        style = files("edgekit_export.page").joinpath("style.css").read_text(encoding="utf-8")
        contents = "".join(f'<a href="#{anchor}">{escape(text)}</a>' for anchor, text in self._contents)
        navigation = f"<nav>{contents}</nav>" if len(self._contents) > 3 else ""
        about = f'<p class="about">{escape(self._about)}</p>' if self._about else ""
        body = "\n".join([*self._parts[: self._before], navigation, *self._parts[self._before :]])
        html = (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            f"<title>{escape(self._title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
            f"<h1>{escape(self._title)}</h1>\n{about}\n{body}\n"
            f"<footer>Made by edgekit {escape(__version__)}.</footer>\n</main>\n</body>\n</html>\n"
        )
        return html.encode(errors="backslashreplace").decode()  # file names are not always Unicode


def _head(name: str, column: Sequence[Cell]) -> str:
    kind = ' class="number"' if column and all(map(_is_number, column)) else ""
    return f"<th{kind}>{escape(name)}</th>"


def _is_number(cell: Cell) -> bool:
    return not isinstance(cell, str) or bool(_NUMBER.fullmatch(cell))


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        kind = ' class="number"' if cell and _is_number(cell) else ""
        return f"<td{kind}>{escape(cell)}</td>"
    text = f"{cell:,}" if isinstance(cell, int) else f"{cell:.4g}"
    return f'<td class="number">{text}</td>'


def _figure(svg: str, caption: str, least_rem: float = 0) -> str:
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    if least_rem:
        svg = f'<div class="wide"><div style="width: max(100%, {least_rem:g}rem)">{svg}</div></div>'
    return f'<figure role="img" aria-label="{escape(caption)}">{svg}{below}</figure>'


def _photo(shown: Shown) -> str:
    url = None if shown.photo is None else photo_url(shown.photo)
    name = escape(shown.lines[0]) if shown.lines else ""
    picture = (
        f'<img src="{url}" alt="{name}" loading="lazy">'
        if url
        else f'<div class="unreadable">{escape(shown.instead)}</div>'
    )
    lines = "".join(f"<span>{escape(line)}</span>" for line in shown.lines)
    return f'<figure class="photo {shown.mood}">{picture}<figcaption>{lines}</figcaption></figure>'
