/* What the supervisor of `serve --isolate` says to its two processes: small messages of one size over a pair of
 * sockets each, some with a descriptor. Only the supervisor speaks; both ends are the same program. */
#ifndef HANDFAST_APPS_CONTROL_H
#define HANDFAST_APPS_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

typedef enum hf_control_kind {
    HF_CONTROL_KEY = 1, /* to the network process: the next key process; its socket comes along */
    HF_CONTROL_NO_KEY,  /* there will be no other one */
    HF_CONTROL_FILE,    /* a public file was opened anew (public_files.h), or could not be */
    HF_CONTROL_RELOAD,  /* to both: the operator asks to reload; after the files */
    HF_CONTROL_STAPLES  /* to the network process: an OCSP response has changed; after all of these files */
} hf_control_kind;

typedef struct hf_control {
    uint32_t kind;
    uint32_t number; /* RELOAD, STAPLES, FILE: which of them: growing, never one twice. KEY: the last one before the key
                        process was started, 0: none; it hears of later ones itself */
    uint32_t index;  /* FILE: which file */
    int32_t error;   /* FILE: the errno of opening it; 0: its descriptor comes along */
} hf_control;

/* Sends one, with a descriptor (borrowed) unless fd is -1. Never waits: false when the other side is gone or does not
 * read. */
bool hf_control_send(int socket, const hf_control *message, int fd);

typedef enum hf_control_result { HF_CONTROL_GOT, HF_CONTROL_NOTHING, HF_CONTROL_GONE } hf_control_result;
/* Takes one. *out_fd is the descriptor that came along, the caller's; -1: none. Waits only if the socket does. */
hf_control_result hf_control_receive(int socket, hf_control *out, int *out_fd);

#endif
