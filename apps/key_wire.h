/* What the network process and the key process say to each other (docs/architecture.md, "Isolation").
 *
 * One message is one datagram of a SOCK_SEQPACKET pair: a head of HF_WIRE_HEAD bytes (version, type, body length, id),
 * then the body. Numbers are big-endian. Either side takes the other for hostile: every length is checked, a body must
 * be used up exactly, and nothing is read that was not sent. Pure: bytes to borrowed slices and back. */
#ifndef HANDFAST_APPS_KEY_WIRE_H
#define HANDFAST_APPS_KEY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handfast/handfast.h"
#include "handfast/key.h"

#define HF_WIRE_VERSION 2
#define HF_WIRE_HEAD 16        /* bytes */
#define HF_WIRE_MAX 131072     /* bytes of a whole message */
#define HF_WIRE_INPUT_MAX 1024 /* bytes that a key operation may have as input: an RSA-8192 modulus */
#define HF_WIRE_TICKET_SIZE 32 /* bytes of a ticket secret */
#define HF_WIRE_TEXT_MAX 4096  /* bytes of a label */

typedef enum hf_wire_type {
    /* To the key process. */
    HF_WIRE_SIGN = 1,
    HF_WIRE_DECRYPT,
    HF_WIRE_CANCEL, /* the operation `id` is not wanted any more */
    HF_WIRE_ASK,    /* for a report */
    HF_WIRE_ADOPT,  /* the keys of the RELOADED `id` are used from now on, and those before are not */
    HF_WIRE_DROP,   /* they are not wanted */
    HF_WIRE_TICKET, /* for the ticket secret of hour `id` (since 1970), of --ticket-key */
    /* From the key process. */
    HF_WIRE_KEY = 64, /* the public face of one key */
    HF_WIRE_CERT,     /* a certificate that stands beside it in the token */
    HF_WIRE_READY,    /* no more of those */
    HF_WIRE_RESULT,
    HF_WIRE_REPORT,
    HF_WIRE_RELOADED, /* KEY and CERT before it showed the keys of reload `id`; the number is an hf_status: not HF_OK:
                        they could not be opened, and none was shown */
    HF_WIRE_TICKET_SECRET /* of hour `id`; the number is an hf_status; 32 bytes with HF_OK, none else */
} hf_wire_type;

/* The keys of one reload are a set, with the reload's number (control.h); those of the beginning are set 0. */
#define HF_WIRE_INDEX(set, i) ((uint32_t)(set)*HF_LIMIT_CREDENTIALS + (uint32_t)(i))

typedef struct hf_wire_head {
    hf_wire_type type;
    uint64_t id;
    size_t body_len;
} hf_wire_head;

typedef struct hf_wire_request { /* SIGN, DECRYPT */
    hf_key_op_kind kind;
    uint32_t key; /* HF_WIRE_INDEX of its set and its place in the command line, as its KEY said */
    uint16_t scheme, client_version;
    uint64_t conn_id;
    const uint8_t *fallback; /* DECRYPT: HF_PREMASTER_SIZE bytes; else NULL */
    const uint8_t *input;
    size_t input_len;
} hf_wire_request;

typedef struct hf_wire_key { /* KEY */
    uint32_t index;          /* HF_WIRE_INDEX */
    hf_key_type type;
    unsigned bits;
    uint16_t group;
    uint16_t schemes[HF_KEY_SCHEMES_MAX]; /* 0-terminated */
    bool can_decrypt;
    const char *label, *where; /* not terminated */
    size_t label_len, where_len;
    const uint8_t *spki;
    size_t spki_len;
} hf_wire_key;

#define HF_WIRE_RELUCTANT 0x80000000u /* in the number of a RESULT: the key admits no more operations for now */

typedef struct hf_wire_body { /* CERT, RESULT, REPORT, RELOADED: a number and the rest */
    uint32_t number;          /* the key's index, an hf_status, how many keys can serve, an hf_status */
    const uint8_t *data;
    size_t len;
} hf_wire_body;

/* Each writes a whole message to `out` (max bytes) and returns its length; 0 when it does not fit. */
size_t hf_wire_put_request(uint8_t *out, size_t max, uint64_t id, const hf_wire_request *request);
size_t hf_wire_put_key(uint8_t *out, size_t max, const hf_wire_key *key);
size_t hf_wire_put_body(uint8_t *out, size_t max, hf_wire_type type, uint64_t id, const hf_wire_body *body);
size_t hf_wire_put_empty(uint8_t *out, size_t max, hf_wire_type type, uint64_t id);

/* The head of a whole message of len bytes; false when it is none of ours or its length is another. */
bool hf_wire_head_read(const uint8_t *data, size_t len, hf_wire_head *out);
/* The bodies: `data` is the whole message that `head` was read from. False: malformed; *out is then zeroed. */
bool hf_wire_request_read(const uint8_t *data, const hf_wire_head *head, hf_wire_request *out);
bool hf_wire_key_read(const uint8_t *data, const hf_wire_head *head, hf_wire_key *out);
bool hf_wire_body_read(const uint8_t *data, const hf_wire_head *head, hf_wire_body *out);

#endif
