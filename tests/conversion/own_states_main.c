/* The C driver of a design with states of its own against its simulated board: packets of sequences and frames, on one stream and on two, all
 * of them started by the driver, and from what the caller gives. Argument: a file of groups of sequences that share packets, each with its kind (0: the
 * design's own states, 1: zero), its streams, its frames, and raw x and y of each. Prints what was compared, or what is wrong. */

#include "simulated_port.h"

#define MOST 64

static unsigned char x[MOST * SMALL_INPUT_BYTES], y[MOST * SMALL_OUTPUT_BYTES];
static long expected[MOST][SMALL_OUTPUTS];

static int scan(FILE *file, int frames)
{
    int32_t words[SMALL_INPUTS];
    int f, i;
    long word;
    for (f = 0; f < frames; f++) {
        for (i = 0; i < SMALL_INPUTS + SMALL_OUTPUTS; i++) {
            if (fscanf(file, "%ld", &word) != 1)
                return 1;
            if (i < SMALL_INPUTS)
                words[i] = (int32_t)word;
            else
                expected[f][i - SMALL_INPUTS] = (int32_t)word;
        }
        small_pack_words(words, x + f * SMALL_INPUT_BYTES);
    }
    return 0;
}

/* The states before a sequence that the driver does not give. */
static int given(const small_port *port, int zero, uint32_t streams)
{
    int status = zero ? small_use_states(port, 0) : 0;
    uint32_t stream;
    for (stream = 0; port->other_states == 1 && !zero && stream < streams && !status; stream++)
        status = small_load_own_states(port, stream);
    return status;
}

static int group(small_port *port, FILE *file)
{
    int zero, streams, frames, f, status;
    if (fscanf(file, "%d %d %d", &zero, &streams, &frames) != 3 || frames > MOST || scan(file, frames))
        return fail("group", 0);
    if (write_register(port->context, SMALL_REG_STREAMS, (uint32_t)streams))
        return fail("streams", streams);
    for (port->other_states = zero; port->other_states < 2; port->other_states++) {
        if ((status = given(port, zero, (uint32_t)streams)) ||
            (status = small_exchange(port, SMALL_MODE_SEQUENCE, x, (size_t)frames, y)))
            return fail(small_text(status), port->other_states);
        if (same(y, expected, frames))
            return 1;
        if ((status = given(port, zero, (uint32_t)streams)) || (status = small_start(port)))
            return fail(small_text(status), port->other_states);
        for (f = 0; f < frames; f++)
            if ((status = small_exchange(port, SMALL_MODE_FRAME, x + f * SMALL_INPUT_BYTES, 1, y + f * SMALL_OUTPUT_BYTES)))
                return fail(small_text(status), f);
        if (same(y, expected, frames))
            return 1;
    }
    port->other_states = 0;
    return small_use_states(port, 1);
}

int main(int argc, char **argv)
{
    small_port port = {NULL, read_register, write_register, exchange, 0};
    FILE *file = fopen(argc > 1 ? argv[1] : "", "r");
    int groups, status;
    port.context = ernn_axi_open();
    if (!file || fscanf(file, "%d", &groups) != 1)
        return fail("no groups", 0);
    if ((status = small_open(&port)))
        return fail(small_text(status), status);
    while (groups--)
        if (group(&port, file))
            return 1;
    /* a frame that nothing has started waits for its state, which must not go unseen; behind a reset all is well */
    if ((status = small_reset(&port)) || (status = small_exchange(&port, SMALL_MODE_FRAME, x, 1, y)) != SMALL_TIMEOUT)
        return fail("a frame without small_start gives", status);
    if ((status = small_reset(&port)) || (status = small_start(&port)) ||
        (status = small_exchange(&port, SMALL_MODE_FRAME, x, 1, y)))
        return fail(small_text(status), status);
    printf("%ld words\n", compared);
    return 0;
}
