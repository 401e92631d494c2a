/* The gate of gate.h for TLS 1.3: the honest sender's records are opened, cut into messages and sealed again, so that
 * the test may pass, change, drop or precede each, under the very keys that the receiver has at that point. Traffic
 * secrets come from the key logs of both ends; records are protected by the composition's own ciphers. */
#ifndef TESTS_GATE13_H
#define TESTS_GATE13_H

#include "gate.h" /* unit: unprotected, as it leaves and enters the gate */
#include "schedule13.h"

/* unit.message beyond HandshakeType: HF_MESSAGE_CHANGE_CIPHER_SPEC, or UNIT_OTHER with the content type in
 * bytes[0]. */

/* One traffic key of one direction. */
typedef struct lane13 {
    const hf_cipher *cipher; /* NULL: none yet */
    void *state, *block;
    const hf_hash *hash;
    uint8_t secret[HF_HASH_SIZE_MAX];
    uint64_t sequence;
} lane13;

typedef struct secrets13 {
    uint8_t client_hs[HF_HASH_SIZE_MAX], server_hs[HF_HASH_SIZE_MAX];
    uint8_t client_ap[HF_HASH_SIZE_MAX], server_ap[HF_HASH_SIZE_MAX];
    unsigned have; /* bits in that order */
} secrets13;

typedef struct gate13 {
    pair *p;
    end *from, *to;
    secrets13 of_from, of_to; /* differ when a hello was changed on its way */
    lane13 in, out;           /* what the sender sealed; what the receiver opens */
    wire handshake;           /* opened handshake bytes that were not yet cut */
    struct gate13 *next;
} gate13;

/* Opens the gate before anything moved. */
void gate13_init(gate13 *g, pair *p, end *from);
void gate13_cleanup(gate13 *g);

bool gate13_next(gate13 *g, unit *out);
/* Passes a unit, one record, protected as the receiver expects; behind Finished the application key takes over. */
void gate13_pass(gate13 *g, const unit *u);
bool gate13_until(gate13 *g, unsigned message, unit *out);
void gate13_pass_all(gate13 *g);

/* A record of the test's own, protected when there are keys; `padding` zeros behind it then. type 0, len 0 and padding:
 * an inner plaintext of zeros. */
void gate13_put_padded(gate13 *g, uint8_t type, const void *content, size_t len, size_t padding);
void gate13_put(gate13 *g, uint8_t type, const void *content, size_t len);
/* The same, never protected. */
void gate13_put_plain(gate13 *g, uint8_t type, const void *content, size_t len);
void gate13_put_raw(gate13 *g, const void *bytes, size_t len);
void gate13_put_message(gate13 *g, uint8_t type, const void *body, size_t len);

/* The next traffic secret (RFC 8446 section 7.2) for what is put in. */
void gate13_update(gate13 *g);

#endif
