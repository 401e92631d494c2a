/* Which file it is, and in which state: a file that was replaced or written to has another identity. */
#ifndef HANDFAST_APPS_FILE_ID_H
#define HANDFAST_APPS_FILE_ID_H

#include <stdbool.h>
#include <sys/stat.h>

typedef struct hf_file_id {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
} hf_file_id;

static inline hf_file_id hf_file_id_of(const struct stat *info)
{
    return (hf_file_id){.device = info->st_dev,
                        .inode = info->st_ino,
                        .size = info->st_size,
                        .modified = info->st_mtim,
                        .changed = info->st_ctim};
}

static inline bool hf_file_id_same(const hf_file_id *a, const hf_file_id *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

#endif
