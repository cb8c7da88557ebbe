// Runs a Verilator model of the core cycle by cycle, with the streams on its ports.
//
// The same bench as in ernn_myhdl/engines/myhdl/simulation.py: every cycle ends with a rising edge, at which
// transfers are recorded and the inputs of the next cycle are chosen. Compiled together with
// harness_ports.h, which is written for the ports of one core and defines Model, source_limbs,
// sink_limbs, set_source, get_sink, the same of initial states with LOADER_LIMBS, stages, probe,
// trace_columns, trace_row, state_columns, state_row, record_kept with KEPT and the memories' functions.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "harness_ports.h"

namespace {

constexpr int64_t RESET_CYCLES = 4;
enum Status : int { RUNNING = 0, FINISHED = 1, HUNG = 2, MISCOUNTED = 3 };

// What a stream brings. beats: of some limbs each. idle: what it draws, one byte a draw, or null; used:
// draws made.
struct Source {
    const uint32_t *beats;
    int64_t count;
    const uint8_t *idle;
    int64_t *used;
};

struct Run {
    VerilatedContext context;
    Model model{&context};

    int64_t cycle, done, quiet, tail_left, frames, tail, limit, cycles;
    int64_t must = 0, must_load = 0;  // beats, and those of states, that are accepted at least before a feed is over
    bool evaluated = false;
    bool error, stages_on, trace_on, kept_on = false;
    bool between = false;  // feeds: the cycle has been looked at, its rising edge is still to come
    std::vector<int64_t> accepted, loaded, delivered_cycle, trace;
    std::vector<uint32_t> delivered;
    std::vector<int64_t> stage_cycle[STAGES + 1], stage_values[STAGES + 1];
    // feeds: the states of this feed's frames one after the other; of each stream's last frame
    std::vector<int64_t> kept[KEPT + 1];
    std::vector<std::vector<int64_t>> latest;

    // the shared blocks are made by the first evaluation and freed by their final blocks
    ~Run() {
        enter();
        if (evaluated) model.final();
    }

    // Verilator makes and frees shared blocks and scopes in the context that is the thread's, which is that of the last model made
    // there, alive or not.
    void enter() { Verilated::threadContextp(&context); }

    void start(int64_t frames_, int64_t tail_, int64_t limit_, bool stages_, bool trace_) {
        cycle = -RESET_CYCLES;
        done = quiet = cycles = 0;
        frames = frames_;
        must = must_load = 0;
        tail = tail_left = tail_;
        limit = limit_;
        stages_on = stages_;
        trace_on = trace_;
        error = kept_on = between = false;
        latest.clear();
        accepted.clear();
        loaded.clear();
        delivered_cycle.clear();
        delivered.clear();
        trace.clear();
        for (int s = 0; s < STAGES; s++) {
            stage_cycle[s].clear();
            stage_values[s].clear();
        }
        model.clk = 0;
        model.rst = 1;
        set_source_valid(model, false);
        set_sink_ready(model, false);
        set_loader_valid(model, false);
    }

    // Goes on without a reset, for `count` frames of these streams; at most `limit` cycles without a transfer.
    int feed(int64_t count, const int64_t *streams, const Source &input, const Source &states) {
        between = kept_on;  // the first one begins with the reset of start()
        kept_on = true;
        done = quiet = 0;
        frames = count;
        must = input.count;
        must_load = states.count;
        accepted.clear();
        loaded.clear();
        delivered_cycle.clear();
        delivered.clear();
        for (auto &words : kept) words.clear();
        int status = RUNNING;
        while (status == RUNNING) status = run(1 << 20, input, states, nullptr, nullptr, 0);
        for (int i = 0; status == FINISHED && count && i < KEPT; i++) {
            const size_t each = kept[i].size() / count;
            for (int64_t f = 0; f < count; f++) {
                const size_t place = size_t(streams[f]) * KEPT + i;
                if (latest.size() <= place) latest.resize(place + 1);
                latest[place].assign(kept[i].begin() + f * each, kept[i].begin() + (f + 1) * each);
            }
        }
        return status;
    }

    // Whether a beat is on offer in the next cycle; offered: it was and has not been taken.
    bool offers(const Source &source, int64_t next, bool offered) const {
        if (cycle < 0 || next >= source.count) return false;
        return offered || !source.idle || !source.idle[(*source.used)++];
    }

    // A cycle up to its rising edge, with a record of what is transferred in it.
    int look() {
        model.clk = 0;
        model.eval();
        evaluated = true;
        bool moved = false;
        if (cycle >= 0 && !model.rst) {
            if (source_valid(model) && source_ready(model)) {
                accepted.push_back(cycle);
                moved = true;
            }
            if (loader_valid(model) && loader_ready(model)) {
                loaded.push_back(cycle);
                moved = true;
            }
            if (sink_valid(model) && sink_ready(model)) {
                delivered_cycle.push_back(cycle);
                delivered.resize(delivered.size() + SINK_LIMBS);
                get_sink(model, &delivered[delivered.size() - SINK_LIMBS]);
                moved = true;
                if (sink_last(model)) done++;
            }
            if (stages_on) record_stages(model, cycle, stage_cycle, stage_values);
            if (kept_on) record_kept(model, kept);
            if (trace_on) {
                trace.resize(trace.size() + TRACE_COLUMNS);
                trace_row(model, &trace[trace.size() - TRACE_COLUMNS]);
            }
        }
        error = model.frame_error;
        quiet = moved ? 0 : quiet + 1;
        if (moved) tail_left = tail; // frames of x may follow that of the last y
        if (tail_left == tail) cycles = cycle + 1;
        if (done >= frames && int64_t(accepted.size()) >= must &&
            int64_t(loaded.size()) >= must_load) {
            if (!tail_left) return FINISHED;
            tail_left--;
        }
        return quiet > limit ? HUNG : RUNNING;
    }

