"""report_contrast.py PAGE...: the colours of curves and bars of a report have a contrast of at least 3:1 (WCAG 2.1,
1.4.11) to the card they lie on and to every band of a phase over it, on light and on dark pages; no drawing has a curve
in a colour that does not follow light and dark. Computed from the page's own style and drawings; standard library."""
import re
import sys

LEAST = 3


def luminance(colour):
    """Relative luminance of (r, g, b) as WCAG 2.1 defines it."""
    linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def parse(colour):
    colour = colour.lstrip("#")
    if len(colour) == 3:
        colour = "".join(2 * c for c in colour)
    return tuple(int(colour[i:i + 2], 16) for i in (0, 2, 4))


def over(top, opacity, below):
    return tuple(opacity * a + (1 - opacity) * b for a, b in zip(top, below))


def variables(text, dark):
    """The page's variables, those for dark pages over the others."""
    style = re.search(r"<style>(.*?)</style>", text, re.S)[1]
    found = {}
    for block, inside in re.findall(r"(@media[^{]*\{)?:root\{([^}]*)\}", style):
        if not block or dark and "dark" in block:                           # not those for print
            found.update(re.findall(r"--([a-z0-9]+):(#[0-9a-f]+)", inside))
    return {name: parse(colour) for name, colour in found.items()}


def look(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    bands = set()
    for fill in re.findall(r"<polygon fill = '(rgb\([^']*)' fill-opacity='([^']*)'", text):
        bands.add((tuple(int(c) for c in re.findall(r"\d+", fill[0])), float(fill[1])))
    points = sorted(set(re.findall(r"<use [^>]*color='(rgb\([^']*\))'", text)))    # on a circle of colours
    series = sorted(set(re.findall(r"var\(--(s\d)\)", text)))
    wrong, worst = [], 99.0
    for dark in (False, True):
        named = variables(text, dark)
        grounds = {"the card": named["card"]}
        grounds.update({f"the band {c} at {o}": over(c, o, named["card"]) for c, o in bands})
        for name in series + ["ink"]:
            for ground, colour in grounds.items():
                ratio = contrast(named[name], colour)
                worst = min(worst, ratio)
                if not ratio >= LEAST:
                    wrong.append(f"{'dark' if dark else 'light'}: --{name} on {ground} has {ratio:.2f}:1")
        for colour in points:
            ratio = contrast([int(c) for c in re.findall(r"\d+", colour)], named["card"])
            worst = min(worst, ratio)
            if not ratio >= LEAST:
                wrong.append(f"{'dark' if dark else 'light'}: points in {colour} have {ratio:.2f}:1")
    if not series:
        wrong.append("no curve has a colour of the page")
    # what gnuplot's paths and boxes are drawn in, but faint grids (#888888) and tiles of maps
    fixed = set(re.findall(r"<path stroke='(rgb\([^']*\))'", text)) - {"rgb(136, 136, 136)"}
    wrong += [f"a line of fixed colour {colour}" for colour in sorted(fixed)]
    print(f"{path}: {len(series)} colours, {len(points)} of points, {len(bands)} bands, least contrast {worst:.2f}:1")
    return wrong


def main(paths):
    # black on white, and the formula's own example of a grey that just passes 4.5:1
    if abs(contrast((0, 0, 0), (255, 255, 255)) - 21) > 1e-9 or not 4.5 < contrast(parse("#767676"), parse("#fff")) < 4.6:
        print("the formula is wrong")
        return 1
    wrong = [line for path in paths for line in look(path)]
    print(*wrong, sep="\n")
    return 1 if wrong or not paths else 0


sys.exit(main(sys.argv[1:]))
