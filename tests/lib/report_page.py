"""report_page.py PAGE [ID...]: a report stands on its own: well-formed, no script, nothing from elsewhere, ids once,
links inside the page lead somewhere, every figure drawn and described in words with numbers, table headings with a
scope, no path in the title, the cells of images whole pixels, and a figure with each of these ids (exactly these, if
any are given). Prints what is wrong; standard library only."""
import base64
import os
import re
import struct
import sys
import xml.etree.ElementTree as xml
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img"}
OPTIONAL = {"p", "li", "tr", "td", "th", "dt", "dd", "caption"}  # whose ends HTML lets one leave out
DRAWN = {"path", "polygon", "image", "use", "circle", "rect"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.ids, self.links = [], [], [], []
        self.figures, self.figure, self.scripts = {}, None, 0

    def handle_starttag(self, tag, attributes):
        self.one(tag, dict(attributes))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.one(tag, dict(attributes))

    def handle_endtag(self, tag):
        while self.open and self.open[-1] != tag and self.open[-1] in OPTIONAL:
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at line {self.getpos()[0]} closes nothing")
        if tag == "figure":
            self.figure = None

    def one(self, tag, attributes):
        if tag in ("script", "iframe", "object", "embed"):
            self.wrong.append(f"<{tag}>")
        if "id" in attributes:
            self.ids.append(attributes["id"])
        for name, value in attributes.items():
            if name.startswith("on"):
                self.wrong.append(f"{name}= in <{tag}>")
            if name in ("href", "xlink:href", "src"):
                if value.startswith("#"):
                    self.links.append(value[1:])
                elif not value.startswith("data:"):
                    self.wrong.append(f"<{tag} {name}={value[:60]}> is from elsewhere")
        if tag == "figure":
            self.figure = attributes.get("id", "")
            self.figures[self.figure] = 0
        elif self.figure is not None and tag in DRAWN:
            self.figures[self.figure] += 1


def pixels(text):
    """Images in figures that are never scaled: so many whole pixels a cell; in others there are none."""
    wrong = []
    for head, inside in re.findall(r"<figure([^>]*)>(.*?)</figure>", text, re.S):
        name = re.search(r'id="([^"]*)"', head)[1]
        images = re.findall(r"<image x='([^']*)' y='([^']*)' width='([^']*)' height='([^']*)'[^>]*"
                            r"href='data:image/png;base64,([^']*)'", inside, re.S)
        if images and 'class="exact"' not in head:
            wrong.append(f"figure {name} scales its images")
        if 'class="exact"' in head:
            shown, box = re.search(r"--w:(\d+)px", head)[1], re.search(r'viewBox="0 0 (\d+) ', inside)[1]
            if shown != box:
                wrong.append(f"figure {name} is shown {shown} wide, drawn {box} wide")
        for *place, data in images:
            x, y, width, height = map(float, place)
            columns, rows = struct.unpack(">II", base64.b64decode(data)[16:24])
            for size, cells in ((width, columns), (height, rows)):
                cell = size / cells
                if not (round(cell) >= 1 and abs(size - round(cell) * cells) < 0.1):
                    wrong.append(f"figure {name}: {cells} cells in {size} pixels")
            if max(abs(x - round(x)), abs(y - round(y))) > 0.05:
                wrong.append(f"figure {name}: an image at {x}, {y}")
    return wrong


def words(text):
    """What a drawing shows, in words; headings that say of what."""
    wrong = []
    for name, inside in re.findall(r'<figure id="([^"]*)"[^>]*>(.*?)</figure>', text, re.S):
        seen = re.search(r"<desc[^>]*>(.*?)</desc>", inside, re.S)
        if "<svg" in inside and not (seen and len(re.findall(r"\d", seen[1])) >= 2):
            wrong.append(f"figure {name} is not described in words: {seen and seen[1][:60]}")
    wrong += [f"{n} headings of tables without a scope" for n in [len(re.findall(r"<th(?! scope=)", text))] if n]
    title = re.search(r"<title>(.*?)</title>", text, re.S)[1]
    return wrong + [f"a path in the title: {title}" for _ in re.findall("/", title)]


def main(path, *wanted):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    page = Page()
    page.feed(text)
    wrong = page.wrong
    if os.path.getsize(path) >= 5_000_000:
        wrong.append(f"{os.path.getsize(path)} bytes")
    if set(page.open) - OPTIONAL:
        wrong.append(f"not closed: {page.open}")
    wrong += [f"id {i} twice" for i in sorted(set(page.ids)) if page.ids.count(i) > 1]
    wrong += [f"#{i} is nowhere" for i in sorted(set(page.links) - set(page.ids))]
    if re.search(r"@import|url\((?!['\"]?(#|data:))", text):
        wrong.append("a style from elsewhere")
    for svg in re.findall(r"<svg.*?</svg>", text, re.S):
        head, rest = svg.split(">", 1)
        try:
            xml.fromstring(f'{head} xmlns:xlink="http://www.w3.org/1999/xlink">{rest}')
        except xml.ParseError as error:
            wrong.append(f"{head[:80]}: {error}")
    # 20: the marks that gnuplot defines in every drawing
    wrong += [f"figure {name} is empty" for name, n in page.figures.items() if n <= 20]
    wrong += pixels(text) + words(text)
    if wanted:
        wrong += [f"no figure {name}" for name in wanted if name not in page.figures]
        wrong += [f"figure {name} is not expected" for name in page.figures if name not in wanted]
    for line in wrong:
        print(line)
    print(f"{len(page.figures)} figures")
    return 1 if wrong else 0


sys.exit(main(*sys.argv[1:]))
