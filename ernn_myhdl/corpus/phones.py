"""Phone sets: TIMIT's 61 phones folded to 39, and espeak-ng's phonemes as such phones.

The folding is that of K.-F. Lee and H.-W. Hon, "Speaker-independent phone recognition using hidden
Markov models", IEEE Trans. ASSP 37(11), 1989: 48 phones are trained, and confusions within seven
groups of them are not counted, which leaves 39. The glottal stop `q` is removed.
"""

from __future__ import annotations

#: Silence, closures and pauses.
SILENCE = "sil"
#: The glottal stop of TIMIT: it is no phone of the 48 and 39.
GLOTTAL_STOP = "q"

#: The 48 phones of Lee and Hon; `cl`, `vcl` and `epi` are unvoiced and voiced closure, epenthetic silence.
PHONES_48 = (
    "aa", "ae", "ah", "ao", "aw", "ax", "ay", "b", "ch", "cl", "d", "dh", "dx", "eh", "el", "en", "epi", "er",
    "ey", "f", "g", "hh", "ih", "ix", "iy", "jh", "k", "l", "m", "n", "ng", "ow", "oy", "p", "r", "s", "sh", "sil",
    "t", "th", "uh", "uw", "v", "vcl", "w", "y", "z", "zh",
)  # fmt: skip
#: TIMIT's phones that are not of the 48 -> the one of the 48 that stands for them.
_TO_48 = {
    "ax-h": "ax", "axr": "er", "bcl": "vcl", "dcl": "vcl", "gcl": "vcl", "pcl": "cl", "tcl": "cl",
    "kcl": "cl", "em": "m", "eng": "ng", "hv": "hh", "nx": "n", "ux": "uw", "h#": "sil", "pau": "sil",
}  # fmt: skip
#: Phones of the 48 that are counted as another one.
_TO_39 = {
    "ao": "aa", "ax": "ah", "el": "l", "en": "n", "ix": "ih", "zh": "sh", "cl": SILENCE,
    "vcl": SILENCE, "epi": SILENCE,
}  # fmt: skip

#: The 39 phones that are counted, sorted; their places are the labels.
PHONES_39 = tuple(phone for phone in PHONES_48 if phone not in _TO_39)

#: TIMIT's 61 phones -> those of the 48; without `q`.
TIMIT_TO_48 = {phone: phone for phone in PHONES_48 if phone not in ("cl", "vcl", "sil")} | _TO_48
#: TIMIT's 61 phones -> those of the 39; without `q`.
TIMIT_TO_39 = {phone: _TO_39.get(folded, folded) for phone, folded in TIMIT_TO_48.items()}

#: Vowels with r in them, which espeak-ng speaks as one phoneme: car, four, chair, near, poor.
R_COLOURED = ("aar", "aor", "ehr", "ihr", "uhr")
#: The phones of the synthetic corpus.
SYNTHETIC_PHONES = (*PHONES_39, *R_COLOURED)

_ESPEAK_BY_PHONE = {
    SILENCE: "_ _: _! _|", "aa": "0 A: O: O2 A", "ae": "a aa", "ah": "@ @2 @5 a# V", "aw": "aU",
    "ay": "aI", "b": "b", "ch": "tS", "d": "d", "dh": "D", "dx": "t#", "eh": "E", "er": "3 3:",
    "ey": "eI", "f": "f", "g": "g", "hh": "h", "ih": "I I2 I#", "iy": "i i:", "jh": "dZ", "k": "k",
    "l": "l @L", "m": "m", "n": "n n-", "ng": "N", "ow": "oU", "oy": "OI", "p": "p", "r": "r r-",
    "s": "s", "sh": "S Z", "t": "t t2", "th": "T", "uh": "U", "uw": "u: u", "v": "v", "w": "w",
    "y": "j ;", "z": "z", "aar": "A@", "aor": "O@ o@", "ehr": "e@", "ihr": "i@3", "uhr": "U@",
}  # fmt: skip
#: Mnemonics of espeak-ng's American English, without marks of stress -> phone.
ESPEAK_TO_PHONE = {
    mnemonic: phone for phone, names in _ESPEAK_BY_PHONE.items() for mnemonic in names.split()
}
#: Marks of stress before a mnemonic.
STRESS = "',%="
