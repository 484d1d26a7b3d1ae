"""Settings of the project; what is not set here has pellucid's default.

HOOKS = (MyHooks(),)                              instances whose methods carry @hook_impl
SESSION_STORE_CLASS, SESSION_STORE_ARGS           where sessions are recorded
CONFIG_LOADER_ARGS = {"base_env": "base", …}      how conf/ is read
"""
