/* Runs the C driver of a system against its simulated board: the test vectors, in packets of a sequence and of a frame, and what
 * must fail. Arguments: the file of the vectors, and an image of weights to be loaded before. Prints what was compared, or what is wrong. */

#include <stdlib.h>

#include "simulated_port.h"

#define MOST 64

/* Loads the image of a file; damaged ones, and what is none, before it. */
static int load(const small_port *port, const char *name)
{
    static uint32_t image[4096];
    FILE *file = fopen(name, "rb");
    uint32_t status = 0;
    size_t count;
    int result;
    if (!file)
        return fail("no image", 0);
    count = fread(image, 4, 4096, file); /* little-endian, as this computer is */
    fclose(file);
    image[15] ^= 4;
    if ((result = small_load_weights(port, image, count, 1000, &status)) != SMALL_WRONG_IMAGE)
        return fail("a damaged image gives", result);
    if (small_load_weights(port, NULL, count, 1000, &status) != SMALL_BAD_ARGUMENT ||
        small_load_weights(NULL, image, count, 1000, &status) != SMALL_BAD_ARGUMENT ||
        small_load_weights(port, image, 0, 1000, &status) != SMALL_WRONG_IMAGE)
        return fail("no image is taken for one", 0);
    image[count - 1] = small_crc(image, count - 1);
    image[15] ^= 4;
    image[4] ^= 1;
    image[count - 1] = small_crc(image, count - 1);
    if ((result = small_load_weights(port, image, count, 1000, &status)) != SMALL_OTHER_STRUCTURE)
        return fail("an image of another structure gives", result);
    image[4] ^= 1;
    image[count - 1] = small_crc(image, count - 1);
    image[SMALL_IMAGE_HEADER] ^= 64; /* of the first memory: there is none of that number */
    image[count - 1] = small_crc(image, count - 1);
    if ((result = small_load_weights(port, image, count, 1000, &status)) != SMALL_REFUSED_WEIGHTS ||
        !(status & SMALL_WEIGHTS_DAMAGED))
        return fail("an image with a wrong record gives", result);
    if (small_errors(port, &status) || status)
        return fail("the refused image is left in ERRORS", (long)status);
    image[SMALL_IMAGE_HEADER] ^= 64;
    image[count - 1] = small_crc(image, count - 1);
    /* an image that has ended, whose words are on their way to the core still, must not be ended again */
    for (result = 0; result < 6; result++)
        write_register(port->context, result < 5 ? SMALL_REG_WEIGHT_DATA : SMALL_REG_WEIGHT_LAST, 1);
    if ((result = small_load_weights(port, image, count, 1000, NULL)))
        return fail(small_text(result), result);
    if (small_errors(port, &status) || status)
        return fail("an image before is left in ERRORS", (long)status);
    return small_reset(port);
}

int main(int argc, char **argv)
{
    small_port port;
    static unsigned char x[MOST * SMALL_INPUT_BYTES], y[MOST * SMALL_OUTPUT_BYTES], other[SMALL_INPUT_BYTES];
    static long expected[MOST][SMALL_OUTPUTS];
    FILE *file = fopen(argc > 1 ? argv[1] : "", "r");
    int sequences, s, f, i, frames;
    if (!file || fscanf(file, "%d", &sequences) != 1)
        return fail("no vectors", 0);
    port.context = ernn_axi_open();
    port.read = read_register;
    port.write = write_register;
    port.exchange = exchange;
    if ((i = small_open(&port)))
        return fail(small_text(i), i);
    if (argc > 2 && load(&port, argv[2]))
        return 1;
    for (s = 0; s < sequences; s++) {
        if (fscanf(file, "%d", &frames) != 1 || frames > MOST)
            return fail("length of sequence", s);
        for (f = 0; f < frames; f++) {
            int32_t words[SMALL_INPUTS];
            double values[SMALL_INPUTS];
            long word;
            for (i = 0; i < SMALL_INPUTS; i++) {
                if (fscanf(file, "%ld", &word) != 1)
                    return fail("x of frame", f);
                words[i] = (int32_t)word;
                values[i] = word / SMALL_INPUT_FACTOR;
            }
            for (i = 0; i < SMALL_OUTPUTS; i++)
                if (fscanf(file, "%ld", &expected[f][i]) != 1)
                    return fail("y of frame", f);
            small_pack_words(words, x + f * SMALL_INPUT_BYTES);
            small_pack(values, other);
            for (i = 0; i < SMALL_INPUT_BYTES; i++)
                if (other[i] != x[f * SMALL_INPUT_BYTES + i])
                    return fail("values and words packed differ at", i);
        }
        if ((i = small_exchange(&port, SMALL_MODE_SEQUENCE, x, (size_t)frames, y)))
            return fail(small_text(i), i);
        if (same(y, expected, frames) || small_start(&port))
            return 1;
        for (f = 0; f < frames; f++)
            if ((i = small_exchange(&port, SMALL_MODE_FRAME, x + f * SMALL_INPUT_BYTES, 1, y + f * SMALL_OUTPUT_BYTES)))
                return fail(small_text(i), i);
        if (same(y, expected, frames))
            return 1;
    }
    if (write_register(port.context, SMALL_REG_ID, 0) != 2)
        return fail("a write of ID was taken", 0);
    if ((i = small_exchange(&port, SMALL_MODE_SEQUENCE, x, 1, y)) != SMALL_WRONG_PACKET)
        return fail("the refused write is not told", i);
    if ((i = small_reset(&port)) || (i = small_exchange(&port, SMALL_MODE_SEQUENCE, x, 1, y)))
        return fail(small_text(i), i);
    if (small_quantise(1e30) != (int32_t)SMALL_INPUT_MOST || small_quantise(-1e30) != (int32_t)SMALL_INPUT_LEAST ||
        small_quantise(0.5 / SMALL_INPUT_FACTOR) != 1 || small_quantise(-0.5 / SMALL_INPUT_FACTOR) != 0 ||
        small_quantise(-0.51 / SMALL_INPUT_FACTOR) != -1)
        return fail("rounding", 0);
    printf("%ld words\n", compared);
    return 0;
}
