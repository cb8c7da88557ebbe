"""Tests of lanes, of what selects and broadcasts columns to them."""

from __future__ import annotations

from block_bench import Values
from block_case import BlockCase, arrays, columns, flags, padded

from ernn_myhdl.numerics import transform
from ernn_myhdl.rtl import broadcast, lane


def column_of(spectrum: list[int]) -> list[int]:
    """[DC, Nyquist, then a, a + b, b - a of every bin]."""
    column = spectrum[:2]
    for a, b in zip(spectrum[2::2], spectrum[3::2], strict=True):
        column += [a, a + b, b - a]
    return column


def complex_products(spectrum: list[int], weights: list[int]) -> list[int]:
    """Products of packed spectra by their definition."""
    products = [x * w for x, w in zip(spectrum[:2], weights[:2], strict=True)]
    for j in range(2, len(spectrum), 2):
        (a, b), (c, d) = spectrum[j : j + 2], weights[j : j + 2]
        products += [a * c - b * d, a * d + b * c]
    return products


def combined(sums: list[int]) -> list[int]:
    """Complex words from K1, K2, K3."""
    words = sums[:2]
    for k1, k2, k3 in zip(sums[2::3], sums[3::3], sums[4::3], strict=True):
        words += [k1 - k2, k1 + k3]
    return words


def lane_case(points: int, x_word: int, w_word: int, rows: int = 25) -> BlockCase:
    """Rows of columns with bubbles."""
    word = transform.width_for(8 << (x_word + w_word))

    def vectors(rng):
        spectra = arrays(
            rng, points, x_word, 180, [-(1 << x_word - 1), (1 << x_word - 1) - 1, 0, -1]
        )
        weights = arrays(
            rng, points, w_word, 180, [-(1 << w_word - 1), (1 << w_word - 1) - 1, 0, -1]
        )
        spoilt = column_of(spectra[-1])
        inputs, position = [], 0
        for _ in range(rows):
            length = int(rng.integers(1, 7))
            for i in range(length):
                while rng.random() < 0.3:
                    inputs.append(_lane_inputs(spectra[0], weights[0], 0, 0))
                inputs.append(_lane_inputs(spectra[position], weights[position], 1, i == 0))
                position += 1
        inputs = padded(inputs, 6)
        inputs[-6:] = [v | {"valid": 0, "first": 0} for v in inputs[-6:]]
        # the tag comes later than its column
        tags = [0] * lane.FIRST_DELAY + [v["first"] for v in inputs]
        inputs = [v | {"first": tag} for v, tag in zip(inputs, tags, strict=False)]
        # a column that is not valid must not reach the sums: other operands than those before
        return [
            v | ({} if v["valid"] else {"column": spoilt, "weights": weights[-1]}) for v in inputs
        ]

    def expected(inputs):
        """The sums of the row so far, in every cycle, by the definition."""
        results: list[Values] = [{}] * lane.LATENCY
        total = None
        for t, v in enumerate(inputs[: -lane.LATENCY]):
            if v["valid"]:
                now = complex_products(_spectrum_of(v["column"]), v["weights"])
                first = inputs[t + lane.FIRST_DELAY]["first"]
                total = now if first else [x + y for x, y in zip(total, now, strict=True)]
            results.append({"spectrum": total})
        return results

    return BlockCase(
        f"lane of {points}, {x_word} x {w_word}", lambda: lane.leaf(points, x_word, w_word, word),
        vectors, expected,
    )  # fmt: skip


def _lane_inputs(spectrum, weights, valid, first) -> Values:
    return {
        "column": column_of(spectrum), "weights": weights, "valid": int(valid), "first": int(first),
    }  # fmt: skip


def _spectrum_of(column: list[int]) -> list[int]:
    words = column[:2]
    for a, s in zip(column[2::3], column[3::3], strict=True):
        words += [a, s - a]
    return words


LANES = [
    lane_case(*c) for c in ((1, 8, 6), (2, 12, 12), (4, 9, 7), (8, 16, 12), (16, 5, 4), (32, 6, 5))
]


def select_case(
    points: int, x: int, y: int, m: int, second_x: bool = False, blocks: tuple[int, ...] = ()
) -> BlockCase:
    """blocks: sizes of the blocks of x, y and m."""

    def mixed(words, block):
        """Bins of the tile that are real words of a smaller block: 0, -p, q."""
        column = column_of(words)
        for j in range(1, points // 2):
            if block < points and (block == 1 or 2 * j % block == 0):
                column[3 * j - 1 : 3 * j + 2] = [0, -words[2 * j], words[2 * j + 1]]
        return column

    sizes = dict(zip("xym", blocks or (points,) * 3, strict=True))

    def vectors(rng):
        number = 60
        more = {}
        if second_x:
            more = {
                "second_x": flags(rng, number),
                "second_column": arrays(rng, points, x, number),
            }
        return padded(
            columns(
                recurrent=flags(rng, number),
                second=flags(rng, number, 0.3),
                fresh=flags(rng, number, 0.3),
                x_column=arrays(rng, points, x, number),
                y_column=arrays(rng, points, y, number),
                m_column=arrays(rng, points, m, number),
                **more,
            ),
            broadcast.SELECT_LATENCY,
        )

    def chosen(v):
        if v["second"]:
            from_x = second_x and v["second_x"]
            if from_x:
                return {"column": mixed(v["second_column"], sizes["x"])}
            return {"column": mixed(v["m_column"], sizes["m"])}
        if v["recurrent"]:
            return {"column": mixed([0] * points if v["fresh"] else v["y_column"], sizes["y"])}
        return {"column": mixed(v["x_column"], sizes["x"])}

    def expected(inputs):
        """The choice comes a cycle before the columns."""
        names = ("recurrent", "second", "fresh", *(("second_x",) if second_x else ()))
        results = [
            chosen(now | {name: before[name] for name in names})
            for before, now in zip(inputs, inputs[1:], strict=False)
        ]
        return ([{}] * (broadcast.SELECT_LATENCY + 1) + results)[: len(inputs)]

    return BlockCase(
        f"column select of {points}, {x}, {y}, {m}"
        + (", second phase of x" if second_x else "")
        + (f", blocks {blocks}" if blocks else ""),
        lambda: broadcast.select_leaf(points, (x, y, m), second_x, blocks or None),
        vectors,
        expected,
    )


def broadcast_case(products: int, width: int) -> BlockCase:
    tags = ("valid", "first", "last", "shift")

    def vectors(rng):
        return columns(
            column=arrays(rng, products, width, 40),
            **{t: flags(rng, 40) for t in tags},
            address=rng.integers(0, 1 << 5, 40).tolist(),
        )

    delays = {"first": lane.FIRST_DELAY, "last": lane.LAST_DELAY, "shift": lane.SHIFT_DELAY}

    def expected(inputs):
        return [
            {
                f"{name}_copy": inputs[before][name]
                for name in inputs[t]
                if (before := t - broadcast.BROADCAST_LATENCY - delays.get(name, 0)) >= 0
            }
            for t in range(len(inputs))
        ]

    return BlockCase(
        f"broadcast {products} x {width}",
        lambda: broadcast.broadcast_leaf(products, width, 5),
        vectors,
        expected,
    )
