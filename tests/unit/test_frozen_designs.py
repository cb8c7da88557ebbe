"""A design never changes: its weights cannot be written, equality looks at what the digest looks at."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from ernn_myhdl import new_design
from ernn_myhdl.design.network import Network


def design(seed=0, **changes):
    return new_design(3, 4, 0, 1, False, lanes=4, seed=seed, **changes)


def copies(one):
    return [one, copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one)), replace(one)]


def test_weights_of_a_design_cannot_be_written():
    for one in copies(design()):
        digest = one.digest
        with pytest.raises(ValueError, match="read-only"):
            one.weights["bias"][:] = 0
        with pytest.raises(ValueError, match="writeable|WRITEABLE"):
            one.weights["bias"].setflags(write=True)
        for change in (
            lambda w: w.__setitem__("bias", 0),
            lambda w: w.update(bias=0),
            lambda w: w.pop("bias"),
            lambda w: w.__ior__({}),
        ):
            with pytest.raises(TypeError, match="read-only"):
                change(one.weights)
        assert replace(one).digest == digest


def test_the_arrays_that_a_design_was_made_of_stay_the_users_own():
    given = {name: np.array(array) for name, array in design().weights.items()}
    one = replace(design(), weights=given)
    before = one.weights["bias"].copy()
    given["bias"] += 1
    assert np.array_equal(one.weights["bias"], before) and one == design()


def test_designs_with_other_weights_are_not_equal():
    one, other = design(), design(seed=1)
    other = replace(other, formats=one.formats)
    assert one.cell == other.cell and one.hardware == other.hardware
    assert one != other and hash(one) != hash(other)
    assert Network((one,)) != Network((other,))


def test_equal_designs_have_equal_digests_and_one_place_in_a_set():
    for same in copies(design()):
        assert same == design() and hash(same) == hash(design()) and same.digest == design().digest
        assert Network((same,)) == Network((design(),))
    assert len({*copies(design()), design(seed=1)}) == 2
    assert design() != design(name="other") and design() != "design"
