/* A folder that is served: paths to open files, without a way out. See folder.h. */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX "index.html"

int hf_folder_open(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static unsigned status_of(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return 503;
    default: /* ENOENT, ENOTDIR, ELOOP: a symbolic link, ENAMETOOLONG, ENXIO: a socket */
        return 404;
    }
}

/* Takes the next component of *path into name; false when it is one that is never served. */
static bool next_name(const char **path, char name[NAME_MAX + 1], bool first)
{
    size_t len = strcspn(*path, "/");
    if (len == 0 || len > NAME_MAX)
        return false;
    memcpy(name, *path, len);
    name[len] = 0;
    *path += len;
    return name[0] != '.' || (first && strcmp(name, ".well-known") == 0);
}

static unsigned open_below(int folder, const char *name, int flags, int *out_fd)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags);
    if (fd < 0)
        return status_of(errno);
    *out_fd = fd;
    return 200;
}

static unsigned open_file(int folder, const char *name, int *out_fd, uint64_t *out_size)
{
    int fd = -1;
    unsigned status = open_below(folder, name, 0, &fd);
    if (status != 200)
        return status;
    struct stat info;
    if (fstat(fd, &info) != 0)
        status = 404;
    else if (S_ISDIR(info.st_mode))
        status = 301;
    else if (!S_ISREG(info.st_mode) || info.st_size < 0)
        status = 403;
    if (status != 200) {
        close(fd);
        return status;
    }
    *out_fd = fd;
    *out_size = (uint64_t)info.st_size;
    return 200;
}

unsigned hf_folder_find(int root_fd, const char *path, int *out_fd, uint64_t *out_size)
{
    char name[NAME_MAX + 1];
    int folder = root_fd;
    unsigned status = 404;
    for (unsigned depth = 0; depth < HF_FOLDER_DEPTH_MAX && *path == '/'; depth++) {
        path++;
        if (!*path) {
            status = open_file(folder, INDEX, out_fd, out_size);
            if (status == 301)
                status = 404; /* a folder called index.html */
            break;
        }
        status = 404;
        if (!next_name(&path, name, depth == 0))
            break;
        if (!*path) {
            status = open_file(folder, name, out_fd, out_size);
            break;
        }
        int below = -1;
        status = open_below(folder, name, O_DIRECTORY, &below);
        if (status != 200)
            break;
        if (folder != root_fd)
            close(folder);
        folder = below;
        status = 404; /* too deep, unless the loop goes on */
    }
    if (folder != root_fd)
        close(folder);
    return status;
}

const char *hf_folder_type(const char *path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {"html", "text/html; charset=utf-8"},
        {"htm", "text/html; charset=utf-8"},
        {"txt", "text/plain; charset=utf-8"},
        {"md", "text/markdown; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"mjs", "text/javascript; charset=utf-8"},
        {"json", "application/json"},
        {"xml", "application/xml"},
        {"pdf", "application/pdf"},
        {"svg", "image/svg+xml"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},
        {"gif", "image/gif"},
        {"webp", "image/webp"},
        {"ico", "image/x-icon"},
        {"woff2", "font/woff2"},
        {"wasm", "application/wasm"},
        {"mp4", "video/mp4"},
    };
    const char *name = strrchr(path, '/');
    const char *dot = strrchr(name ? name : path, '.');
    if (name && name[0] == '/' && !name[1])
        return types[0].type; /* index.html */
    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++)
        if (strcasecmp(dot + 1, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}
