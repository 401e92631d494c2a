/* `handfast token`: the thin command line over handfast/provision.h. */
#include "token.h"

#include <stdio.h>

int hf_token_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fputs("handfast token: not built yet\n", stderr);
    return 2;
}
