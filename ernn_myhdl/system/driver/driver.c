/* CORE_NAME.c: driver of a core behind its AXI system; see CORE_NAME.h. C99, no allocation, no global state. */

#include "CORE_NAME.h"

static const unsigned char CORE_bytes = CORE_MACRO_SAMPLE_BITS / 8;

static int CORE_check(const CORE_port *port, uint32_t address, uint32_t wanted, CORE_status status)
{
    uint32_t value = 0;
    if (port->read(port->context, address, &value))
        return CORE_MACRO_REFUSED;
    return value == wanted ? CORE_MACRO_OK : (int)status;
}

static int CORE_usable(const CORE_port *port)
{
    return port && port->read && port->write && port->exchange;
}

/* Whether the driver gives each sequence the states that are the design's own. */
static uint32_t CORE_gives_states(const CORE_port *port)
{
#if CORE_MACRO_OWN_STATES
    return port->other_states != 1;
#else
    return (void)port, 0;
#endif
}

/* What each sequence has before its first frame: its own states, on each stream in use. */
static int CORE_begin(const CORE_port *port)
{
    uint32_t streams = 0, stream;
    int status = CORE_MACRO_OK;
    if (CORE_gives_states(port) && port->read(port->context, CORE_MACRO_REG_STREAMS, &streams))
        return CORE_MACRO_REFUSED;
    for (stream = 0; stream < streams && status == CORE_MACRO_OK; stream++)
        status = CORE_load_own_states(port, stream);
    return status;
}

int CORE_open(const CORE_port *port)
{
    static const uint32_t digest[CORE_MACRO_DIGEST_WORDS] = CORE_MACRO_DIGEST;
    uint32_t version = 0;
    int i, result;
    if (!CORE_usable(port))
        return CORE_MACRO_BAD_ARGUMENT;
    result = CORE_check(port, CORE_MACRO_REG_ID, CORE_MACRO_IDENTITY, CORE_MACRO_NO_CORE);
    if (result)
        return result;
    if (port->read(port->context, CORE_MACRO_REG_VERSION, &version))
        return CORE_MACRO_REFUSED;
    if (version >> 16 != CORE_MACRO_VERSION_MAJOR)
        return CORE_MACRO_OTHER_VERSION;
    for (i = 0; i < CORE_MACRO_DIGEST_WORDS; i++) {
        result = CORE_check(port, CORE_MACRO_REG_DIGEST_0 + 4u * (uint32_t)i, digest[i], CORE_MACRO_OTHER_DESIGN);
        if (result)
            return result;
    }
    return CORE_reset(port);
}

int CORE_reset(const CORE_port *port)
{
    const uint32_t all = CORE_MACRO_CONTROL_SOFT_RESET | CORE_MACRO_CONTROL_CLEAR_ERRORS |
                         CORE_MACRO_CONTROL_CLEAR_COUNTERS;
    if (!CORE_usable(port))
        return CORE_MACRO_BAD_ARGUMENT;
    if (port->write(port->context, CORE_MACRO_REG_CONTROL, all) ||
        port->write(port->context, CORE_MACRO_REG_SEQUENCE, 0) ||
        port->write(port->context, CORE_MACRO_REG_STREAMS, 1) ||
        port->write(port->context, CORE_MACRO_REG_STATES, CORE_gives_states(port)))
        return CORE_MACRO_REFUSED;
    return CORE_MACRO_OK;
}

static int CORE_trigger(const CORE_port *port, uint32_t bit)
{
    if (!CORE_usable(port))
        return CORE_MACRO_BAD_ARGUMENT;
    return port->write(port->context, CORE_MACRO_REG_CONTROL, bit) ? CORE_MACRO_REFUSED : CORE_MACRO_OK;
}

int CORE_start(const CORE_port *port)
{
    const int status = CORE_usable(port) ? CORE_begin(port) : CORE_MACRO_BAD_ARGUMENT;
    return status ? status : CORE_trigger(port, CORE_MACRO_CONTROL_START);
}

int CORE_finish(const CORE_port *port)
{
    return CORE_trigger(port, CORE_MACRO_CONTROL_FINISH);
}

int CORE_errors(const CORE_port *port, uint32_t *errors)
{
    if (!CORE_usable(port) || !errors)
        return CORE_MACRO_BAD_ARGUMENT;
    return port->read(port->context, CORE_MACRO_REG_ERRORS, errors) ? CORE_MACRO_REFUSED : CORE_MACRO_OK;
}

int32_t CORE_quantise(double value)
{
    const double low = CORE_MACRO_INPUT_LEAST, high = CORE_MACRO_INPUT_MOST;
    const double scaled = value * CORE_MACRO_INPUT_FACTOR; /* a power of two: exact */
    int32_t below;
    if (!(scaled > low)) /* NaN too */
        return (int32_t)low;
    if (scaled >= high)
        return (int32_t)high;
    below = (int32_t)scaled;
    if ((double)below > scaled)
        below--;
    return scaled - below >= 0.5 ? below + 1 : below; /* half up */
}

