"""Exit codes of the command line."""

DONE = 0
FATAL = 1
USAGE = 2
SOME_FAILED = 3
NOTHING_FOUND = 4
INTERRUPTED = 130
