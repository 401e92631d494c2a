/* The public files that the options name: certificates, trust anchors, OCSP responses. Where they are opened.
 *
 * A network process that has given up its rights may not open them: with each reload, and of OCSP responses when one
 * changed, the supervisor, which may, hands over a descriptor of each. So only the operator's options say which files,
 * and the network process has no say in when. */
#ifndef HANDFAST_APPS_PUBLIC_FILES_H
#define HANDFAST_APPS_PUBLIC_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls_options.h"

#define HF_PUBLIC_FILES_MAX (1 + 2 * HF_LIMIT_CREDENTIALS) /* anchors; for each credential chain and response */

/* The path of file i of these options; NULL: none. i: 0..HF_PUBLIC_FILES_MAX - 1, the same in both processes. */
const char *hf_public_file(const hf_tls_options *options, size_t i);

/* The supervisor: opens each and sends it to the network process (control.h), as those of the reload of that number.
 * What cannot be opened is told there. False: the other side does not take them. */
bool hf_public_files_send(int control, const hf_tls_options *options, uint32_t number);
/* The same with the OCSP responses alone. */
bool hf_public_files_send_responses(int control, const hf_tls_options *options, uint32_t number);

/* The network process: from now on files are those that were handed over, and no others. Once, before any thread. */
void hf_public_files_given(const hf_tls_options *options);
/* Takes what came for the reload of that number (fd: taken over; -1 with an errno), instead of what came before. Any
 * thread. */
void hf_public_files_put(size_t i, uint32_t number, int fd, int error);
/* Closes those that came for this reload or an earlier one. Any thread. */
void hf_public_files_forget(uint32_t number);

/* Opens a file for reading, from its beginning: by its name, or of those that were handed over. -1 with errno. One
 * thread at a time. */
int hf_public_file_open(const char *path);

#endif