    // Records and clears what is left over is done by the caller; see ernn_run.
    int run(int64_t most, const Source &input, const Source &states, const uint8_t *stall,
            const int64_t *resets, int64_t reset_count) {
        for (int64_t step = 0; step < most; step++) {
            if (between)
                between = false;
            else if (const int status = look())
                return status;
            const bool reset = model.rst;
            const bool offered = source_valid(model) && !source_ready(model) && !reset;
            const bool pending = loader_valid(model) && !loader_ready(model) && !reset;
            cycle++;
            model.clk = 1;
            model.eval();
            bool reset_now = cycle < 0;
            for (int64_t i = 0; i < reset_count; i++) reset_now |= cycle == resets[i];
            model.rst = reset_now;
            const int64_t next = int64_t(accepted.size()), state = int64_t(loaded.size());
            const bool offer = offers(input, next, offered);
            if (offer) set_source(model, input.beats + next * SOURCE_LIMBS);
            set_source_valid(model, offer);
            const bool load = offers(states, state, pending);
            if (load) set_loader(model, states.beats + state * LOADER_LIMBS);
            set_loader_valid(model, load);
            set_sink_ready(model, !(stall && stall[step]));
        }
        return RUNNING;
    }
};

template <class T> int64_t give(const std::vector<T> &values, const void **data) {
    *data = values.data();
    return static_cast<int64_t>(values.size());
}

}  // namespace

extern "C" {

// memories: contents by memory; each word takes as many limbs of 32 bits as it needs.
Run *ernn_open(const uint32_t *const *memories) {
    select_memories(memories);
    return new Run;
}

void ernn_close(Run *run) { delete run; }

void ernn_start(Run *run, int64_t frames, int64_t tail, int64_t limit, int stages, int trace) {
    run->start(frames, tail, limit, stages, trace);
}

// At most `most` cycles. idle, idle_used, beats, beat_count: of the stream of x; state_*: of that of initial states (`Source`).
// stall: one byte a cycle, or null. resets: cycles of a reset.
int ernn_run(Run *run, const uint32_t *const *memories, int64_t most, const uint8_t *idle,
             int64_t *idle_used, const uint8_t *stall, const uint32_t *beats, int64_t beat_count,
             const int64_t *resets, int64_t reset_count, const uint8_t *state_idle,
             int64_t *state_idle_used, const uint32_t *state_beats, int64_t state_count) {
    select_memories(memories);
    run->enter();
    const Source input{beats, beat_count, idle, idle_used};
    const Source states{state_beats, state_count, state_idle, state_idle_used};
    return run->run(most, input, states, stall, resets, reset_count);
}

// Frames one after the other, with no reset since ernn_start or the last feed, of which `frames` of y come, of `streams`;
// beats and state_beats as of ernn_run. sink: room for the beats that are delivered, `sink_count` of them.
int ernn_feed(Run *run, const uint32_t *const *memories, int64_t frames, const int64_t *streams,
              const uint32_t *beats, int64_t beat_count, const uint32_t *state_beats,
              int64_t state_count, uint32_t *sink, int64_t sink_count) {
    select_memories(memories);
    run->enter();
    const Source input{beats, beat_count, nullptr, nullptr};
    const Source states{state_beats, state_count, nullptr, nullptr};
    const int status = run->feed(frames, streams, input, states);
    if (status == FINISHED && int64_t(run->delivered_cycle.size()) == sink_count)
        std::copy(run->delivered.begin(), run->delivered.end(), sink);
    else if (status == FINISHED)
        return MISCOUNTED;
    return status;
}

// Part `part` of the state behind the last frame of a stream: words of whole blocks.
int64_t ernn_latest(const Run *run, int64_t stream, int part, const void **data) {
    const size_t place = size_t(stream) * KEPT + part;
    *data = nullptr;
    if (part >= KEPT || place >= run->latest.size()) return 0;
    *data = run->latest[place].data();
    return int64_t(run->latest[place].size());
}

// cycle, beats accepted, frames delivered, cycles simulated, frame_error
void ernn_progress(const Run *run, int64_t *values) {
    values[0] = run->cycle;
    values[1] = int64_t(run->accepted.size());
    values[2] = run->done;
    values[3] = run->cycles;
    values[4] = run->error;
}

void ernn_state(Run *run, int64_t *values) { state_row(run->model, values); }

int64_t ernn_accepted(const Run *run, const void **data) { return give(run->accepted, data); }
int64_t ernn_loaded(const Run *run, const void **data) { return give(run->loaded, data); }
int64_t ernn_delivered_cycle(const Run *run, const void **data) {
    return give(run->delivered_cycle, data);
}
int64_t ernn_delivered(const Run *run, const void **data) { return give(run->delivered, data); }
int64_t ernn_trace(const Run *run, const void **data) { return give(run->trace, data); }
int64_t ernn_stage_cycle(const Run *run, int stage, const void **data) {
    return give(run->stage_cycle[stage], data);
}
int64_t ernn_stage_values(const Run *run, int stage, const void **data) {
    return give(run->stage_values[stage], data);
}

}  // extern "C"
