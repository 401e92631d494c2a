/* Paths to files: what is found, and that there is no way out. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"

static char base[] = "/tmp/handfast-folder-XXXXXX";
static int root = -1;

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", base, name);
    FILE *f = fopen(path, "w");
    cr_assert(f);
    fputs(text, f);
    fclose(f);
}

static void make(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", base, name);
    cr_assert_eq(mkdir(path, 0700), 0);
}

static void link_to(const char *target, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", base, name);
    cr_assert_eq(symlink(target, path), 0);
}

static void set_up(void)
{
    cr_assert(mkdtemp(base));
    make("root");
    make("root/sub");
    make("root/.well-known");
    put("outside", "outside");
    put("root/index.html", "front");
    put("root/file.txt", "text");
    put("root/.hidden", "hidden");
    put("root/.well-known/x", "known");
    put("root/sub/index.html", "below");
    link_to("../outside", "root/link");
    link_to("file.txt", "root/inner-link");
    link_to("..", "root/up");
    char path[256];
    snprintf(path, sizeof path, "%s/root", base);
    root = hf_folder_open(path);
    cr_assert_geq(root, 0);
}

static void tear_down(void)
{
    char command[300];
    close(root);
    snprintf(command, sizeof command, "rm -rf %s", base);
    cr_assert_eq(system(command), 0);
}

TestSuite(folder, .init = set_up, .fini = tear_down);

static int open_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

Test(folder, found)
{
    static const struct {
        const char *path, *text;
    } all[] = {{"/", "front"},
               {"/index.html", "front"},
               {"/file.txt", "text"},
               {"/sub/", "below"},
               {"/.well-known/x", "known"}};
    int before = open_descriptors();
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        int fd = -1;
        uint64_t size = 0;
        char got[16] = "";
        cr_assert_eq(hf_folder_find(root, all[i].path, &fd, &size), 200, "%s", all[i].path);
        cr_assert_eq(size, strlen(all[i].text));
        cr_assert_eq(read(fd, got, sizeof got - 1), (ssize_t)size);
        cr_assert_str_eq(got, all[i].text);
        close(fd);
    }
    cr_assert_eq(open_descriptors(), before);
}

Test(folder, not_found)
{
    static const struct {
        const char *path;
        unsigned status;
    } all[] = {{"/none", 404},      {"/sub", 301},        {"/file.txt/", 404},         {"/file.txt/x", 404},
               {"/..", 404},        {"/../outside", 404}, {"/sub/../file.txt", 404},   {"/./file.txt", 404},
               {"//file.txt", 404}, {"/link", 404},       {"/inner-link", 404},        {"/up/outside", 404},
               {"/up/", 404},       {"/.hidden", 404},    {"/sub/.well-known/x", 404}, {"", 404},
               {"file.txt", 404},   {"/none/deeper", 404}};
    int before = open_descriptors();
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        int fd = -1;
        uint64_t size;
        cr_expect_eq(hf_folder_find(root, all[i].path, &fd, &size), all[i].status, "%s", all[i].path);
        cr_expect_eq(fd, -1, "%s", all[i].path);
    }
    cr_assert_eq(open_descriptors(), before);
}

Test(folder, lengthy_names_and_depth)
{
    char path[3000] = "/";
    int fd = -1;
    uint64_t size;
    memset(path + 1, 'a', 2000);
    cr_assert_eq(hf_folder_find(root, path, &fd, &size), 404);
    for (size_t i = 0; i < sizeof path - 1; i++)
        path[i] = i % 2 ? 'a' : '/';
    path[sizeof path - 1] = 0;
    cr_assert_eq(hf_folder_find(root, path, &fd, &size), 404);
}

Test(folder, types)
{
    cr_assert_str_eq(hf_folder_type("/"), "text/html; charset=utf-8");
    cr_assert_str_eq(hf_folder_type("/a.b/"), "text/html; charset=utf-8");
    cr_assert_str_eq(hf_folder_type("/x.PNG"), "image/png");
    cr_assert_str_eq(hf_folder_type("/x.tar.gz"), "application/octet-stream");
    cr_assert_str_eq(hf_folder_type("/a.html/x"), "application/octet-stream");
}
