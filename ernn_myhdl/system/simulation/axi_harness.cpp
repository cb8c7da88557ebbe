// The ports of an AXI system as functions of C: registers, and packets of x for packets of y.
// Written for Verilator's model of NAME_axi; nothing of one core is in it but the widths of its ports.

#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "Model.h"
#include "verilated.h"

namespace {

constexpr int FINE = 0, TIMEOUT = 1, CHANGED = 2, TOO_LONG = 3;

template <typename T> unsigned char *bytes_of(T &port)
{
    if constexpr (std::is_integral_v<T>)
        return reinterpret_cast<unsigned char *>(&port);
    else
        return reinterpret_cast<unsigned char *>(port.data());
}

// A generator of its own, so that runs are the same everywhere.
struct Random {
    uint64_t state;
    double next()
    {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return static_cast<double>(state >> 11) / 9007199254740992.0;
    }
};

// Whether a model has the stream of weights.
template <typename M, typename = void> struct Loads : std::false_type {};
template <typename M> struct Loads<M, std::void_t<decltype(std::declval<M>().s_weights_tvalid)>> : std::true_type {};

struct Board {
    VerilatedContext context;
    Model model{&context};
    uint64_t cycles = 0;
    Random random{88172645463325252ull};
    // Words at the stream of weights, offered in every cycle from now on, and how many have been taken.
    std::vector<uint32_t> image;
    uint64_t taken = 0;

    Board() { context.fatalOnError(false); }
    void settle() { model.eval(); }
    template <typename M> bool image_moves(M &m)
    {
        if constexpr (Loads<M>::value)
            return m.s_weights_tvalid && m.s_weights_tready;
        else
            return false;
    }
    template <typename M> void offer_image(M &m)
    {
        if constexpr (Loads<M>::value) {
            m.s_weights_tvalid = taken < image.size();
            m.s_weights_tdata = taken < image.size() ? image[taken] : 0;
            m.s_weights_tlast = taken + 1 == image.size();
        }
    }
    void tick()
    {
        const bool moves = image_moves(model);
        model.aclk = 1;
        model.eval();
        model.aclk = 0;
        if (moves) {
            taken++;
            offer_image(model);
        }
        model.eval();
        cycles++;
    }
    void reset(int count)
    {
        model.s_axis_tvalid = model.m_axis_tready = 0;
        model.s_axi_awvalid = model.s_axi_wvalid = model.s_axi_arvalid = 0;
        model.s_axi_bready = model.s_axi_rready = 0;
        image.clear();
        taken = 0;
        offer_image(model);
        model.aresetn = 0;
        for (int i = 0; i < count; i++) {
            settle();
            tick();
        }
        model.aresetn = 1;
        settle();
    }
};

} // namespace

