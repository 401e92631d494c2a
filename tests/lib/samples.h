/* Valid messages written by hand, byte by byte, that know where their length fields are: what the codec is tested
 * against must not come from the codec. */
#ifndef TESTS_SAMPLES_H
#define TESTS_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#define SAMPLE_SIZE 4096
#define SAMPLE_FIELDS 64

typedef struct sample {
    const char *codec; /* codec_by_name */
    const char *title;
    uint8_t bytes[SAMPLE_SIZE];
    size_t len;
    struct {
        size_t at;
        unsigned size;
    } fields[SAMPLE_FIELDS]; /* every length field */
    size_t n_fields;
    size_t optional_at; /* cut here the message is valid too (extensions are optional); 0: nowhere */
} sample;

/* The i-th sample, built anew; NULL past the end. */
const sample *sample_at(size_t i);

/* For tests that build their own. Open vectors close in reverse order. */
void sample_u8(sample *s, unsigned v);
void sample_u16(sample *s, unsigned v);
void sample_fill(sample *s, unsigned byte, size_t n);
void sample_bytes(sample *s, const void *p, size_t n);
size_t sample_open(sample *s, unsigned length_bytes);
void sample_close(sample *s, size_t field);

/* A ClientHello / ServerHello up to its extensions. */
void sample_client_hello_start(sample *s);
void sample_server_hello_start(sample *s);

#endif
