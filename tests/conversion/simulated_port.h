/* The port of the C driver at its simulated board, for the programs that test the driver; a function that tells what is wrong. */

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