extern "C" {

void *ernn_axi_open()
{
    auto *board = new Board;
    board->model.aclk = 0;
    board->reset(2);
    return board;
}

void ernn_axi_close(void *handle) { delete static_cast<Board *>(handle); }

void ernn_axi_reset(void *handle, int count) { static_cast<Board *>(handle)->reset(count); }

uint64_t ernn_axi_cycles(void *handle) { return static_cast<Board *>(handle)->cycles; }

int ernn_axi_irq(void *handle) { return static_cast<Board *>(handle)->model.irq; }

// Offer the words of an image at the stream of weights, beside whatever else goes on; returns 0 where the model has none.
int ernn_axi_image(void *handle, const uint32_t *words, uint64_t count)
{
    auto &board = *static_cast<Board *>(handle);
    board.image.assign(words, words + count);
    board.taken = 0;
    board.offer_image(board.model);
    board.settle();
    return Loads<Model>::value;
}

// Words of the image that have not been taken.
uint64_t ernn_axi_image_left(void *handle)
{
    auto &board = *static_cast<Board *>(handle);
    return board.image.size() - board.taken;
}

// Read or write a register: the response (0 okay, 2 slverr), or -1 where none came.
int ernn_axi_access(void *handle, int write, uint32_t address, uint32_t *value, uint64_t limit)
{
    auto &board = *static_cast<Board *>(handle);
    Model &m = board.model;
    int result = -1;
    if (write) {
        m.s_axi_awaddr = m.s_axi_awaddr = address & 0xFFF;
        m.s_axi_wdata = *value;
        m.s_axi_wstrb = 15;
        m.s_axi_awvalid = m.s_axi_wvalid = m.s_axi_bready = 1;
    } else {
        m.s_axi_araddr = address & 0xFFF;
        m.s_axi_arvalid = m.s_axi_rready = 1;
    }
    for (uint64_t i = 0; i < limit && result < 0; i++) {
        board.settle();
        bool aw = m.s_axi_awvalid && m.s_axi_awready, w = m.s_axi_wvalid && m.s_axi_wready;
        bool ar = m.s_axi_arvalid && m.s_axi_arready;
        if (write && m.s_axi_bvalid)
            result = m.s_axi_bresp;
        if (!write && m.s_axi_rvalid) {
            result = m.s_axi_rresp;
            *value = m.s_axi_rdata;
        }
        board.tick();
        if (aw)
            m.s_axi_awvalid = 0;
        if (w)
            m.s_axi_wvalid = 0;
        if (ar)
            m.s_axi_arvalid = 0;
    }
    m.s_axi_bready = m.s_axi_rready = m.s_axi_awvalid = m.s_axi_wvalid = m.s_axi_arvalid = 0;
    board.settle();
    return result;
}

// Send `sent` packets of x of these sizes, one after the other in x, and take `taken` packets of y, each into its own
// y_sizes[i] bytes of y; y_sizes tells their true sizes behind it. idle, stall: probability of a cycle without tvalid, tready.
// seed: of both, 0 to go on. limit: cycles without a transfer.
int ernn_axi_exchange(
    void *handle, const unsigned char *x, const uint64_t *x_sizes, uint64_t sent, unsigned char *y, uint64_t *y_sizes,
    uint64_t taken, uint64_t limit, double idle, double stall, uint64_t seed)
{
    auto &board = *static_cast<Board *>(handle);
    Model &m = board.model;
    const uint64_t width = sizeof(m.s_axis_tdata), most = sizeof(m.s_axis_tkeep);
    if (seed)
        board.random.state = seed;
    unsigned char shown[128] = {0};
    uint64_t packet = 0, at = 0, got = 0, filled = 0, room = taken ? y_sizes[0] : 0, quiet = 0;
    bool offered = false, waited = false;
    m.s_axis_tvalid = 0;
    while (got < taken || packet < sent) {
        if (quiet++ > limit) {
            m.s_axis_tvalid = m.m_axis_tready = 0;
            return TIMEOUT;
        }
        if (!offered && packet < sent && board.random.next() >= idle) {
            uint64_t left = x_sizes[packet] - at, count = left < width ? left : width, keep = 0;
            std::memset(bytes_of(m.s_axis_tdata), 0, width);
            std::memcpy(bytes_of(m.s_axis_tdata), x + at, count);
            keep = count >= 64 ? ~0ull : (1ull << count) - 1;
            std::memcpy(bytes_of(m.s_axis_tkeep), &keep, most);
            m.s_axis_tlast = left <= width;
            m.s_axis_tvalid = offered = true;
        }
        m.m_axis_tready = got < taken && board.random.next() >= stall;
        board.settle();
        bool in = m.s_axis_tvalid && m.s_axis_tready, out = m.m_axis_tvalid && m.m_axis_tready;
        unsigned char now[128] = {0};
        std::memcpy(now, bytes_of(m.m_axis_tdata), width);
        std::memcpy(now + 64, bytes_of(m.m_axis_tkeep), most);
        now[80] = m.m_axis_tlast;
        if (waited && (!m.m_axis_tvalid || std::memcmp(now, shown, sizeof now)))
            return CHANGED;
        waited = m.m_axis_tvalid && !m.m_axis_tready;
        std::memcpy(shown, now, sizeof now);
        if (out) {
            quiet = 0;
            uint64_t keep = 0;
            std::memcpy(&keep, now + 64, most);
            for (uint64_t i = 0; i < width; i++)
                if (keep >> i & 1) {
                    if (filled >= room)
                        return TOO_LONG;
                    y[filled++] = now[i];
                }
            if (now[80]) {
                y += room;
                y_sizes[got++] = filled;
                filled = 0;
                room = got < taken ? y_sizes[got] : 0;
            }
        }
        board.tick();
        if (in) {
            quiet = 0;
            at += width;
            if (at >= x_sizes[packet]) {
                x += x_sizes[packet++];
                at = 0;
            }
            m.s_axis_tvalid = offered = false;
        }
    }
    m.m_axis_tready = 0;
    board.settle();
    return FINE;
}
}
