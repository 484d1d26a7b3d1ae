"""The built-in hooks: one plugin that records, and three that do something with what is recorded.

Each module has a function without arguments that makes its plugin: an entry point of the group ``pellucid.hooks``.
"""

__all__: list[str] = []
