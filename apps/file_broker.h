/* Opening the public files that the options name, at the start and at a reload: certificates, trust anchors, OCSP
 * responses. One place, because a confined process will have to ask another one for them. */
#ifndef HANDFAST_APPS_FILE_BROKER_H
#define HANDFAST_APPS_FILE_BROKER_H

#include <stdbool.h>

/* Opens it for reading; -1 with errno. */
int hf_file_open(const char *path);

#endif
