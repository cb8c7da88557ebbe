"""A small placed netlist, and its delays as nextpnr writes them."""

from __future__ import annotations

# a register of the lane through a LUT to one of the sum; the chain of the wrapper is longer still
SDF = r"""
(DELAYFILE
  (CELL (CELLTYPE "top")
    (INSTANCE )
    (DELAY
      (ABSOLUTE
        (INTERCONNECT core.lane_0_i.x\[1\]_TRELLIS_FF_Q/Q core.lane_0_i.lut/A (100:200:300) (100:200:350))
        (INTERCONNECT core.lane_0_i.lut/F core.sum_i.s_TRELLIS_FF_Q/DI (0:0:0) (0:0:0))
        (INTERCONNECT given_FF/Q shown_FF/M (0:0:9000) (0:0:9000))
        (INTERCONNECT core.lane_0_i.x\[1\]_TRELLIS_FF_Q/Q core.sum_i.s_TRELLIS_FF_Q/CE (0:0:2000) (0:0:2000))
      )
    )
  )
  (CELL
    (CELLTYPE "TRELLIS_FF")
    (INSTANCE core.lane_0_i.x\[1\]_TRELLIS_FF_Q)
    (DELAY (ABSOLUTE
        (IOPATH CLK Q (430:477:525) (430:477:525))
    ))
  )
  (CELL
    (CELLTYPE "TRELLIS_COMB")
    (INSTANCE core.lane_0_i.lut)
    (DELAY (ABSOLUTE
        (IOPATH A F (0:0:240) (0:0:200))
    ))
  )
  (CELL
    (CELLTYPE "TRELLIS_FF")
    (INSTANCE core.sum_i.s_TRELLIS_FF_Q)
    (TIMINGCHECK
      (SETUPHOLD (posedge DI) (posedge CLK) (0:0:10) (0:0:268))
      (SETUPHOLD (negedge DI) (posedge CLK) (0:0:20) (0:0:268))
      (SETUPHOLD (posedge CE) (posedge CLK) (0:0:-500) (0:0:268))
    )
  )
  (CELL
    (CELLTYPE "TRELLIS_FF")
    (INSTANCE given_FF)
    (DELAY (ABSOLUTE
        (IOPATH CLK Q (430:477:525) (430:477:525))
    ))
  )
  (CELL
    (CELLTYPE "TRELLIS_FF")
    (INSTANCE shown_FF)
    (TIMINGCHECK
      (SETUPHOLD (posedge M) (posedge CLK) (0:0:0) (0:0:268))
    )
  )
)
"""


def scope(module: str) -> dict:
    return {
        "type": "$scopeinfo",
        "parameters": {"TYPE": "module"},
        "attributes": {"module": module},
        "port_directions": {},
        "connections": {},
    }


def flip_flop(net: int) -> dict:
    return {
        "type": "TRELLIS_FF",
        "parameters": {},
        "attributes": {},
        "port_directions": {"DI": "input", "Q": "output"},
        "connections": {"DI": ["0"], "Q": [net]},
    }


NETLIST = {
    "cells": {
        "core": scope("ernn_core"),
        "core.lane_0_i": scope(r"$paramod\ernn_lane\CONTENTS=s32'0"),
        "core.sum_i": scope("ernn_sum"),
        "core.lane_0_i.x[1]_TRELLIS_FF_Q": flip_flop(4),
        "core.sum_i.s_TRELLIS_FF_Q": flip_flop(6),
    },
    "netnames": {
        "core.lane_0_i.x[1]": {"bits": [3, 4]},
        "core.lane_0_i.x[1]_TRELLIS_FF_Q_DI": {"bits": [4]},
        "core.sum_i.s": {"bits": [6]},
    },
}
