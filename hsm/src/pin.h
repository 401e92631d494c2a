/* Where a PIN comes from: never argv, the environment or a log. */
#ifndef HANDFAST_HSM_PIN_H
#define HANDFAST_HSM_PIN_H

#include <stdbool.h>

#include "handfast/hsm.h"
#include "why.h"

/* A PIN in memory; wiped by hf_pin_cleanup. */
typedef struct hf_pin {
    char text[HF_HSM_PIN_MAX + 1];
    size_t len; /* bytes, without the NUL */
} hf_pin;

/* Where to look, in this order. All borrowed. */
typedef struct hf_pin_source {
    const char *file;       /* the caller's choice (--pin-source): a path or a file: URI; NULL: none */
    const char *uri_file;   /* pin-source of the URI; NULL: none */
    const char *credential; /* name of a systemd credential; NULL: none */
    bool prompt;            /* may ask on /dev/tty */
    bool confirm;           /* the prompt asks twice: a PIN that is being set */
    const char *option;     /* how the operator names a file, for messages; NULL: --pin-source */
} hf_pin_source;

/* Reads the PIN. `what` is the prompt's text ("PIN of token X"). HF_ERR_PIN_SOURCE. */
hf_status hf_pin_read(const hf_pin_source *source, const char *what, hf_pin *out, const hf_why *why);
void hf_pin_cleanup(hf_pin *pin);

/* The terminal half: reads a line from /dev/tty without echo. option: what to give where there is no terminal. */
hf_status hf_pin_prompt(const char *what, const char *option, hf_pin *out, const hf_why *why);

#endif
