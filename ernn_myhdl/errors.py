"""The two exceptions that users of the package meet."""


class DesignError(ValueError):
    """A specification or an input is wrong.

    The message names the field, its value, what is legal and what to do. The command line prints
    it on one line and exits with code 2.
    """


class ToolError(RuntimeError):
    """A tool outside Python is missing or failed.

    The message names the tool and how to install it, or where its log is. The command line
    prints it and exits with code 3.
    """
