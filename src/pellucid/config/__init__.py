"""Configuration of a project: environments of YAML and JSON files, merged and with their references resolved."""

from pellucid.config.abstract_config import AbstractConfigLoader, BadConfigException, MissingConfigException
from pellucid.config.omegaconf_config import OmegaConfigLoader

__all__ = ["AbstractConfigLoader", "BadConfigException", "MissingConfigException", "OmegaConfigLoader"]
