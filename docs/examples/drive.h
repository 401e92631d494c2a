/* What client.c and server.c share: a connection of the engine over a blocking socket. */
#ifndef EXAMPLE_DRIVE_H
#define EXAMPLE_DRIVE_H

#include <handfast/handfast.h>

/* Moves bytes and asks the private key until the connection wants one of `until` (HF_WANT_PLAINTEXT, HF_WANT_ROOM), or
 * it is over. Whether it wants it; if not, hf_conn_status and hf_conn_reason tell why it is over. */
bool drive(hf_conn *conn, hf_worker *worker, int fd, unsigned until);

/* Closes our direction, sends what waits, and reads until the peer has closed its own. Whether both ended in order. */
bool finish(hf_conn *conn, hf_worker *worker, int fd);

/* A whole file, malloc'ed; NULL after telling why. */
unsigned char *read_file(const char *path, size_t *out_len);

#endif
