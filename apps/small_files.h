/* Small files of a served folder, kept in memory: a request for one costs no system call. For one thread. */
#ifndef HANDFAST_APPS_SMALL_FILES_H
#define HANDFAST_APPS_SMALL_FILES_H

#include <stddef.h>
#include <stdint.h>

#define HF_SMALL_FILE_MAX 16384      /* bytes of a file that is kept: one record */
#define HF_SMALL_FILES_MAX 256       /* files kept: at most 4 MiB of content in each thread */
#define HF_SMALL_FILES_FRESH_MS 1000 /* that long a kept file serves before the folder is looked at again */

/* A file as it was when it was read; it stays as it is while someone holds it. */
typedef struct hf_small_file {
    unsigned refs;
    size_t size;
    uint8_t body[];
} hf_small_file;

typedef struct hf_small_files hf_small_files;

/* root_fd: the folder (folder.h); it must stay open. NULL: out of memory. */
hf_small_files *hf_small_files_new(int root_fd);
/* Files that are held stay until they are released. NULL is allowed. */
void hf_small_files_free(hf_small_files *files);

/* As hf_folder_find, whose status it returns. 200: either *out_file, held, or *out_fd and *out_size of a file that is
 * too large to be kept (or could not be); the other is NULL or -1. now_ms: any clock that does not go back. */
unsigned hf_small_files_find(hf_small_files *files, const char *path, uint64_t now_ms, hf_small_file **out_file,
                             int *out_fd, uint64_t *out_size);
/* NULL is allowed. */
void hf_small_file_release(hf_small_file *file);

#endif
