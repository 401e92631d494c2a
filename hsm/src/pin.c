/* Room `pin`: PIN from a file, from a systemd credential, or (pin_prompt.c) from the terminal. */
#include "pin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handfast/secret.h"

#define PATH_ROOM 4096

/* Only its owner may reach the file. systemd gives credentials to a service user by an ACL, whose mask shows as the
 * group's read bit, so that bit is right there and nowhere else. */
static hf_status check_file(int fd, const char *path, bool credential, const hf_why *why)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return hf_why_set(why, HF_ERR_PIN_SOURCE, "PIN file %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
        return hf_why_set(why, HF_ERR_PIN_SOURCE, "PIN file %s is not a regular file: name a file", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return hf_why_set(why, HF_ERR_PIN_SOURCE,
                          "PIN file %s belongs to user %lu: only this user or root may own it: chown it", path,
                          (unsigned long)st.st_uid);
    if (st.st_mode & (credential ? 037 : 077))
        return hf_why_set(why, HF_ERR_PIN_SOURCE, "PIN file %s is open to others (mode %03o): chmod 600 it", path,
                          (unsigned)(st.st_mode & 0777));
    return HF_OK;
}

/* The first line, without its end. */
static hf_status read_line(int fd, const char *path, hf_pin *out, const hf_why *why)
{
    size_t len = 0;
    hf_status status = HF_OK;

    for (;;) {
        ssize_t got = read(fd, out->text + len, sizeof out->text - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            status = hf_why_set(why, HF_ERR_PIN_SOURCE, "PIN file %s: %s", path, strerror(errno));
            break;
        }
        char *end = memchr(out->text + len, '\n', (size_t)got);
        len += (size_t)got;
        if (end)
            len = (size_t)(end - out->text);
        if (end || got == 0)
            break;
        if (len > HF_HSM_PIN_MAX) {
            status = hf_why_set(why, HF_ERR_PIN_SOURCE, "the first line of PIN file %s is longer than %d bytes", path,
                                HF_HSM_PIN_MAX);
            break;
        }
    }
    if (len > 0 && len <= HF_HSM_PIN_MAX && out->text[len - 1] == '\r')
        len--;
    if (status == HF_OK && len == 0)
        status = hf_why_set(why, HF_ERR_PIN_SOURCE, "PIN file %s has an empty first line: write the PIN there", path);
    if (status != HF_OK) {
        hf_pin_cleanup(out);
        return status;
    }
    hf_wipe(out->text + len, sizeof out->text - len);
    out->len = len;
    return HF_OK;
}

static hf_status read_file(const char *path, const char *option, bool credential, hf_pin *out, const hf_why *why)
{
    if (strncmp(path, "file:", 5) == 0) {
        path += 5;
        if (strncmp(path, "//", 2) == 0)
            path += 2;
    }
    if (path[0] == '|')
        return hf_why_set(why, HF_ERR_PIN_SOURCE, "pin-source names a command, which is never run: name a file");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return hf_why_set(why, HF_ERR_PIN_SOURCE, "PIN file %s: %s: check %s", path, strerror(errno),
                          option ? option : "--pin-source or pin-source in the URI");
    hf_status status = check_file(fd, path, credential, why);
    if (status == HF_OK)
        status = read_line(fd, path, out, why);
    (void)close(fd);
    return status;
}

/* $CREDENTIALS_DIRECTORY holds a path, not a secret (systemd.exec(5)). */
static bool credential_path(const char *name, char *out, size_t max)
{
    const char *folder = name ? getenv("CREDENTIALS_DIRECTORY") : NULL;

    if (!folder || folder[0] != '/')
        return false;
    int len = snprintf(out, max, "%s/%s", folder, name);
    return len > 0 && (size_t)len < max && access(out, F_OK) == 0;
}

hf_status hf_pin_read(const hf_pin_source *source, const char *what, hf_pin *out, const hf_why *why)
{
    const char *option = source->option ? source->option : "--pin-source";
    char path[PATH_ROOM];

    memset(out, 0, sizeof *out);
    if (source->file)
        return read_file(source->file, source->option, false, out, why);
    if (source->uri_file)
        return read_file(source->uri_file, source->option, false, out, why);
    if (credential_path(source->credential, path, sizeof path))
        return read_file(path, source->option, true, out, why);
    if (!source->prompt)
        return hf_why_set(
            why, HF_ERR_PIN_SOURCE, "%s is needed: give %s FILE%s", what, option,
            source->credential ? ", pin-source=FILE in the URI, or the systemd credential \"handfast-pin\"" : "");
    hf_status status = hf_pin_prompt(what, option, out, why);
    if (status != HF_OK || !source->confirm)
        return status;
    hf_pin again;
    status = hf_pin_prompt("The same again", option, &again, why);
    if (status == HF_OK && (again.len != out->len || !hf_ct_equal(again.text, out->text, out->len)))
        status = hf_why_set(why, HF_ERR_PIN_SOURCE, "the two PINs differ: type the same PIN twice");
    hf_pin_cleanup(&again);
    if (status != HF_OK)
        hf_pin_cleanup(out);
    return status;
}

void hf_pin_cleanup(hf_pin *pin)
{
    hf_wipe(pin, sizeof *pin);
}
