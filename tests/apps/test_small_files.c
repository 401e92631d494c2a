/* Small files in memory: what is kept, for how long, and that a change is seen. The clock is the test's. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "small_files.h"

static char base[] = "/tmp/handfast-small-XXXXXX";
static int root = -1;
static hf_small_files *files;
static uint64_t now = 5000;

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s%s", base, name);
    return path;
}

/* In place: the same inode. */
static void put_bytes(const char *name, const void *data, size_t len)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, data, len), (ssize_t)len);
    close(fd);
}

static void put(const char *name, const char *text)
{
    put_bytes(name, text, strlen(text));
}

static void set_up(void)
{
    cr_assert(mkdtemp(base));
    root = hf_folder_open(base);
    files = hf_small_files_new(root);
    cr_assert(files);
    put("/a", "first");
}

static void tear_down(void)
{
    char command[300];
    hf_small_files_free(files);
    close(root);
    snprintf(command, sizeof command, "rm -rf %s", base);
    cr_assert_eq(system(command), 0);
}

TestSuite(small_files, .init = set_up, .fini = tear_down);

/* Asks for a kept file. */
static hf_small_file *get(const char *path)
{
    hf_small_file *file = NULL;
    int fd = 0;
    uint64_t size = 0;
    cr_assert_eq(hf_small_files_find(files, path, now, &file, &fd, &size), 200, "%s", path);
    cr_assert(file, "%s", path);
    cr_assert_eq(fd, -1);
    return file;
}

static void expect_text(const char *path, const char *text)
{
    hf_small_file *file = get(path);
    cr_expect(file->size == strlen(text) && memcmp(file->body, text, file->size) == 0, "%s: %.*s, not %s", path,
              (int)file->size, (const char *)file->body, text);
    hf_small_file_release(file);
}

static void expect_status(const char *path, unsigned status)
{
    hf_small_file *file = NULL;
    int fd = 0;
    uint64_t size = 0;
    cr_expect_eq(hf_small_files_find(files, path, now, &file, &fd, &size), status, "%s", path);
    cr_expect(!file && fd == -1);
}

Test(small_files, served_from_memory_while_fresh)
{
    expect_text("/a", "first");
    put("/a", "other");
    now += HF_SMALL_FILES_FRESH_MS - 1;
    expect_text("/a", "first");
    now++;
    expect_text("/a", "other");
}

Test(small_files, changes_are_seen)
{
    expect_text("/a", "first");
    put("/a", "FIRST"); /* the same size, within one tick of the clock */
    now += HF_SMALL_FILES_FRESH_MS;
    expect_text("/a", "FIRST");
    put("/a", "");
    now += HF_SMALL_FILES_FRESH_MS;
    expect_text("/a", "");
    put("/b", "second"); /* another file takes the name */
    char from[300];
    snprintf(from, sizeof from, "%s", path_of("/b"));
    cr_assert_eq(rename(from, path_of("/a")), 0);
    now += HF_SMALL_FILES_FRESH_MS;
    expect_text("/a", "second");
}

Test(small_files, what_is_removed_or_becomes_a_link_is_gone)
{
    char target[300];
    expect_text("/a", "first");
    cr_assert_eq(unlink(path_of("/a")), 0);
    now += HF_SMALL_FILES_FRESH_MS;
    expect_status("/a", 404);
    put("/a", "again");
    expect_text("/a", "again");
    cr_assert_eq(unlink(path_of("/a")), 0);
    put("/target", "elsewhere");
    snprintf(target, sizeof target, "%s/target", base);
    cr_assert_eq(symlink(target, path_of("/a")), 0);
    now += HF_SMALL_FILES_FRESH_MS;
    expect_status("/a", 404);
    expect_status("/none", 404);
}

Test(small_files, who_holds_a_file_keeps_it)
{
    hf_small_file *held = get("/a");
    put("/a", "other");
    now += HF_SMALL_FILES_FRESH_MS;
    expect_text("/a", "other");
    cr_expect_eq(memcmp(held->body, "first", 5), 0);
    hf_small_files_free(files);
    files = NULL;
    cr_expect_eq(memcmp(held->body, "first", 5), 0);
    hf_small_file_release(held);
    hf_small_file_release(NULL);
}

Test(small_files, large_files_are_not_kept)
{
    static char text[HF_SMALL_FILE_MAX + 1];
    hf_small_file *file = NULL;
    int fd = -1;
    uint64_t size = 0;
    memset(text, 'x', sizeof text);
    put_bytes("/a", text, sizeof text - 1);
    hf_small_file *just = get("/a");
    cr_expect_eq(just->size, (size_t)HF_SMALL_FILE_MAX);
    hf_small_file_release(just);
    put_bytes("/a", text, sizeof text); /* it grew beyond what is kept */
    now += HF_SMALL_FILES_FRESH_MS;
    cr_assert_eq(hf_small_files_find(files, "/a", now, &file, &fd, &size), 200);
    cr_expect_null(file);
    cr_expect_eq(size, sizeof text);
    cr_assert(fd >= 0);
    close(fd);
}

Test(small_files, more_files_than_places)
{
    char name[32], text[32];
    int before = dup(root);
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < 3 * HF_SMALL_FILES_MAX; i++) {
            snprintf(name, sizeof name, "/f%d", i);
            snprintf(text, sizeof text, "text of %d", i);
            if (turn == 0)
                put(name, text);
            now++;
            expect_text(name, text);
        }
    int after = dup(root);
    cr_expect_eq(after, before + 1, "a descriptor was left open");
    close(before);
    close(after);
}
