"""`python -m plat` is the command `plat`."""

from __future__ import annotations

from plat.cli.main import main

if __name__ == "__main__":
    main()
