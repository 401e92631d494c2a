/* A gate on one direction of a pair: the honest sender's records are passed, changed, dropped or preceded by others,
 * one handshake message at a time. What the test puts in is protected as the sender would protect it at that point. */
#ifndef TESTS_GATE_H
#define TESTS_GATE_H

#include "msg.h"
#include "pair.h"

#define UNIT_MAX (HF_RECORD_HEADER_SIZE + HF_RECORD_BODY_MAX)
#define UNIT_PROTECTED 0x200u /* unit.message of a protected record: what it holds is not seen */
#define UNIT_OTHER 0x201u     /* of a plaintext record of another type */

/* A record on its way; a plaintext handshake record holds exactly one whole message. */
typedef struct unit {
    unsigned message; /* HandshakeType, HF_MESSAGE_CHANGE_CIPHER_SPEC, UNIT_* */
    uint8_t bytes[UNIT_MAX];
    size_t len;
} unit;

typedef struct gate {
    pair *p;
    end *from, *to;
    wire handshake;    /* plaintext handshake bytes that were not yet cut */
    bool protecting;   /* ChangeCipherSpec was passed */
    uint64_t sequence; /* of the next protected record towards `to` */
} gate;

/* Opens the gate before anything moved. */
void gate_init(gate *g, pair *p, end *from);
/* Opens it between two that are connected. */
void gate_init_connected(gate *g, pair *p, end *from);
void gate_cleanup(gate *g);

/* Moves both ends and takes the sender's next unit; false: it has nothing more to say now. */
bool gate_next(gate *g, unit *out);
/* Lets a unit through and moves both. */
void gate_pass(gate *g, const unit *u);
/* next and pass until the next unit is `message`, which is left in *out; false: it never came. */
bool gate_until(gate *g, unsigned message, unit *out);
/* Passes everything from now on. */
void gate_pass_all(gate *g);

/* Puts a record of the test's own in, protected when ChangeCipherSpec was passed, and moves both. */
void gate_put(gate *g, uint8_t type, const void *content, size_t len);
/* Raw bytes, as they are. */
void gate_put_raw(gate *g, const void *bytes, size_t len);
/* A handshake message with header. */
void gate_put_message(gate *g, uint8_t type, const void *body, size_t len);

/* The body of the handshake message in a unit. */
hf_slice unit_body(const unit *u);
/* Makes a unit of a whole message with header. */
void unit_of_message(unit *u, const uint8_t *message, size_t len);

#endif
