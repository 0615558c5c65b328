"""Plants the bugs of bugs.txt.

plant.py bugs.txt ROOT FILE OUT     copies one source file with them
plant.py bugs.txt --names OUT.h     says which there are
"""

import pathlib
import re
import sys


def bugs_of(text):
    """[(name, file, old, new)] and {name: what}."""
    changes, names = [], {}
    name = None
    for block in re.split(r"^(?=bug |file )", text, flags=re.M):
        head, _, body = block.partition("\n")
        if head.startswith("bug "):
            name, _, what = head[4:].partition(": ")
            names[name] = what
        elif head.startswith("file "):
            old, _, new = body.partition("=====\n")
            changes.append((name, head[5:], old.rstrip("\n"), new.rstrip("\n")))
    return changes, names


def main():
    changes, names = bugs_of(pathlib.Path(sys.argv[1]).read_text())
    if sys.argv[2] == "--names":
        lines = "".join(f'    {{"{name}", "{what}"}},\n' for name, what in names.items())
        pathlib.Path(sys.argv[3]).write_text(
            "// Made from bugs.txt.\n#pragma once\n\n"
            "struct PlantedBug {\n  const char* name;\n  const char* what;\n};\n"
            f"inline constexpr PlantedBug kPlantedBugs[] = {{\n{lines}}};\n"
        )
        return
    root, file, out = sys.argv[2:]
    text = (pathlib.Path(root) / file).read_text()
    for name, where, old, new in changes:
        if where != file:
            continue
        if text.count(old) != 1:
            sys.exit(f"tests/planted/bugs.txt: the text of {name} stands {text.count(old)} times in {file}:\n{old}")
        text = text.replace(old, new)
    pathlib.Path(out).write_text(f'#include "tests/planted/planted.h"\n{text}')


main()
