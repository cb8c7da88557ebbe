// The pins of a UART system as functions of C: bytes to rxd and from txd, bit by bit at the speed of the line.
// Written for Verilator's model of NAME_uart; nothing of one core is in it.

#include <cstdint>

#include "Model.h"
#include "verilated.h"

namespace {

struct Board {
    VerilatedContext context;
    Model model{&context};
    uint64_t cycles = 0;
    const unsigned divider;
    // of the byte that is being sent, and of the one that is being received: its bits with start and stop, and the cycles to its next bit
    unsigned out_bits = 0, out_left = 0, out_timer = 0, in_bits = 0, in_count = 0, in_timer = 0;
    uint64_t broken = 0;

    explicit Board(unsigned cycles_of_a_bit) : divider(cycles_of_a_bit) { context.fatalOnError(false); }
};

} // namespace

extern "C" {

void *ernn_uart_open(unsigned divider)
{
    auto *board = new Board(divider);
    board->model.clk = 0;
    board->model.button = 0;
    board->model.rxd = 1;
    board->model.eval();
    return board;
}

void ernn_uart_close(void *handle) { delete static_cast<Board *>(handle); }

void ernn_uart_press(void *handle, int button) { static_cast<Board *>(handle)->model.button = button; }

uint64_t ernn_uart_cycles(void *handle) { return static_cast<Board *>(handle)->cycles; }

// Bytes from txd without a stop bit.
uint64_t ernn_uart_broken(void *handle) { return static_cast<Board *>(handle)->broken; }

// Some cycles, in which bytes of x go to rxd one after the other; returns how many have begun. Bytes from txd go to y, of which `room`
// are there; got: how many have come.
uint64_t ernn_uart_run(
    void *handle, const unsigned char *x, uint64_t count, unsigned char *y, uint64_t room, uint64_t *got, uint64_t cycles)
{
    auto &b = *static_cast<Board *>(handle);
    uint64_t sent = 0;
    *got = 0;
    for (uint64_t i = 0; i < cycles && *got < room; i++) {
        if (b.out_timer)
            b.out_timer--;
        else if (b.out_left) {
            b.model.rxd = b.out_bits & 1;
            b.out_bits >>= 1;
            b.out_left--;
            b.out_timer = b.divider - 1;
        } else if (sent < count) {
            b.model.rxd = 0;
            b.out_bits = x[sent++] | 0x100;
            b.out_left = 9;
            b.out_timer = b.divider - 1;
        }
        b.model.eval();
        if (b.in_timer)
            b.in_timer--;
        else if (b.in_count || !b.model.txd) {
            b.in_bits |= static_cast<unsigned>(b.model.txd) << b.in_count++;
            b.in_timer = b.divider - 1 + (b.in_count == 1 ? b.divider / 2 : 0);
            if (b.in_count == 10) {
                if (b.in_bits & 0x200)
                    y[(*got)++] = static_cast<unsigned char>(b.in_bits >> 1);
                else
                    b.broken++;
                b.in_bits = b.in_count = b.in_timer = 0;
            }
        }
        b.model.clk = 1;
        b.model.eval();
        b.model.clk = 0;
        b.model.eval();
        b.cycles++;
    }
    return sent;
}
}
