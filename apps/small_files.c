/* Small files of a served folder, kept in memory. See small_files.h.
 *
 * A kept file serves for a second; then its path is walked again, as without a cache, and what is found there is
 * compared with what was read: device, inode, size and both times of change. So a file that was replaced, shortened,
 * removed or hidden behind a symbolic link is served for a second at most. Who renames a new file over the old one gets
 * one or the other; a file written in place while it is read is mixed, as without a cache, for a second at most.
 *
 * A table of sets of four by a hash of the path. Only files that exist get in, so requests can fill it with what is
 * there and with nothing else. */
#include "small_files.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file_id.h"
#include "folder.h"

#define WAYS 4
#define SETS (HF_SMALL_FILES_MAX / WAYS)
#define SETTLED_S 2 /* a change in the same tick of the file system's clock would not show in younger times */

typedef struct entry {
    char *path; /* NULL: free */
    hf_small_file *file;
    hf_file_id id;
    bool settled; /* its times are old enough to tell the next change */
    uint64_t looked_ms;
} entry;

struct hf_small_files {
    int root_fd;
    entry sets[SETS][WAYS];
};

hf_small_files *hf_small_files_new(int root_fd)
{
    hf_small_files *files = calloc(1, sizeof *files);
    if (files)
        files->root_fd = root_fd;
    return files;
}

void hf_small_file_release(hf_small_file *file)
{
    if (file && --file->refs == 0)
        free(file);
}

static void drop(entry *e)
{
    free(e->path);
    hf_small_file_release(e->file);
    *e = (entry){0};
}

void hf_small_files_free(hf_small_files *files)
{
    if (!files)
        return;
    for (size_t set = 0; set < SETS; set++)
        for (size_t way = 0; way < WAYS; way++)
            drop(&files->sets[set][way]);
    free(files);
}

/* The set of a path: FNV-1a. */
static entry *set_of(hf_small_files *files, const char *path)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *path; path++)
        hash = (hash ^ (unsigned char)*path) * 0x100000001b3;
    return files->sets[(hash ^ hash >> 32) % SETS];
}

static entry *entry_of(entry *set, const char *path)
{
    for (size_t way = 0; way < WAYS; way++)
        if (set[way].path && strcmp(set[way].path, path) == 0)
            return &set[way];
    return NULL;
}

static bool is_still(const hf_file_id *id, const struct stat *info)
{
    hf_file_id now = hf_file_id_of(info);
    return hf_file_id_same(id, &now);
}

/* The whole file; NULL when it cannot be had as it is described. */
static hf_small_file *read_file(int fd, const struct stat *info)
{
    size_t size = (size_t)info->st_size, done = 0;
    const hf_file_id before = hf_file_id_of(info);
    struct stat after;
    hf_small_file *file = malloc(sizeof *file + size);
    if (!file)
        return NULL;
    *file = (hf_small_file){.refs = 1, .size = size};
    while (done < size) {
        ssize_t n = pread(fd, file->body + done, size - done, (off_t)done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (done == size && fstat(fd, &after) == 0 && is_still(&before, &after))
        return file;
    free(file); /* it changes just now */
    return NULL;
}

/* Where a new file goes: a free place, or that of the one that was not looked at for longest. */
static entry *place_in(entry *set)
{
    entry *place = set;
    for (size_t way = 0; way < WAYS; way++) {
        if (!set[way].path)
            return &set[way];
        if (set[way].looked_ms < place->looked_ms)
            place = &set[way];
    }
    return place;
}

/* Keeps the file behind fd; false when it is not kept. */
static bool keep(entry *e, const char *path, int fd, const struct stat *info, uint64_t now_ms)
{
    hf_small_file *file = read_file(fd, info);
    char *copy = file ? strdup(path) : NULL;
    if (!copy) {
        free(file);
        return false;
    }
    time_t now = time(NULL);
    drop(e);
    *e = (entry){.path = copy,
                 .file = file,
                 .id = hf_file_id_of(info),
                 .settled = info->st_ctim.tv_sec < now - SETTLED_S && info->st_mtim.tv_sec < now - SETTLED_S,
                 .looked_ms = now_ms};
    return true;
}

static unsigned give(const entry *e, hf_small_file **out_file)
{
    e->file->refs++;
    *out_file = e->file;
    return 200;
}

unsigned hf_small_files_find(hf_small_files *files, const char *path, uint64_t now_ms, hf_small_file **out_file,
                             int *out_fd, uint64_t *out_size)
{
    entry *set = set_of(files, path), *e = entry_of(set, path);
    struct stat info;

    *out_file = NULL;
    *out_fd = -1;
    if (e && now_ms - e->looked_ms < HF_SMALL_FILES_FRESH_MS)
        return give(e, out_file);
    unsigned status = hf_folder_find(files->root_fd, path, out_fd, out_size);
    bool small = status == 200 && *out_size <= HF_SMALL_FILE_MAX && fstat(*out_fd, &info) == 0 && info.st_size >= 0 &&
                 info.st_size <= HF_SMALL_FILE_MAX;
    bool unchanged = small && e && e->settled && is_still(&e->id, &info);
    if (!unchanged && (!small || !keep(e ? e : place_in(set), path, *out_fd, &info, now_ms))) {
        if (e)
            drop(e);
        return status;
    }
    e = entry_of(set, path);
    e->looked_ms = now_ms;
    close(*out_fd);
    *out_fd = -1;
    return give(e, out_file);
}
