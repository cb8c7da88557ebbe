"""The recurrences of LSTM, GRU and vanilla RNN over a batch of sequences, with gradients written out.

PyTorch's own loops have no peepholes and no reset before the product. Written as a loop of its operators
they would be slow: every frame would add to the gradient of every matrix. Here the gradient of a
matrix is one product over all frames.

Tensors are (frames, sequences, ...). s is the logistic function, act tanh or s; c', h', y' are of the
frame before. `driven` holds W x + b of all gates. Equations: docs/cells-and-networks.md.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

#: What is done to y of each frame before it is used again (rounding); gradients pass it unchanged.
Rounding = Callable[[Tensor], Tensor]


def activate(x: Tensor, name: str) -> Tensor:
    """tanh, sigmoid or relu of x."""
    return {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu}[name](x)


def slope(y: Tensor, name: str) -> Tensor:
    """Derivative of the activation where its value is y."""
    if name == "relu":
        return (y > 0).to(y)
    return 1 - y * y if name == "tanh" else y * (1 - y)


def _before(first: Tensor, sequence: Tensor) -> Tensor:
    """The values of the frame before, for every frame."""
    return torch.cat([first[None], sequence[:-1]])


def _outer(one: Tensor, other: Tensor) -> Tensor:
    """Sum over frames and sequences of one^T other."""
    return one.flatten(0, 1).T @ other.flatten(0, 1)


class LstmRecurrence(torch.autograd.Function):
    """y (T, N, Y) and c (T, N, H) of driven (T, N, 4 H), gates input, forget, candidate, output.

    recurrent (4 H, Y); peephole (3, H) or None; projection (Y, H) or None; y, c before the first frame.
    c is given for the state after the last frame; its gradient is that of the last frame.
    """

    @staticmethod
    def forward(ctx, driven, recurrent, peephole, projection, y, c, g_activation, rounding):
        hidden = c.shape[-1]
        ctx.g_activation, first = g_activation, (y, c)
        stores: list[list] = [[] for _ in range(5)]
        for z in driven:
            z = torch.addmm(z, y, recurrent.T).view(-1, 4, hidden)
            before = z[:, :2] if peephole is None else z[:, :2] + peephole[:2] * c[:, None]
            i, f = torch.sigmoid(before).unbind(1)
            g = activate(z[:, 2], g_activation)
            c = torch.addcmul(f * c, i, g)
            o = torch.sigmoid(z[:, 3] if peephole is None else z[:, 3] + peephole[2] * c)
            t = torch.tanh(c)
            m = o * t
            y = m if projection is None else m @ projection.T
            if rounding is not None:
                y = rounding(y)
            for store, value in zip(
                stores, (torch.stack((i, f, g, o), 1), c, t, m, y), strict=True
            ):
                store.append(value)
        gates, cells, tanhs, outputs, ys = (torch.stack(store) for store in stores)
        saved = (recurrent, peephole, projection, gates, cells, tanhs, outputs, ys, *first)
        ctx.save_for_backward(*saved)
        return ys, cells

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_y, grad_c):
        recurrent, peephole, projection, gates, cells, tanhs, outputs, ys, y, c = ctx.saved_tensors
        previous = _before(c, cells)
        dz = torch.empty_like(gates)
        dy = torch.empty_like(ys)
        dy_next, dc_next = torch.zeros_like(y), torch.zeros_like(c)
        for t in reversed(range(len(gates))):
            i, f, g, o = gates[t].unbind(1)
            dy[t] = grad_y[t] + dy_next
            dm = dy[t] if projection is None else dy[t] @ projection
            di, df, dg, do = dz[t].unbind(1)
            torch.mul(dm * tanhs[t], o * (1 - o), out=do)
            dc = dm * o * (1 - tanhs[t] * tanhs[t]) + dc_next + grad_c[t]
            if peephole is not None:
                dc = dc + do * peephole[2]
            torch.mul(dc * g, i * (1 - i), out=di)
            torch.mul(dc * previous[t], f * (1 - f), out=df)
            torch.mul(dc * i, slope(g, ctx.g_activation), out=dg)
            dc_next = dc * f
            if peephole is not None:
                dc_next = dc_next + di * peephole[0] + df * peephole[1]
            dy_next = dz[t].flatten(1) @ recurrent
        flat = dz.flatten(2)
        d_peephole = None
        if peephole is not None:
            old = (dz[:, :, :2] * previous[:, :, None]).sum((0, 1))
            d_peephole = torch.cat([old, (dz[:, :, 3] * cells).sum((0, 1))[None]])
        d_projection = None if projection is None else _outer(dy, outputs)
        d_recurrent = _outer(flat, _before(y, ys))
        return flat, d_recurrent, d_peephole, d_projection, dy_next, dc_next, None, None


class GruRecurrence(torch.autograd.Function):
    """h (T, N, H) of driven (T, N, 3 H), gates reset, update, candidate.

    recurrent (3 H, H); bias (H,) of the candidate's recurrent product, which puts the reset after it, or
    None: before; h before the first frame. What is multiplied with the matrices is `rounding` of h.
    """

    @staticmethod
    def forward(ctx, driven, recurrent, bias, h, g_activation, rounding):
        hidden = h.shape[-1]
        ctx.g_activation, first = g_activation, h
        keep = (lambda x: x) if rounding is None else rounding
        two, third = recurrent[: 2 * hidden].T, recurrent[2 * hidden :].T
        stores: list[list] = [[] for _ in range(4)]
        for z in driven:
            y = keep(h)
            rz = torch.sigmoid(torch.addmm(z[:, : 2 * hidden], y, two)).view(-1, 2, hidden)
            r, u = rz.unbind(1)
            # m is what the candidate's matrix multiplies, q its product where the reset comes after
            if bias is None:
                m, q = keep(r * h), None
                sums = m @ third
            else:
                m, q = y, torch.addmm(bias, y, third)
                sums = r * q
            n = activate(z[:, 2 * hidden :] + sums, g_activation)
            h = n + u * (h - n)
            for store, value in zip(stores, (torch.stack((r, u, n), 1), h, m, q), strict=True):
                store.append(value)
        gates, hs, ms = (torch.stack(store) for store in stores[:3])
        qs = None if bias is None else torch.stack(stores[3])
        ctx.save_for_backward(recurrent, gates, hs, ms, qs, first)
        ctx.keep = keep
        return hs

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        recurrent, gates, hs, ms, qs, first = ctx.saved_tensors
        hidden = first.shape[-1]
        two, third = recurrent[: 2 * hidden], recurrent[2 * hidden :]
        previous = _before(first, hs)
        dz = torch.empty_like(gates)
        dq = torch.empty_like(hs)  # gradient of the candidate's recurrent product
        dh_next = torch.zeros_like(first)
        for t in reversed(range(len(gates))):
            r, u, n = gates[t].unbind(1)
            dr, du, dn = dz[t].unbind(1)
            dh = grad[t] + dh_next
            torch.mul(dh * (previous[t] - n), u * (1 - u), out=du)
            torch.mul(dh * (1 - u), slope(n, ctx.g_activation), out=dn)
            dq[t] = dn if qs is None else dn * r
            dm = dq[t] @ third
            torch.mul(dm * previous[t] if qs is None else dn * qs[t], r * (1 - r), out=dr)
            dh_next = dh * u + (dm * r if qs is None else dm) + dz[t, :, :2].flatten(1) @ two
        y = ctx.keep(previous)
        d_recurrent = torch.cat([_outer(dz[:, :, :2].flatten(2), y), _outer(dq, ms)])
        d_bias = None if qs is None else dq.sum((0, 1))
        return dz.flatten(2), d_recurrent, d_bias, dh_next, None, None


class RnnRecurrence(torch.autograd.Function):
    """y (T, N, H) of driven (T, N, H).

    recurrent (H, H); y before the first frame. What is multiplied and given is `rounding` of the activation.
    """

    @staticmethod
    def forward(ctx, driven, recurrent, y, activation, rounding):
        ctx.activation, first = activation, y
        values, ys = [], []
        for z in driven:
            value = activate(torch.addmm(z, y, recurrent.T), activation)
            y = value if rounding is None else rounding(value)
            values.append(value)
            ys.append(y)
        made = torch.stack(ys)
        ctx.save_for_backward(recurrent, torch.stack(values), made, first)
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        recurrent, values, ys, first = ctx.saved_tensors
        dz = torch.empty_like(values)
        dy_next = torch.zeros_like(first)
        for t in reversed(range(len(values))):
            dz[t] = (grad[t] + dy_next) * slope(values[t], ctx.activation)
            dy_next = dz[t] @ recurrent
        return dz, _outer(dz, _before(first, ys)), dy_next, None, None
