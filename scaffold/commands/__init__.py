"""One module a subcommand of `scaffold`: each reads arguments, calls the engine and prints."""