double CORE_real(int32_t word)
{
    return word * CORE_MACRO_OUTPUT_LSB;
}

static void CORE_put(unsigned char *bytes, int32_t word)
{
    unsigned char i;
    for (i = 0; i < CORE_bytes; i++)
        bytes[i] = (unsigned char)((uint32_t)word >> (8 * i));
}

static int32_t CORE_get(const unsigned char *bytes)
{
    uint32_t word = 0, sign = (uint32_t)1 << (CORE_MACRO_SAMPLE_BITS - 1);
    unsigned char i;
    for (i = 0; i < CORE_bytes; i++)
        word |= (uint32_t)bytes[i] << (8 * i);
    /* sign extension without a cast that C leaves open */
    return word & sign ? -(int32_t)((sign - (word & (sign - 1u))) - 1u) - 1 : (int32_t)word;
}

void CORE_pack_words(const int32_t *x, unsigned char *frame)
{
    int i;
    for (i = 0; i < CORE_MACRO_INPUT_BYTES / CORE_bytes; i++)
        CORE_put(frame + i * CORE_bytes, i < CORE_MACRO_INPUTS ? x[i] : 0);
}

void CORE_pack(const double *x, unsigned char *frame)
{
#if CORE_MACRO_SCALED
    static const double scales[CORE_MACRO_INPUTS] = CORE_MACRO_SCALES;
    static const double offsets[CORE_MACRO_INPUTS] = CORE_MACRO_OFFSETS;
#endif
    int i;
    for (i = 0; i < CORE_MACRO_INPUT_BYTES / CORE_bytes; i++) {
        int32_t word = 0;
        if (i < CORE_MACRO_INPUTS) {
#if CORE_MACRO_SCALED
            word = CORE_quantise((x[i] - offsets[i]) * scales[i]);
#else
            word = CORE_quantise(x[i]);
#endif
        }
        CORE_put(frame + i * CORE_bytes, word);
    }
}

void CORE_unpack_words(const unsigned char *frame, int32_t *y)
{
    int i;
    for (i = 0; i < CORE_MACRO_OUTPUTS; i++)
        y[i] = CORE_get(frame + i * CORE_bytes);
}

size_t CORE_frames_out(size_t frames)
{
    const size_t each = CORE_MACRO_FRAMES_PER_SEQUENCE, first = CORE_MACRO_FIRST_FRAME;
    if (each)
        return each;
    return frames > first ? (frames - first + CORE_MACRO_FRAME_STEP - 1) / CORE_MACRO_FRAME_STEP : 0;
}

int CORE_transfer(
    const CORE_port *port, uint32_t mode, const unsigned char *x, size_t frames, unsigned char *y, size_t y_frames)
{
    uint32_t errors = 0, before = 0, entered = 0, state = CORE_MACRO_STATUS_IN_PACKET;
    unsigned long reads = CORE_MACRO_ENTER_READS;
    const size_t most = (size_t)-1;
    int status;
    if (!CORE_usable(port) || !x || !frames || (y_frames && !y) || frames > most / CORE_MACRO_INPUT_BYTES ||
        y_frames > most / CORE_MACRO_OUTPUT_BYTES)
        return CORE_MACRO_BAD_ARGUMENT;
    if (port->write(port->context, CORE_MACRO_REG_PACKET, mode) ||
        (!y_frames && port->read(port->context, CORE_MACRO_REG_FRAMES_IN, &before)))
        return CORE_MACRO_REFUSED;
    if (mode == CORE_MACRO_MODE_SEQUENCE && (status = CORE_begin(port)) != CORE_MACRO_OK)
        return status;
    if (port->exchange(port->context, x, frames * CORE_MACRO_INPUT_BYTES, y, y_frames * CORE_MACRO_OUTPUT_BYTES))
        return CORE_MACRO_TIMEOUT;
    /* frames without a y may wait in front of the core still, where CORE_finish or CORE_start would hit them */
    while (!y_frames && (entered - before != (uint32_t)frames || state & CORE_MACRO_STATUS_IN_PACKET)) {
        if (!reads--)
            return CORE_MACRO_TIMEOUT;
        if (port->read(port->context, CORE_MACRO_REG_FRAMES_IN, &entered) ||
            port->read(port->context, CORE_MACRO_REG_STATUS, &state))
            return CORE_MACRO_REFUSED;
    }
    if (CORE_errors(port, &errors))
        return CORE_MACRO_REFUSED;
    return errors ? CORE_MACRO_WRONG_PACKET : CORE_MACRO_OK;
}

