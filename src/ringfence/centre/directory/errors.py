"""Errors of the directory.

DirectoryError
+-- Invalid               a value cannot be used
+-- FlowInvalid           a flow breaks a rule of the exchange
+-- CentreFileError       a centre file names a value that cannot be used
+-- AudioUnusable         an audio file cannot become a prompt
+-- RenderingUnavailable  no speech engine here
"""

from ringfence.kit.errors import RingfenceError


class DirectoryError(RingfenceError):
    """The directory cannot be changed like this. See the sentence above."""


class Invalid(DirectoryError):
    """A value cannot be used. Correct it and try again."""


class FlowInvalid(DirectoryError):
    """The flow cannot be published. Mend the node named above."""


class CentreFileError(DirectoryError):
    """The centre file cannot be loaded; nothing was changed. Mend the key named above."""


class AudioUnusable(DirectoryError):
    """The audio cannot be used. Give headerless A-law at 8 kHz, or a file of a common audio format."""


class RenderingUnavailable(DirectoryError):
    """There is no speech engine here. Install the `speech` extra, or give the prompt a recording."""
