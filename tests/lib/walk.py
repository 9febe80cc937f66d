"""Walks down a page: writes the files that it shows, runs its commands one after the other in the current folder, and
holds what they print to what the page says. walk.py PAGE [--write]: puts what was printed into the page instead.

A block yaml or python begins with "# NAME: ..." and is that file. In a block console "$ " begins a command, and what
follows is its output, stdout alone; "..." stands for any lines. Numbers differ between machines (rounding), so they are
only compared in being numbers, and so are lists of them; spaces too. A command of which something is missing here
(a Python module that its file imports, gnuplot) is skipped, and that is said. Exits with 1 where something differs."""

import importlib.util
import re
import shutil
import subprocess
import sys


def blocks(text):
    """(kind, first line number, lines) of each fenced block."""
    found, kind = [], None
    for number, line in enumerate(text.split("\n")):
        if line.startswith("```"):
            if kind is None:
                kind, start, lines = line[3:], number + 1, []
            else:
                found.append((kind, start, lines))
                kind = None
        elif kind is not None:
            lines.append(line)
    return found


def commands(lines):
    """(command, what it is to print) of a block."""
    found = []
    for line in lines:
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def shape(line):
    """The line without what rounding may change."""
    line = re.sub(r"(?<![A-Za-z_])-?\d+(\.\d+)?(e[+-]?\d+)?", "#", line)
    return " ".join(re.sub(r"#([,:] ?#)+", "#", line).split())


def alike(said, printed):
    said, printed = [shape(x) for x in said], [shape(x) for x in printed]
    if "..." not in said:
        return said == printed
    at = said.index("...")
    head, tail = said[:at], said[at + 1 :]
    there = len(printed) >= len(head) + len(tail)
    return there and printed[:at] == head and printed[len(printed) - len(tail) :] == tail


def shortened(said, printed):
    if "..." not in said or len(said) > len(printed):
        return printed
    at = said.index("...")
    return printed[:at] + ["..."] + printed[len(printed) - (len(said) - at - 1) :]


def missing(command, files):
    """What is not here, of what a command wants."""
    name = re.search(r"(\w+\.py)", command)
    if "--figures" in command or "figures/" in command:
        if not shutil.which("gnuplot"):
            return "gnuplot"
    for module in re.findall(r"^(?:import|from) (\w+)", files.get(name and name[1], ""), re.M):
        if importlib.util.find_spec(module) is None:
            return module
    if "grokc.load" in files.get(name and name[1], ""):
        if importlib.util.find_spec("transformer_lens") is None:
            return "transformer_lens"
    return None


def main():
    page, write = sys.argv[1], sys.argv[2:] == ["--write"]
    text = open(page, encoding="utf-8").read()
    files, wrong, ran, skipped, lacking = {}, 0, 0, 0, set()
    for kind, start, lines in blocks(text):
        if kind in ("yaml", "python"):
            name = re.match(r"# ([\w.]+): ", lines[0])
            if not name:
                sys.exit(f"{page}:{start + 1}: a file begins with its name: {lines[0]}")
            files[name[1]] = "\n".join(lines) + "\n"
            open(name[1], "w", encoding="utf-8").write(files[name[1]])
            continue
        if kind != "console":
            sys.exit(f"{page}:{start}: a block of kind {kind!r} is not run")
        filled = []
        for command, said in commands(lines):
            filled.append("$ " + command)
            # What was made by a command that was skipped is not there for the next one.
            lacks = missing(command, files)
            if lacks:
                print(f"skipped: {command} ({lacks} is not here)")
                lacking.add(lacks)
                skipped += 1
                filled += said
                continue
            done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
            printed = done.stdout.rstrip("\n").split("\n") if done.stdout else []
            filled += shortened(said, printed)
            ran += 1
            if done.returncode != 0 or not (write or alike(said, printed)):
                wrong += 1
                print(f"{page}:{start + 1}: $ {command}: exit code {done.returncode}; printed")
                print("\n".join("    " + x for x in printed) + "\n" + done.stderr)
        if write:
            text = text.replace("\n".join(lines), "\n".join(x.rstrip() for x in filled))
    if write and not wrong:
        open(page, "w", encoding="utf-8").write(text)
    print(f"{ran} commands ran, {skipped} did not, {wrong} were not as the page says")
    sys.exit(1 if wrong or ran == 0 else 0)


main()
