/* Room `pin`, terminal half: a line from /dev/tty without echo (termios(3)).
 *
 * Signal keys are read as characters, so that an interrupted prompt still gives the terminal its echo back. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "handfast/secret.h"
#include "pin.h"

enum { KEY_CTRL_C = 3, KEY_CTRL_D = 4, KEY_BACKSPACE = 8, KEY_CTRL_U = 21, KEY_CTRL_BACKSLASH = 28, KEY_DELETE = 127 };

/* False when the user gave up or the terminal went away. */
static bool read_keys(int fd, hf_pin *out)
{
    for (;;) {
        unsigned char c = 0;
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || c == KEY_CTRL_C || c == KEY_CTRL_D || c == KEY_CTRL_BACKSLASH)
            return false;
        if (c == '\n' || c == '\r')
            return out->len > 0;
        if (c == KEY_BACKSPACE || c == KEY_DELETE) {
            if (out->len > 0)
                out->text[--out->len] = 0;
        } else if (c == KEY_CTRL_U) {
            hf_wipe(out, sizeof *out);
        } else if (out->len < HF_HSM_PIN_MAX) {
            out->text[out->len++] = (char)c;
        }
        c = 0;
    }
}

static void say(int fd, const char *text)
{
    ssize_t ignored = write(fd, text, strlen(text));
    (void)ignored;
}

hf_status hf_pin_prompt(const char *what, const char *option, hf_pin *out, const hf_why *why)
{
    struct termios before;

    memset(out, 0, sizeof *out);
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || tcgetattr(fd, &before) != 0) {
        if (fd >= 0)
            (void)close(fd);
        return hf_why_set(why, HF_ERR_PIN_SOURCE, "%s is needed and there is no terminal to ask on: give %s FILE", what,
                          option);
    }
    struct termios quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    /* Quiet first: what is typed as soon as the prompt shows is neither echoed nor thrown away. */
    bool good = tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
    say(fd, what);
    say(fd, ": ");
    good = good && read_keys(fd, out);
    (void)tcsetattr(fd, TCSAFLUSH, &before);
    say(fd, "\n");
    (void)close(fd);
    if (good)
        return HF_OK;
    hf_pin_cleanup(out);
    return hf_why_set(why, HF_ERR_PIN_SOURCE, "no PIN was typed");
}
