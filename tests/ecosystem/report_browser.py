"""What report.sh has seen of a page in a browser:
    sizes DOM WIDTH              nothing is wider than the window; figures have a size
    shot PNG WIDTH HEIGHT SCHEME the screenshot has this size, a background of this scheme, and something on it
    quiet LOG NETLOG             nothing on the console, nothing asked for by the page but files
Prints what is wrong; standard library only."""
import html
import json
import re
import struct
import sys
import zlib


def sizes(dom, width):
    with open(dom, encoding="utf-8") as file:
        seen = json.loads(html.unescape(re.search(r"<title>(\{.*?)</title>", file.read(), re.S)[1]))
    width, wrong = int(width), []
    if seen["window"] != width:
        wrong.append(f"the window is {seen['window']} wide, not {width}")
    if seen["page"] > width:
        wrong.append(f"the page is {seen['page']} wide: it scrolls sideways")
    if not seen["svgs"] or seen["letters"] < 5 * len(seen["svgs"]):
        wrong.append(f"{len(seen['svgs'])} drawings, {seen['letters']} texts")
    wrong += [f"a map is shown {off:g} pixels wider than it was drawn" for off in seen["maps"] if abs(off) > 0.01]
    wrong += [f"a drawing of {w} x {h}" for w, h in seen["svgs"] if w < 0.4 * min(width, 800) or h < 100]
    return wrong


def pixels(path):
    """Rows of (r, g, b) of an 8-bit PNG without interlacing."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", data[at + 8:at + 21])
        elif kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    assert depth == 8 and colour in (2, 6) and not interlaced, (depth, colour, interlaced)
    n = 3 if colour == 2 else 4
    raw, before, rows = zlib.decompress(packed), bytes(width * n), []
    for y in range(height):
        start = y * (width * n + 1)
        kind, line = raw[start], bytearray(raw[start + 1:start + 1 + width * n])
        for i in range(len(line)):                      # undo the line's filter
            left, up, corner = (line[i - n], before[i], before[i - n]) if i >= n else (0, before[i], 0)
            if kind == 1:
                line[i] = (line[i] + left) & 255
            elif kind == 2:
                line[i] = (line[i] + up) & 255
            elif kind == 3:
                line[i] = (line[i] + (left + up) // 2) & 255
            elif kind == 4:
                guess = left + up - corner
                nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))
                line[i] = (line[i] + nearest[2]) & 255
        before = bytes(line)
        rows.append([before[i:i + 3] for i in range(0, len(before), n)])
    return rows


def shot(path, width, height, scheme):
    rows, wrong, count = pixels(path), [], {}
    if (len(rows[0]), len(rows)) != (int(width), int(height)):
        wrong.append(f"{len(rows[0])} x {len(rows)}, not {width} x {height}")
    for row in rows[::3]:
        for pixel in row[::3]:
            count[pixel] = count.get(pixel, 0) + 1
    back = max(count, key=count.get)
    dark = sum(back) < 3 * 128
    if dark != (scheme == "dark"):
        wrong.append(f"the background is {tuple(back)} in {scheme}")
    share = 1 - sum(n for colour, n in count.items() if max(abs(a - b) for a, b in zip(colour, back)) < 16) / sum(count.values())
    if len(count) < 20 or share < 0.02:
        wrong.append(f"nearly blank: {len(count)} colours, {100 * share:.2g} percent of it is not background")
    return wrong


def quiet(log, netlog):
    with open(log, errors="replace") as file:
        wrong = [f"console: {line.strip()}" for line in file if "CONSOLE" in line]
    with open(netlog) as file:
        text = file.read()
    try:
        net = json.loads(text)
    except json.JSONDecodeError:                        # the browser may end before the log's last line
        net = json.loads(text.rstrip().rstrip(",") + "]}")
    kinds = {value: name for name, value in net["constants"]["logEventTypes"].items()}
    for event in net["events"]:
        request = event.get("params", {})
        url = request.get("url", "")
        own = request.get("initiator") == "not an origin"   # the browser's own affairs, not the page's
        if (kinds[event["type"]] == "URL_REQUEST_START_JOB" and url and not own
                and not url.startswith(("file:", "data:"))):
            wrong.append(f"network: {url}")
    return wrong


wrong = {"sizes": sizes, "shot": shot, "quiet": quiet}[sys.argv[1]](*sys.argv[2:])
print(*wrong, sep="\n")
sys.exit(bool(wrong))
