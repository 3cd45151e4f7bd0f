"""The one error of the package."""


class Error(Exception):
    """What could not be done, and why, in the words of the command line."""
