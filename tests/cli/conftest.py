"""A project to work with, and a place for plugins."""

from tests.support.cli_fixtures import project, site

__all__ = ["project", "site"]
