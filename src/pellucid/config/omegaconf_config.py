"""The configuration loader that reads OmegaConf's interpolations."""

from pellucid.config._loader import OmegaConfigLoader
from pellucid.config._merging import MERGING_IMPLEMENTATIONS, MergeStrategies
from pellucid.config._sources import CLOUD_PROTOCOLS, HTTP_PROTOCOLS

__all__ = ["CLOUD_PROTOCOLS", "HTTP_PROTOCOLS", "MERGING_IMPLEMENTATIONS", "MergeStrategies", "OmegaConfigLoader"]
