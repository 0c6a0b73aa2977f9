"""One module a subcommand of `parity`: each reads arguments, calls the engine and prints."""
