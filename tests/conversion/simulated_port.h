/* The port of the C driver at its simulated board, for the programs that test the driver; what tells that something is wrong, and compares words of y. */

#include <stdio.h>

#include "small.h"

void *ernn_axi_open(void);
int ernn_axi_access(void *board, int write, uint32_t address, uint32_t *value, uint64_t limit);
int ernn_axi_exchange(
    void *board, const unsigned char *x, const uint64_t *x_sizes, uint64_t sent, unsigned char *y, uint64_t *y_sizes,
    uint64_t taken, uint64_t limit, double idle, double stall, uint64_t seed);

static int read_register(void *board, uint32_t address, uint32_t *value)
{
    return ernn_axi_access(board, 0, address, value, 3000);
}

static int write_register(void *board, uint32_t address, uint32_t value)
{
    return ernn_axi_access(board, 1, address, &value, 3000);
}

static int exchange(void *board, const unsigned char *x, size_t x_bytes, unsigned char *y, size_t y_bytes)
{
    uint64_t x_size = x_bytes, y_size = y_bytes;
    int result = ernn_axi_exchange(board, x, &x_size, 1, y, &y_size, 1, 20000, 0.3, 0.3, 0);
    return result ? result : y_size != y_bytes;
}

static int fail(const char *what, long value)
{
    printf("wrong: %s %ld\n", what, value);
    return 1;
}

static long compared;

static int same(const unsigned char *y, long expected[][SMALL_OUTPUTS], int frames)
{
    int32_t words[SMALL_OUTPUTS];
    int f, i;
    for (f = 0; f < frames; f++) {
        small_unpack_words(y + f * SMALL_OUTPUT_BYTES, words);
        for (i = 0; i < SMALL_OUTPUTS; i++, compared++)
            if (words[i] != expected[f][i])
                return fail("word of frame", f);
    }
    return 0;
}
