"""Categories of warnings that code written for Kedro filters by."""


class KedroDeprecationWarning(DeprecationWarning):
    """Something will be gone in a later release."""


class KedroPythonVersionWarning(UserWarning):
    """This version of Python is not tested."""