int CORE_exchange(const CORE_port *port, uint32_t mode, const unsigned char *x, size_t frames, unsigned char *y)
{
    return CORE_transfer(port, mode, x, frames, y, CORE_frames_out(frames));
}

#if CORE_MACRO_STATE_LAYERS
int CORE_use_states(const CORE_port *port, int use)
{
    if (!CORE_usable(port))
        return CORE_MACRO_BAD_ARGUMENT;
    return port->write(port->context, CORE_MACRO_REG_STATES, use ? 1 : 0) ? CORE_MACRO_REFUSED : CORE_MACRO_OK;
}

int CORE_load_state(const CORE_port *port, uint32_t stream, uint32_t layer, const int32_t *state, size_t count)
{
    /* of each part its layer, its words, these with what fills it up to whole beats, and the bits of a word */
    static const uint32_t parts[CORE_MACRO_STATE_PARTS][4] = CORE_MACRO_STATE_SHAPES;
    const uint32_t mask = 0xFFFFFFFFu >> (32 - CORE_MACRO_SAMPLE_BITS);
    const uint32_t bits = CORE_MACRO_BEAT_BITS < 32 ? CORE_MACRO_BEAT_BITS : 32;
    uint32_t word = 0, low = 0, i, left = 0;
    size_t at = 0, known = 0;
    int p;
    for (p = 0; p < CORE_MACRO_STATE_PARTS; p++)
        if (parts[p][0] == layer) {
            known += parts[p][1];
            left += parts[p][2];
        }
    if (!CORE_usable(port) || !state || !known || count != known || stream >= CORE_MACRO_STREAM_COUNT)
        return CORE_MACRO_BAD_ARGUMENT;
    for (p = 0; p < CORE_MACRO_STATE_PARTS; p++) {
        const int32_t most = (int32_t)(0x7FFFFFFFu >> (32 - parts[p][3]));
        for (i = 0; parts[p][0] == layer && i < parts[p][1]; i++, at++)
            if (state[at] > most || state[at] < -most - 1)
                return CORE_MACRO_BAD_ARGUMENT;
    }
    at = 0;
    if (port->write(port->context, CORE_MACRO_REG_STATE_DATA, stream << 16 | layer))
        return CORE_MACRO_REFUSED;
    for (p = 0; p < CORE_MACRO_STATE_PARTS; p++)
        for (i = 0; parts[p][0] == layer && i < parts[p][2]; i++) {
            word |= i < parts[p][1] ? ((uint32_t)state[at++] & mask) << low : 0;
            low += CORE_MACRO_SAMPLE_BITS;
            left--;
            if (low < bits)
                continue;
            if (port->write(port->context, left ? CORE_MACRO_REG_STATE_DATA : CORE_MACRO_REG_STATE_LAST, word))
                return CORE_MACRO_REFUSED;
            word = low = 0;
        }
    return CORE_MACRO_OK;
}

#if CORE_MACRO_OWN_STATES
int CORE_load_own_states(const CORE_port *port, uint32_t stream)
{
    static const uint32_t parts[CORE_MACRO_STATE_PARTS][4] = CORE_MACRO_STATE_SHAPES;
    static const int32_t own[] = CORE_MACRO_OWN_STATE_WORDS;
    int status = CORE_use_states(port, 1), p = 0;
    size_t at = 0, count;
    while (status == CORE_MACRO_OK && p < CORE_MACRO_STATE_PARTS) {
        const uint32_t layer = parts[p][0];
        for (count = 0; p < CORE_MACRO_STATE_PARTS && parts[p][0] == layer; p++)
            count += parts[p][1];
        status = CORE_load_state(port, stream, layer, own + at, count);
        at += count;
    }
    return status;
}
#endif
#else
int CORE_use_states(const CORE_port *port, int use)
{
    (void)port;
    return use ? CORE_MACRO_NO_STATES : CORE_MACRO_OK;
}

int CORE_load_state(const CORE_port *port, uint32_t stream, uint32_t layer, const int32_t *state, size_t count)
{
    (void)port, (void)stream, (void)layer, (void)state, (void)count;
    return CORE_MACRO_NO_STATES;
}
#endif

#if !CORE_MACRO_OWN_STATES
int CORE_load_own_states(const CORE_port *port, uint32_t stream)
{
    (void)stream;
    return CORE_use_states(port, 0);
}
#endif

