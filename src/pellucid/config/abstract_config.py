"""What every configuration loader is, and what it raises."""

from pellucid.config._abstract import AbstractConfigLoader
from pellucid.exceptions import BadConfigException, MissingConfigException

__all__ = ["AbstractConfigLoader", "BadConfigException", "MissingConfigException"]
