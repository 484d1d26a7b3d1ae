"""A session runtime for data pipelines, with every run traced, measured and logged."""

from pellucid._notebook import load_ipython_extension
from pellucid._version import __version__
from pellucid._warnings import KedroDeprecationWarning, KedroPythonVersionWarning

__all__ = ["KedroDeprecationWarning", "KedroPythonVersionWarning", "__version__", "load_ipython_extension"]
