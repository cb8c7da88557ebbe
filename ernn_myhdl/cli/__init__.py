"""The command `ernn`; one file a sub-command."""
