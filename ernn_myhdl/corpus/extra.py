"""The packages of the extra `speech`, imported where they are needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from ernn_myhdl.errors import ToolError

#: Module -> what it is used for.
_USES = {
    "espeakng_loader": "speaks",
    "kaldi_native_fbank": "computes MFCC and log-mel features",
    "soundfile": "reads WAV and SPHERE files",
    "soxr": "resamples speech",
    "rapidfuzz.distance": "computes edit distances",
}


def speech_module(name: str) -> ModuleType:
    """The module `name`; ToolError where it is missing."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        package = name.split(".")[0].replace("_", "-")
        raise ToolError(
            f"the package {package} is missing, which {_USES[name]}; install it with "
            "`pip install 'ernn-myhdl[speech]'`"
        ) from error
