"""The command line: `mvg` and its subcommands, one module each."""
