/* The `handfast token` subcommand: provision and inspect PKCS#11 tokens. */
#ifndef HANDFAST_APPS_TOKEN_H
#define HANDFAST_APPS_TOKEN_H

/* Runs the subcommand. argv[0] is "token", argv[1] the action ("init", "list", ...). Output on stdout, errors as one
 * line on stderr. Returns the exit code: 0 done, 1 failed, 2 wrong usage. */
int hf_token_main(int argc, char **argv);

#endif
