"""An extension of IPython and Jupyter: ``%load_ext pellucid.ipython``."""

from ._extension import load_ipython_extension, magic_load_node, magic_reload_kedro, register_magics
from ._reload import reload_kedro

__all__ = ["load_ipython_extension", "magic_load_node", "magic_reload_kedro", "register_magics", "reload_kedro"]
