"""The command ``selmcast``, where the package came as a wheel: the program lies inside of it."""

from __future__ import annotations

import os
import pathlib
import sys


def main() -> None:
    """Becomes the program, with this process's arguments."""
    program = pathlib.Path(__file__).parent / "bin" / "selmcast"
    try:
        os.execv(program, ["selmcast", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"selmcast: cannot start {program}: {error}")


if __name__ == "__main__":
    main()
