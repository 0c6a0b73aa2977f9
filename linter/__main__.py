"""`python -m linter` is the `linter` command."""

from linter.cli import main


if __name__ == "__main__":
    main()
