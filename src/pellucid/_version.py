"""The version, where it can be had without the rest."""

__version__ = "0.1.0"
