/* A folder that is served, and no byte outside of it. */
#ifndef HANDFAST_APPS_FOLDER_H
#define HANDFAST_APPS_FOLDER_H

#include <stdint.h>

#define HF_FOLDER_DEPTH_MAX 32 /* folders in a path */

/* Opens the folder; -1 with errno. */
int hf_folder_open(const char *path);

/* Opens the regular file at `path` ("/a/b.html", decoded; a folder gives its index.html). 200 with *out_fd and
 * *out_size; 301 when a folder was asked for without its last '/'; 403, 404, 503 (out of descriptors).
 *
 * No way out: every component is opened below the one before without following symbolic links; "..", "." and names
 * that begin with a dot are not found (but for "/.well-known", RFC 8615). */
unsigned hf_folder_find(int root_fd, const char *path, int *out_fd, uint64_t *out_size);

/* The media type by the name's ending; "application/octet-stream" when it is unknown. Static storage. */
const char *hf_folder_type(const char *path);

#endif
