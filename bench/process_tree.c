/* Processor time of a server that is several processes; see process_tree.h. Parents are read from /proc. */
#include "process_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

typedef struct tree {
    pid_t pids[HF_PROCESS_TREE_MAX];
    size_t n;
} tree;

/* From "PID (NAME) STATE PPID ...", where the name may hold anything; 0: it is gone. */
static pid_t parent_of(pid_t pid)
{
    char path[64], line[512];
    int parent = 0;

    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    const char *name_end = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (!name_end || sscanf(name_end, ") %*c %d", &parent) != 1)
        parent = 0;
    (void)fclose(file);
    return parent;
}

static bool has(const tree *t, pid_t pid)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->pids[i] == pid)
            return true;
    return false;
}

/* The children of those that are in it already. False when there are none. */
static bool grow(tree *t)
{
    size_t before = t->n;
    DIR *processes = opendir("/proc");

    for (struct dirent *e; processes && t->n < HF_PROCESS_TREE_MAX && (e = readdir(processes));) {
        pid_t pid = isdigit((unsigned char)e->d_name[0]) ? (pid_t)strtol(e->d_name, NULL, 10) : 0;
        if (pid && !has(t, pid) && has(t, parent_of(pid)))
            t->pids[t->n++] = pid;
    }
    if (processes)
        (void)closedir(processes);
    return t->n > before;
}

uint64_t hf_process_tree_cpu_ns(pid_t root)
{
    tree t = {.pids = {root}, .n = 1};
    uint64_t sum = 0;

    while (t.n < HF_PROCESS_TREE_MAX && grow(&t))
        ;
    for (size_t i = 0; i < t.n; i++)
        sum += hf_clock_other_process_ns(t.pids[i]);
    return sum;
}
