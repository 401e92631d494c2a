/* Giving up what a process does not need: its user, its files, its system calls (docs/security.md, "Isolation"). */
#ifndef HANDFAST_APPS_CONFINE_H
#define HANDFAST_APPS_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct hf_user {
    const char *name; /* NULL: stay who we are */
    uid_t uid;
    gid_t gid;
} hf_user;

/* Finds the user; false after saying why. */
bool hf_user_find(const char *name, hf_user *out);
/* Becomes that user for good, with its groups. False after saying why: then the process must end. */
bool hf_user_become(const hf_user *user);

typedef struct hf_confine_network {
    int root_fd;   /* the folder whose files may be read; -1: no file at all */
    bool connects; /* may open TCP connections: a backend */
} hf_confine_network;

/* The network process, after everything is open and before its threads start: no new privileges; files by Landlock
 * (where the kernel has it; a warning where it has not and files could matter); system calls by an allow-list. No
 * program can be started, no code be mapped, no other process be touched. False after saying why. */
bool hf_confine_network_process(const hf_confine_network *needs);

typedef enum hf_sandbox {
    HF_SANDBOX_LOCAL,   /* no programs, no other processes, no network */
    HF_SANDBOX_NETWORK, /* the same, with network sockets: for modules of network HSMs */
    HF_SANDBOX_OFF      /* only no new privileges: for modules that start programs */
} hf_sandbox;

/* The key process, before its module is loaded. */
bool hf_confine_key_process(hf_sandbox sandbox);

/* For confine.c: installs the filters (confine_filter.c). */
bool hf_filter_network(const hf_confine_network *needs);
bool hf_filter_key(bool sockets);

#endif
