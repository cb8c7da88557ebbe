/* CORE_NAME.h: registers and driver of a core behind its AXI system. C99, no allocation, no library but the headers below.
 *
 * Written by ernn convert --wrapper axi for the design of the digest below; never run on a board.
 */
#ifndef CORE_MACRO_H
#define CORE_MACRO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The design. */
@DESIGN@
/* The registers: offsets in bytes, and the masks of their fields. */
@REGISTERS@
/* Values of PACKET.mode: a packet is one frame, a whole sequence, some frames of sequences that go on. */
@MODES@
/* Looks at frames without a y until they must have entered the core. */
#ifndef CORE_MACRO_ENTER_READS
#define CORE_MACRO_ENTER_READS 1000000ul
#endif
/* Results of the functions; 0 is fine. */
typedef enum {
    CORE_MACRO_OK = 0,
    CORE_MACRO_REFUSED,       /* an access of a register was refused (SLVERR) */
    CORE_MACRO_NO_CORE,       /* ID is another */
    CORE_MACRO_OTHER_VERSION, /* of the registers */
    CORE_MACRO_OTHER_DESIGN,  /* the digest is another: reload the bitstream, or use its own header */
    CORE_MACRO_TIMEOUT,       /* exchange failed, or frames did not enter: the core may hold a part of a packet; CORE_reset before the next */
    CORE_MACRO_WRONG_PACKET,  /* ERRORS is not zero; CORE_reset forgets all */
    CORE_MACRO_FIXED_WEIGHTS, /* this core loads none */
    CORE_MACRO_WRONG_IMAGE,   /* no image of weights of this version, cut, or its CRC is wrong */
    CORE_MACRO_OTHER_STRUCTURE, /* the image is for another core */
    CORE_MACRO_REFUSED_WEIGHTS, /* the core did not take the image; the register WEIGHTS tells why */
    CORE_MACRO_BAD_ARGUMENT,    /* NULL where something must be, or a number that the core does not have; nothing was done */
    CORE_MACRO_NO_STATES        /* this core starts sequences from zero only */
} CORE_status;

/* The way to the core. Each function returns 0, or another value where it failed.
 * exchange: sends a packet of x and takes one of y, both of the sizes in bytes that are given; none of y where y_bytes is 0. Before it tells that it failed no
 * transfer may go on any more: of an AXI DMA both channels are reset (bit 2 of MM2S_DMACR, until it reads 0) and started again. */
typedef struct {
    void *context;
    int (*read)(void *context, uint32_t address, uint32_t *value);
    int (*write)(void *context, uint32_t address, uint32_t value);
    int (*exchange)(void *context, const unsigned char *x, size_t x_bytes, unsigned char *y, size_t y_bytes);
#if CORE_MACRO_OWN_STATES
    int other_states; /* 1: the caller gives the states that sequences start from; 0: the driver gives those that are the design's own */
#endif
} CORE_port;

/* Whether the core of this header is there; forgets all frames. */
int CORE_open(const CORE_port *port);
/* Forget all frames, errors and counts. */
int CORE_reset(const CORE_port *port);
/* The next frame starts a sequence (modes FRAME and FRAMES), on each of STREAMS.count streams. With CORE_MACRO_OWN_STATES the driver gives the states that are
 * the design's own here, and before each packet of mode SEQUENCE: then each sequence needs CORE_start, the first one too, or a packet to itself on its stream. Without that x waits for a
 * state, and exchange must tell that it has failed. */
int CORE_start(const CORE_port *port);
/* The next frame, of each stream, is the last of its sequence: for cores where y stands for sequences, frame by frame. */
int CORE_finish(const CORE_port *port);
/* The word of ERRORS. */
int CORE_errors(const CORE_port *port, uint32_t *errors);

/* A value as a word of x: half up, then limited; no NaN (gives the least word). */
int32_t CORE_quantise(double value);
/* The value of a word of y. */
double CORE_real(int32_t word);
/* One frame of x, values or words, as CORE_MACRO_INPUT_BYTES bytes of a packet. */
void CORE_pack(const double *x, unsigned char *frame);
void CORE_pack_words(const int32_t *x, unsigned char *frame);
/* The words of y of CORE_MACRO_OUTPUT_BYTES bytes of a packet. */
void CORE_unpack_words(const unsigned char *frame, int32_t *y);
/* Frames of y of a sequence of so many of x. */
size_t CORE_frames_out(size_t frames);
/* One packet of frames there and y_frames back, none where that is 0; y has y_frames * CORE_MACRO_OUTPUT_BYTES bytes. Without y it waits until the frames have
 * entered the core, for at most CORE_MACRO_ENTER_READS reads of FRAMES_IN. */
int CORE_transfer(
    const CORE_port *port, uint32_t mode, const unsigned char *x, size_t frames, unsigned char *y, size_t y_frames);
/* A packet of a whole sequence, or of a frame where each has a y: CORE_transfer with CORE_frames_out(frames). */
int CORE_exchange(const CORE_port *port, uint32_t mode, const unsigned char *x, size_t frames, unsigned char *y);
/* CRC-32 of zlib and Ethernet, over words of 32 bits, the lowest byte first. */
uint32_t CORE_crc(const uint32_t *words, size_t count);
/* Load an image of weights (ernn weights), as its words of 32 bits, little-endian in the file, and wait until the core has said what it made of it, for at
 * most so many reads of WEIGHTS. Nothing is sent of an image that is wrong. With one bank no frame may be in the core; with two banks frames may go on, and the next sequence takes the weights. status: the word of WEIGHTS, where not NULL.
 * A refused image leaves nothing in ERRORS: frames that are under way go on. */
int CORE_load_weights(const CORE_port *port, const uint32_t *image, size_t count, unsigned long reads, uint32_t *status);
/* The state from which the next sequence of a stream starts, of one layer: its parts one after the other, raw words, as Design.run takes them (LSTM: output,
 * cell_state). CORE_use_states says whether sequences start from such states, all layers that have one, or from zero. With CORE_MACRO_OWN_STATES only where
 * other_states of the port is 1, and before CORE_start or the packet. */
int CORE_load_state(const CORE_port *port, uint32_t stream, uint32_t layer, const int32_t *state, size_t count);
int CORE_use_states(const CORE_port *port, int use);
/* The next sequence of a stream starts from what the design's own do: states that its model holds, or zero. The driver does it by itself but where other_states
 * of the port is 1. */
int CORE_load_own_states(const CORE_port *port, uint32_t stream);
/* What a result means, in English. */
const char *CORE_text(int status);

#ifdef __cplusplus
}
#endif

#endif
