/* What every subcommand shares: exit codes, one-line errors, parsing of small values, hardening of the process. */
#ifndef HANDFAST_APPS_CLI_H
#define HANDFAST_APPS_CLI_H

#include <stdbool.h>
#include <stddef.h>

enum { HF_EXIT_DONE = 0, HF_EXIT_FAILED = 1, HF_EXIT_USAGE = 2 };

#define HF_HOST_MAX 256 /* bytes of a host name with its terminator */
#define HF_PORT_MAX 6   /* "65535" with its terminator */
#define HF_LINE_MAX 512 /* bytes of one line of a log with its terminator */

/* One line on stderr, "handfast: ..." / "handfast: warning: ...". Control characters are replaced. Any thread. */
void hf_cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void hf_cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What is no error: "handfast: ...". Any thread. */
void hf_cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Put before every error that this thread tells from now on; static storage. "": nothing. */
void hf_cli_context(const char *context);

/* Copies text for a terminal or log: everything but printable ASCII becomes '?', cut at max - 1. text may be NULL. */
void hf_cli_clean(char *out, size_t max, const char *text);

/* A decimal number in min..max, nothing else around it. */
bool hf_cli_number(const char *text, unsigned long min, unsigned long max, unsigned long *out);

typedef struct hf_host_port {
    char host[HF_HOST_MAX]; /* empty: any address */
    char port[HF_PORT_MAX];
} hf_host_port;

/* "host:443", "192.0.2.1:443", "[2001:db8::1]:443", ":443", "*:443". */
bool hf_cli_host_port(const char *text, hf_host_port *out);

/* Calls `each` with every non-empty item of a list separated by commas or colons; false when `each` said so, when
 * an item is empty or longer than 255 bytes. */
bool hf_cli_list(const char *text, bool (*each)(void *arg, const char *item), void *arg);

/* No core dumps, not attachable, SIGPIPE and SIGXFSZ ignored: before any secret is read. */
void hf_cli_harden(void);

/* The rest of a subcommand's line was not understood: says so and where help is. Returns HF_EXIT_USAGE. */
int hf_cli_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
