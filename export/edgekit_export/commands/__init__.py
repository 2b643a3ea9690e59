"""One file a command: parse, call, print. Heavy imports stand inside the functions, so that `--help` is instant."""
