"""Settings of the project. What is commented out is the default.

HOOKS = (MyHooks(),)                             instances; the last one is called first
DISABLE_HOOKS_FOR_PLUGINS = ("some-plugin",)     names of installed distributions
CONF_SOURCE = "conf"
CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local"}
"""
