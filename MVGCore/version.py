"""The version of the package, in one place: the distribution's metadata and `mvg --version` read it here."""

__version__ = "0.1.0"
