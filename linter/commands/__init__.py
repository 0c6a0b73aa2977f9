"""The subcommands of `linter`, a module each. What one needs is imported when it runs."""
