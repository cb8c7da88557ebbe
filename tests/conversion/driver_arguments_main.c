/* The C driver with a port that only keeps what is written: arguments that are refused, frames that come out, and the words of a state. */

#include <stdio.h>

#include "little.h"

static long writes;
/* Frames that were sent, and of these those that have entered the core: one more with each look. */
static uint32_t sent, entered;

static int read_register(void *context, uint32_t address, uint32_t *value)
{
    (void)context;
    *value = 0;
    if (address == LITTLE_REG_FRAMES_IN)
        *value = entered += entered < sent;
    if (address == LITTLE_REG_STREAMS)
        *value = 1;
    return 0;
}

static int write_register(void *context, uint32_t address, uint32_t value)
{
    (void)context;
    writes++;
    if (address == LITTLE_REG_CONTROL && entered != sent)
        printf("%lu frames are hit by CONTROL\n", (unsigned long)(sent - entered));
    if (address == LITTLE_REG_STATE_DATA || address == LITTLE_REG_STATE_LAST)
        printf("%d %08lx\n", address == LITTLE_REG_STATE_LAST, (unsigned long)value);
    return 0;
}

static int exchange(void *context, const unsigned char *x, size_t x_bytes, unsigned char *y, size_t y_bytes)
{
    (void)context, (void)x, (void)y;
    sent += (uint32_t)(x_bytes / LITTLE_INPUT_BYTES);
    if (y_bytes)
        entered = sent;
    printf("%lu bytes\n", (unsigned long)y_bytes);
    return 0;
}

#define REFUSED(call) \
    if ((call) != LITTLE_BAD_ARGUMENT || writes) \
        return printf("not refused: %s\n", #call), 1

int main(void)
{
    static unsigned char x[9 * LITTLE_INPUT_BYTES], y[9 * LITTLE_OUTPUT_BYTES];
    const int32_t state[] = {1, -2, 3, -4, 5, -6, 7, -8};
    const int32_t beyond[] = {0, 0, 0, 0, 0, 0, 0, CELL_MOST + 1}, below[] = {-OUTPUT_MOST - 2, 0, 0, 0, 0, 0, 0, 0};
    const uint32_t image[20] = {0};
    uint32_t word;
    static little_port port, half; /* zeros: the driver gives the design's own states */
    port.read = half.read = read_register;
    port.write = write_register;
    port.exchange = half.exchange = exchange;
    REFUSED(little_open(NULL));
    REFUSED(little_open(&half));
    REFUSED(little_reset(NULL));
    REFUSED(little_start(&half));
    REFUSED(little_finish(NULL));
    REFUSED(little_errors(&port, NULL));
    REFUSED(little_errors(NULL, &word));
    REFUSED(little_exchange(&port, LITTLE_MODE_SEQUENCE, NULL, 1, y));
    REFUSED(little_exchange(&port, LITTLE_MODE_SEQUENCE, x, 5, NULL));
    REFUSED(little_exchange(&port, LITTLE_MODE_SEQUENCE, x, 0, y));
    REFUSED(little_transfer(&port, LITTLE_MODE_SEQUENCE, x, (size_t)-1, y, 1));
    REFUSED(little_transfer(&port, LITTLE_MODE_SEQUENCE, x, 1, y, (size_t)-1));
    REFUSED(little_load_state(&port, 0, 0, NULL, 8));
    REFUSED(little_load_state(&port, 0, 0, state, 7));
    REFUSED(little_load_state(&port, 0, 1, state, 8));
    REFUSED(little_load_state(&port, LITTLE_STREAM_COUNT, 0, state, 8));
    REFUSED(little_load_state(&port, 0, 0, beyond, 8));
    REFUSED(little_load_state(&port, 0, 0, below, 8));
    REFUSED(little_use_states(NULL, 1));
    if (little_load_weights(&port, image, 20, 1, NULL) != LITTLE_FIXED_WEIGHTS)
        return printf("weights were taken\n"), 1;
    if (little_open(&port) != LITTLE_NO_CORE || little_text(-1)[0] != 'u' || little_text(99)[0] != 'u')
        return printf("a board that reads zeros was taken\n"), 1;
    if (little_exchange(&port, LITTLE_MODE_SEQUENCE, x, 5, y) || little_transfer(&port, LITTLE_MODE_FRAME, x, 1, NULL, 0))
        return printf("an exchange was refused\n"), 1;
    if (little_transfer(&port, LITTLE_MODE_FRAMES, x, 3, NULL, 0) || little_finish(&port))
        return printf("frames without y were refused\n"), 1;
    if (little_start(&port))
        return printf("a start was refused\n"), 1;
#if LITTLE_OWN_STATES
    port.other_states = 1;
    if (little_start(&port) || little_exchange(&port, LITTLE_MODE_SEQUENCE, x, 5, y))
        return printf("what the caller has given states for was refused\n"), 1;
#endif
    if (little_load_state(&port, 1, 0, state, 8) || little_use_states(&port, 1))
        return printf("a state was refused\n"), 1;
    if (little_load_own_states(&port, 1))
        return printf("the design's own state was refused\n"), 1;
    return 0;
}
