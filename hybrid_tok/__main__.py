"""`python -m hybrid_tok` is the `hybrid-tok` command."""

from hybrid_tok.cli.main import main

if __name__ == "__main__":
    main()
