"""Watch, guard and analyse the streams of language models while they run."""

from midstream._rust import version as __version__

__all__ = ["__version__"]
