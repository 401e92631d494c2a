/* Users, new privileges and Landlock; the filters of system calls stand in confine_filter.c. See confine.h. */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli.h"

bool hf_user_find(const char *name, hf_user *out)
{
    errno = 0;
    const struct passwd *entry = getpwnam(name);
    if (!entry) {
        hf_cli_error("no such user: %s%s%s", name, errno ? ": " : "", errno ? strerror(errno) : "");
        return false;
    }
    *out = (hf_user){.name = name, .uid = entry->pw_uid, .gid = entry->pw_gid};
    return true;
}

bool hf_user_become(const hf_user *user)
{
    if (!user->name)
        return true;
    if (initgroups(user->name, user->gid) != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
        setresuid(user->uid, user->uid, user->uid) != 0) {
        hf_cli_error("cannot become user %s: %s; start as root, or without a user", user->name, strerror(errno));
        return false;
    }
    uid_t uids[3];
    bool gone = getresuid(&uids[0], &uids[1], &uids[2]) == 0 && uids[0] == user->uid && uids[1] == user->uid &&
                uids[2] == user->uid && (user->uid == 0 || setuid(0) != 0);
    if (!gone)
        hf_cli_error("the process could still become root again; it ends");
#if !defined(__SANITIZE_ADDRESS__) && !defined(HF_SANITIZED)
    if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0) /* another user: the kernel has set it anew */
        gone = false;
#endif
    return gone;
}

static bool no_new_privileges(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0)
        return true;
    hf_cli_error("cannot give up new privileges: %s", strerror(errno));
    return false;
}

#ifndef HF_SANITIZED /* sanitizers open files, map memory and attach to the process when they report */

/* Rights of files that this program's headers or older kernels may lack (landlock(7)): by version of the interface. */
static uint64_t file_rights(long version)
{
    uint64_t rights = (1ull << 13) - 1; /* version 1 */
    if (version >= 2)
        rights |= 1ull << 13; /* REFER */
    if (version >= 3)
        rights |= 1ull << 14; /* TRUNCATE */
    if (version >= 5)
        rights |= 1ull << 15; /* IOCTL_DEV */
    return rights;
}

/* Nothing below any folder but reading below root_fd. */
static bool restrict_files(int root_fd)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) {
        if (root_fd >= 0) /* else the filter of system calls lets no file be opened at all */
            hf_cli_warn(
                "this kernel has no Landlock: a network process that was taken over could read the files of its "
                "user; give it a user of its own with --user");
        return true;
    }
    struct landlock_ruleset_attr rules = {.handled_access_fs = file_rights(version)};
    long fd = syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    bool good = fd >= 0;
    if (good && root_fd >= 0) {
        struct landlock_path_beneath_attr below = {
            .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR, .parent_fd = root_fd};
        good = syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &below, 0) == 0;
    }
    good = good && syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    if (!good)
        hf_cli_error("Landlock refused the restriction of files: %s", strerror(errno));
    if (fd >= 0)
        close((int)fd);
    return good;
}

bool hf_confine_network_process(const hf_confine_network *needs)
{
    return no_new_privileges() && restrict_files(needs->root_fd) && hf_filter_network(needs);
}

bool hf_confine_key_process(hf_sandbox sandbox)
{
    return no_new_privileges() && (sandbox == HF_SANDBOX_OFF || hf_filter_key(sandbox == HF_SANDBOX_NETWORK));
}

#else

bool hf_confine_network_process(const hf_confine_network *needs)
{
    (void)needs;
    return no_new_privileges();
}

bool hf_confine_key_process(hf_sandbox sandbox)
{
    (void)sandbox;
    return no_new_privileges();
}

#endif
