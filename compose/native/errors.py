"""What can go wrong, as the two kinds that a caller tells apart."""


class ClusterError(Exception):
    """Something failed; the text says what, and what can be done."""


class MissingTool(ClusterError):
    """A program that has to be on this machine is not: no cluster can run here."""
