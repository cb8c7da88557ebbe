"""Speech and its phonemes from the library espeak-ng, by ctypes.

The library, with its data, is the package espeakng-loader. It keeps state between sentences and even
over its own termination, so that equal calls give equal samples only in a fresh process: see
`speaker_job`.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ernn_myhdl.corpus.extra import speech_module
from ernn_myhdl.errors import DesignError, ToolError

#: Releases of espeak-ng whose phonemes are known here.
KNOWN_RELEASE = "1.52"
LANGUAGE = "en-us"

# values of speak_lib.h
_PHONEME_EVENTS, _DONT_EXIT = 0x0001, 0x8000
_SYNCHRONOUS = 0x0002
_UTF8, _CHARACTER_POSITION = 1, 1
_END, _PHONEME = 0, 7
_RATE, _PITCH, _RANGE = 1, 3, 4


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_byte * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class Voice:
    """How espeak-ng speaks.

    variant: a file of its folder `voices/!v`. pitch, pitch_range: 0 to 99. rate: words a minute, 80 to 450.
    """

    variant: str
    pitch: int = 50
    pitch_range: int = 50
    rate: int = 175


@dataclass(frozen=True)
class Spoken:
    """samples: int16 (n,). phonemes: (position of its first sample, mnemonic with stress) each."""

    samples: np.ndarray
    phonemes: list[tuple[int, str]]


class Espeak:
    """The library, initialised; only one in a process.

    rate: samples a second. release: of the library.
    """

    def __init__(self) -> None:
        loader = speech_module("espeakng_loader")
        try:
            self._library = ctypes.CDLL(loader.get_library_path())
        except OSError as error:
            raise ToolError(
                f"espeak-ng: its library cannot be loaded ({error}); install it anew with "
                "`pip install --force-reinstall espeakng-loader`"
            ) from error
        self._declare()
        self._samples: list[np.ndarray] = []
        self._phonemes: list[tuple[int, str]] = []
        self._callback = _Callback(self._receive)  # the library does not hold it
        self._data = data = Path(loader.get_data_path())
        flags = _PHONEME_EVENTS | _DONT_EXIT
        self.rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(data).encode(), flags)
        if self.rate <= 0:
            raise ToolError(
                f"espeak-ng: cannot be initialised with its data in {data} (code {self.rate}); install "
                "espeakng-loader anew, where its path has less than 150 characters"
            )
        self.release = self._library.espeak_Info(None).decode()
        if not self.release.startswith(KNOWN_RELEASE):
            raise ToolError(
                f"espeak-ng {self.release}: only {KNOWN_RELEASE} is supported, as other releases speak "
                "otherwise; install it with `pip install 'ernn-myhdl[speech]'`"
            )
        self._library.espeak_SetSynthCallback(self._callback)

    def _declare(self) -> None:
        library, size = self._library, ctypes.c_size_t
        library.espeak_Initialize.argtypes = [
            ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int,
        ]  # fmt: skip
        library.espeak_Info.argtypes = [ctypes.c_void_p]
        library.espeak_Info.restype = ctypes.c_char_p
        library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        library.espeak_SetParameter.argtypes = [ctypes.c_int] * 3
        library.espeak_Synth.argtypes = [
            ctypes.c_char_p, size, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
            ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip

    def _receive(self, wave, count: int, events) -> int:
        """Called by the library with some samples and the events of them; 0: go on."""
        if wave and count > 0:
            self._samples.append(np.ctypeslib.as_array(wave, (count,)).copy())
        place = 0
        while events[place].type != _END:
            event = events[place]
            if event.type == _PHONEME:
                name = bytes(event.id.string).split(b"\0")[0].decode("utf-8", "replace")
                self._phonemes.append((event.sample, name))
            place += 1
        return 0

    def say(self, text: str, voice: Voice) -> Spoken:
        """Speak `text`. Within a process the samples depend on what was said before."""
        name = f"{LANGUAGE}+{voice.variant}"
        # the library takes an unknown variant for none, silently
        known = (self._data / "voices" / "!v" / voice.variant).is_file()
        if not known or self._library.espeak_SetVoiceByName(name.encode()):
            raise DesignError(f"variant = {voice.variant!r}: espeak-ng has no voice {name}")
        values = {_RATE: voice.rate, _PITCH: voice.pitch, _RANGE: voice.pitch_range}
        for parameter, value in values.items():
            self._library.espeak_SetParameter(parameter, value, 0)
        self._samples.clear()
        self._phonemes.clear()
        encoded = text.encode() + b"\0"
        code = self._library.espeak_Synth(
            encoded, len(encoded), 0, _CHARACTER_POSITION, 0, _UTF8, None, None
        )
        if code or not self._samples:
            raise ToolError(f"espeak-ng: said nothing for {text!r} with voice {name} (code {code})")
        return Spoken(np.concatenate(self._samples), list(self._phonemes))
