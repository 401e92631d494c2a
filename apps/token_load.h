/* `handfast token check --load`: what a token bears. */
#ifndef HANDFAST_APPS_TOKEN_LOAD_H
#define HANDFAST_APPS_TOKEN_LOAD_H

#include "token_args.h"

#define TOKEN_LOAD_DEFAULT 8 /* operations at once */
#define TOKEN_LOAD_MAX 256
#define TOKEN_LOAD_SECONDS 3

/* Runs operations of the key, a->load at once, and prints how fast they were and what became of them. TOKEN_DONE, or
 * TOKEN_FAILED after a line on stderr: the key cannot be opened, or an operation failed. */
int hf_token_load(const hf_token_args *a, char *why);

#endif
