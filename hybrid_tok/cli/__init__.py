"""The `hybrid-tok` command."""
