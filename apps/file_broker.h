/* Opening the public files that the options name: certificates, trust anchors, OCSP responses.
 *
 * A server opens them itself. The network process of --isolate has given up the right to open files before it hears of
 * a reload; then its supervisor, which did not, opens them for it and hands the descriptors over. The supervisor knows
 * the options, and opens nothing but what they name. */
#ifndef HANDFAST_APPS_FILE_BROKER_H
#define HANDFAST_APPS_FILE_BROKER_H

#include <stdbool.h>

#define HF_BROKER_WAIT_MS 10000 /* how long the supervisor may take for one file */

/* Opens it for reading; -1 with errno. */
int hf_file_open(const char *path);

#endif
