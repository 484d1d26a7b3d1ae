"""``python -m pellucid`` is the command line."""

from pellucid.framework.cli import main

if __name__ == "__main__":
    main()