uint32_t CORE_crc(const uint32_t *words, size_t count)
{
    uint32_t crc = 0xFFFFFFFFu;
    size_t i;
    int bit;
    for (i = 0; i < count; i++) {
        crc ^= words[i];
        for (bit = 0; bit < 32; bit++)
            crc = crc & 1u ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return ~crc;
}

#if CORE_MACRO_WEIGHT_BANKS
static int CORE_check_image(const uint32_t *image, size_t count)
{
    static const uint32_t structure[CORE_MACRO_DIGEST_WORDS] = CORE_MACRO_STRUCTURE;
    int i;
    if (count <= CORE_MACRO_IMAGE_HEADER || image[0] != CORE_MACRO_IMAGE_MAGIC || image[1] != CORE_MACRO_IMAGE_VERSION ||
        image[CORE_MACRO_IMAGE_HEADER - 1] != count - CORE_MACRO_IMAGE_HEADER - 1 ||
        CORE_crc(image, count - 1) != image[count - 1])
        return CORE_MACRO_WRONG_IMAGE;
    for (i = 0; i < CORE_MACRO_DIGEST_WORDS; i++)
        if (image[2 + i] != structure[i])
            return CORE_MACRO_OTHER_STRUCTURE;
    return CORE_MACRO_OK;
}

static int CORE_weights_ended(const CORE_port *port, unsigned long reads, uint32_t *word)
{
    while (reads--) {
        if (port->read(port->context, CORE_MACRO_REG_WEIGHTS, word))
            return CORE_MACRO_REFUSED;
        if (!(*word & CORE_MACRO_WEIGHTS_LOADING) && *word & (CORE_MACRO_WEIGHTS_LOADED | CORE_MACRO_WEIGHTS_REFUSALS))
            return CORE_MACRO_OK;
    }
    return CORE_MACRO_TIMEOUT;
}

int CORE_load_weights(const CORE_port *port, const uint32_t *image, size_t count, unsigned long reads, uint32_t *status)
{
    uint32_t word = CORE_MACRO_WEIGHTS_LOADING;
    size_t i;
    int result, looks;
    if (!CORE_usable(port) || !image)
        return CORE_MACRO_BAD_ARGUMENT;
    result = CORE_check_image(image, count);
    if (result)
        return result;
    /* the last words of an image before may wait in front of the core still */
    for (looks = 0; looks < CORE_MACRO_BUSY_LOOKS && word & CORE_MACRO_WEIGHTS_LOADING; looks++)
        if (port->read(port->context, CORE_MACRO_REG_WEIGHTS, &word))
            return CORE_MACRO_REFUSED;
    if (word & CORE_MACRO_WEIGHTS_LOADING) { /* of a program that was stopped: a wrong last word ends its image */
        if (port->write(port->context, CORE_MACRO_REG_WEIGHT_LAST, 0))
            return CORE_MACRO_REFUSED;
        result = CORE_weights_ended(port, reads, &word);
        if (result)
            return result;
    }
    if (port->write(port->context, CORE_MACRO_REG_ERRORS, CORE_MACRO_ERRORS_WEIGHTS) ||
        port->write(port->context, CORE_MACRO_REG_IRQ_STATUS, CORE_MACRO_IRQ_STATUS_WEIGHTS))
        return CORE_MACRO_REFUSED;
    for (i = 0; i < count; i++)
        if (port->write(port->context, i + 1 < count ? CORE_MACRO_REG_WEIGHT_DATA : CORE_MACRO_REG_WEIGHT_LAST, image[i]))
            return CORE_MACRO_REFUSED;
    result = CORE_weights_ended(port, reads, &word);
    if (status)
        *status = word;
    if (result)
        return result;
    /* a refusal is told by the result, and the frames that go on are right */
    if (!(word & CORE_MACRO_WEIGHTS_LOADED) &&
        (port->write(port->context, CORE_MACRO_REG_ERRORS, CORE_MACRO_ERRORS_WEIGHTS) ||
         port->write(port->context, CORE_MACRO_REG_IRQ_STATUS, CORE_MACRO_IRQ_STATUS_WEIGHTS)))
        return CORE_MACRO_REFUSED;
    return word & CORE_MACRO_WEIGHTS_LOADED ? CORE_MACRO_OK : CORE_MACRO_REFUSED_WEIGHTS;
}
#else
int CORE_load_weights(const CORE_port *port, const uint32_t *image, size_t count, unsigned long reads, uint32_t *status)
{
    (void)port, (void)image, (void)count, (void)reads, (void)status;
    return CORE_MACRO_FIXED_WEIGHTS;
}
#endif

const char *CORE_text(int status)
{
    static const char *const texts[] = {
        "fine", "an access of a register was refused", "ID is not that of an AXI system of a core",
        "registers of another version", "the core is of another design", "no answer in time",
        "the core reports an error in ERRORS", "the weights of this core are fixed",
        "this is no image of weights of this version, or it is damaged", "the image of weights is for another core",
        "the core did not take the weights; WEIGHTS tells why",
        "an argument is NULL, or a number that the core does not have", "this core starts sequences from zero only",
    };
    return status >= 0 && status < (int)(sizeof texts / sizeof *texts) ? texts[status] : "unknown";
}
