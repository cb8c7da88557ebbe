"""Speech corpora: a user's TIMIT, and synthetic speech that anyone can make.

`load_corpus` reads what `make_corpus` (synthetic) and `import_timit` write.
"""

from ernn_myhdl.corpus.corpus import PARTS, Corpus, Part, Utterance
from ernn_myhdl.corpus.decode import Decoder, train_decoder
from ernn_myhdl.corpus.score import (
    Score,
    frame_accuracy,
    phone_error_rate,
    phone_sequence,
    score,
    score_outputs,
)
from ernn_myhdl.corpus.storage import load_corpus
from ernn_myhdl.corpus.synthetic import RECIPES, make_corpus, recipe_with
from ernn_myhdl.corpus.timit import import_timit

__all__ = [
    "PARTS",
    "RECIPES",
    "Corpus",
    "Decoder",
    "Part",
    "Score",
    "Utterance",
    "frame_accuracy",
    "import_timit",
    "load_corpus",
    "make_corpus",
    "phone_error_rate",
    "phone_sequence",
    "recipe_with",
    "score",
    "score_outputs",
    "train_decoder",
]
